//! Finding the number in a payload.

use serde_json::Value;
use spica_model::{ContentType, Op, Quality, Record};

/// Longest payload, or part of one, that is looked at for being a plain number.
const NUMBER_BYTES: usize = 40;
/// Longest JSON payload in which a number is looked for by a pointer.
const JSON_BYTES: usize = 64 << 10;

/// The number that a record says: at `pointer` (RFC 6901) of its JSON payload, or the whole payload,
/// JSON or text, if that is empty. None if there is no finite number, or if the record's quality is
/// bad, it deletes its topic or is a copy.
#[must_use]
pub fn number_of(record: &Record, pointer: &str) -> Option<f64> {
    if record.op != Op::Put || record.quality == Quality::Bad {
        return None;
    }
    let payload = &record.payload[..];
    if pointer.is_empty() {
        return match record.content_type {
            ContentType::Json | ContentType::Text | ContentType::Bytes => plain(payload),
            _ => None,
        };
    }
    if record.content_type != ContentType::Json || payload.len() > JSON_BYTES {
        return None;
    }
    let value: Value = serde_json::from_slice(payload).ok()?;
    match value.pointer(pointer)? {
        Value::Number(number) => number.as_f64(),
        Value::Bool(on) => Some(f64::from(*on)),
        _ => None,
    }
}

/// A payload that is a number in decimal and nothing else.
fn plain(payload: &[u8]) -> Option<f64> {
    if payload.len() > NUMBER_BYTES {
        return None;
    }
    // Cheap, since most payloads that are none begin otherwise.
    let first = payload.trim_ascii_start().first()?;
    if !matches!(first, b'0'..=b'9' | b'-' | b'+' | b'.') {
        return None;
    }
    let number: f64 = std::str::from_utf8(payload).ok()?.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use spica_handler::contract::record;
    use spica_model::{Lane, Seq};

    fn number(content_type: ContentType, payload: &'static str, pointer: &str) -> Option<f64> {
        let record = Record {
            content_type,
            payload: Bytes::from_static(payload.as_bytes()),
            ..record(Lane::Normal, Seq(1))
        };
        number_of(&record, pointer)
    }

    #[test]
    fn numbers_are_found_and_nothing_else() {
        use ContentType::{Jpeg, Json, Text};
        for (text, want) in [
            ("42", Some(42.0)),
            (" -1.5e3\n", Some(-1_500.0)),
            (".5", Some(0.5)),
            ("", None),
            ("nan", None),
            ("inf", None),
            ("-inf", None),
            ("1e999", None),
            ("12 V", None),
            ("\"12\"", None),
            ("true", None),
            ("1111111111111111111111111111111111111111111", None),
        ] {
            assert_eq!(number(Text, text, ""), want, "{text:?}");
            assert_eq!(number(Json, text, ""), want, "{text:?} as JSON");
            assert_eq!(number(Jpeg, text, ""), None);
        }
        let json = r#"{"a":{"b":[1,2.5]},"on":true,"s":"3"}"#;
        for (pointer, want) in [
            ("/a/b/1", Some(2.5)),
            ("/on", Some(1.0)),
            ("/s", None),
            ("/missing", None),
            ("/a", None),
        ] {
            assert_eq!(number(Json, json, pointer), want, "{pointer}");
            assert_eq!(number(Text, json, pointer), None);
        }
    }

    #[test]
    fn what_is_not_to_be_used_is_no_number() {
        let good = record(Lane::Normal, Seq(3));
        assert_eq!(number_of(&good, ""), Some(3.5));
        let bad = Record {
            quality: Quality::Bad,
            ..good.clone()
        };
        assert_eq!(number_of(&bad, ""), None);
        let deleted = Record {
            op: Op::Delete,
            ..good
        };
        assert_eq!(number_of(&deleted, ""), None);
    }
}
