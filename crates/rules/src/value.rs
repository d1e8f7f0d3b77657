//! Values of expressions and of JSON.

use rhai::{Dynamic, Map};
use serde_json::{Number, Value};

/// How deep a value may be nested.
const DEPTH: usize = 64;

/// A value of JSON as expressions see it: `null` is `()`, numbers are whole or not.
pub(crate) fn from_json(value: Value) -> Dynamic {
    match value {
        Value::Null => Dynamic::UNIT,
        Value::Bool(it) => it.into(),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => whole.into(),
            None => number.as_f64().unwrap_or(f64::NAN).into(),
        },
        Value::String(text) => text.into(),
        Value::Array(all) => Dynamic::from_array(all.into_iter().map(from_json).collect()),
        Value::Object(members) => {
            let members = members.into_iter();
            let map: Map = members
                .map(|(name, value)| (name.into(), from_json(value)))
                .collect();
            map.into()
        }
    }
}

/// A value of an expression as JSON.
pub(crate) fn to_json(value: &Dynamic) -> Result<Value, String> {
    nested(value, 0)
}

fn nested(value: &Dynamic, depth: usize) -> Result<Value, String> {
    if depth > DEPTH {
        return Err(format!("the value is nested deeper than {DEPTH}"));
    }
    if value.is_unit() {
        return Ok(Value::Null);
    }
    if let Ok(it) = value.as_bool() {
        return Ok(Value::Bool(it));
    }
    if let Ok(whole) = value.as_int() {
        return Ok(whole.into());
    }
    if let Ok(number) = value.as_float() {
        let number = Number::from_f64(number);
        return number
            .map(Value::Number)
            .ok_or_else(|| "a number is infinite, or none at all".to_owned());
    }
    if let Ok(text) = value.as_immutable_string_ref() {
        return Ok(Value::String(text.to_string()));
    }
    if let Ok(one) = value.as_char() {
        return Ok(Value::String(one.into()));
    }
    if let Ok(all) = value.as_array_ref() {
        let all: Result<Vec<_>, _> = all.iter().map(|it| nested(it, depth + 1)).collect();
        return all.map(Value::Array);
    }
    if let Ok(map) = value.as_map_ref() {
        let members = map
            .iter()
            .map(|(name, it)| nested(it, depth + 1).map(|it| (name.to_string(), it)));
        let members: Result<serde_json::Map<_, _>, _> = members.collect();
        return members.map(Value::Object);
    }
    Err(format!("a value of type {} is no JSON", value.type_name()))
}

/// A single value as it stands in a text.
pub(crate) fn to_text(value: &Dynamic) -> Result<String, String> {
    match to_json(value)? {
        Value::String(text) => Ok(text),
        Value::Bool(it) => Ok(it.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Null => Err("there is no such value".to_owned()),
        Value::Array(_) | Value::Object(_) => {
            Err("a list or an object cannot stand in a text".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_comes_back_as_it_was() {
        let value = serde_json::json!({
            "a": [1, 2.5, null, true, "x"], "b": {"c": {}}, "least": i64::MIN, "": [],
        });
        assert_eq!(to_json(&from_json(value.clone())), Ok(value));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        assert!(to_json(&f64::NAN.into()).is_err());
        assert!(to_json(&Dynamic::from(rhai::Blob::new())).is_err());
        let mut deep = Dynamic::UNIT;
        for _ in 0..=DEPTH {
            deep = Dynamic::from_array(vec![deep]);
        }
        assert!(to_json(&deep).is_err());
        assert!(to_text(&Dynamic::UNIT).is_err());
        assert_eq!(to_text(&1.5.into()).unwrap(), "1.5");
    }
}
