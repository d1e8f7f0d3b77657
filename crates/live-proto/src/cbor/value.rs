//! CBOR as a JSON value.

use serde_json::{Map, Number, Value};

use super::{NULL, entries, float, integer, items, text, truth};

/// The JSON value of a well-formed item; `None` if it has what JSON has not: bytes, tags, numbers
/// that are none or beyond 64 bits, keys that are no text. Of keys that come twice the last holds,
/// as in JSON.
pub(crate) fn value(item: &[u8]) -> Option<Value> {
    if item == [NULL] {
        return Some(Value::Null);
    }
    if let Some(truth) = truth(item) {
        return Some(Value::Bool(truth));
    }
    if let Some(whole) = integer(item) {
        return Number::from_i128(whole).map(Value::Number);
    }
    if let Some(number) = float(item) {
        return Number::from_f64(number).map(Value::Number);
    }
    if let Some(text) = text(item) {
        return Some(Value::String(text.into_owned()));
    }
    if let Some(items) = items(item) {
        let items: Option<_> = items.into_iter().map(value).collect();
        return items.map(Value::Array);
    }
    let mut map = Map::new();
    for entry in entries(item)?.chunks_exact(2) {
        map.insert(text(entry[0])?.into_owned(), value(entry[1])?);
    }
    Some(Value::Object(map))
}
