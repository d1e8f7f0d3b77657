//! Frames are written as lists of fields.

use serde_json::Value;
use spica_model::Place;

use crate::write::Writer;
use crate::{Encoding, SubId, place};

/// The value of a key.
pub(crate) enum Field<'a> {
    Null,
    Bool(bool),
    Number(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
    Texts(Vec<&'a str>),
    Place(&'a Place),
    Value(&'a Value),
    Map(Fields<'a>),
}

/// Keys and their values, in the order in which they are written.
pub(crate) type Fields<'a> = Vec<Entry<'a>>;

/// A key and its value.
pub(crate) type Entry<'a> = (&'static str, Field<'a>);

pub(crate) fn sub(sub: SubId) -> Entry<'static> {
    ("sub", Field::Number(u64::from(sub.0)))
}

pub(crate) fn id(id: u64) -> Entry<'static> {
    ("id", Field::Number(id))
}

/// Appends the frame `name` with `fields` to `out`.
pub(crate) fn write(
    encoding: Encoding,
    name: &'static str,
    fields: &Fields<'_>,
    out: &mut Vec<u8>,
) {
    let mut to = Writer::new(encoding, out);
    to.map(1 + fields.len());
    to.key("t");
    to.text(name);
    fields
        .iter()
        .for_each(|(key, value)| entry(key, value, &mut to));
    to.end_map();
}

fn entry(key: &str, value: &Field<'_>, to: &mut Writer<'_>) {
    to.key(key);
    match value {
        Field::Null => to.null(),
        Field::Bool(truth) => to.bool(*truth),
        Field::Number(number) => to.u64(*number),
        Field::Signed(number) => to.i64(*number),
        Field::Float(number) => to.f64(*number),
        Field::Text(text) => to.text(text),
        Field::Texts(texts) => {
            to.array(texts.len());
            texts.iter().for_each(|text| to.text(text));
            to.end_array();
        }
        Field::Place(at) => place::write(at, to),
        Field::Value(value) => to.value(value),
        Field::Map(fields) => {
            to.map(fields.len());
            fields.iter().for_each(|(key, value)| entry(key, value, to));
            to.end_map();
        }
    }
}
