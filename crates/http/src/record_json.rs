//! How a record looks in JSON, wherever this interface shows one.

use std::borrow::Cow;

use crate::properties_json::PropertiesJson;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;
use serde_json::value::RawValue;
use spica_model::{ContentType, Op, Record, Timestamp};
use utoipa::ToSchema;

use crate::schemas::{ClassText, KindText, OpText, PositionText, QualityText, TimeText, TopicText};
use spica_live_proto::sound;

/// A record in JSON. A payload stands in one of `value`, `text` and `base64`; a tombstone has none.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Record)]
pub struct RecordJson<'a> {
    /// Epoch, lane and number: `1/normal/42`.
    #[schema(value_type = PositionText)]
    position: String,
    /// What it is about.
    #[schema(value_type = TopicText)]
    topic: &'a str,
    /// The lane: `critical` or `normal`.
    #[schema(value_type = ClassText)]
    class: &'static str,
    /// `state` (the last one matters) or `event` (each one matters).
    #[schema(value_type = KindText)]
    kind: &'static str,
    /// `put`, or `delete` for a tombstone.
    #[schema(value_type = OpText)]
    op: &'static str,
    /// `good`, `uncertain` or `bad`.
    #[schema(value_type = QualityText)]
    quality: &'static str,
    /// When the node received it (RFC 3339, UTC).
    #[schema(value_type = TimeText)]
    received: String,
    /// When its source says it happened.
    #[schema(value_type = Option<TimeText>)]
    source_time: Option<String>,
    /// The payload's media type.
    content_type: &'a str,
    /// The payload, if it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<serde_json::Value>)]
    value: Option<Cow<'a, RawValue>>,
    /// The payload, if it is text.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    text: Option<&'a str>,
    /// The payload, if it is anything else (standard base64 with padding).
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    /// The idempotency key (standard base64). For a key that came by HTTP, its scoped hash.
    key: Option<String>,
    /// Who asked for it, or what led to it.
    cause: Option<&'a str>,
    /// What its protocol says of it beside the payload.
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<PropertiesJson<'a>>,
}

/// A payload in the form in which it is shown.
#[derive(Debug)]
pub(crate) enum Shown<'a> {
    /// JSON on one line.
    Value(Cow<'a, RawValue>),
    /// Text.
    Text(&'a str),
    /// Anything else, in base64.
    Base64(String),
    /// A tombstone has none.
    Nothing,
}

impl<'a> Shown<'a> {
    pub(crate) fn of(record: &'a Record) -> Self {
        if record.op == Op::Delete {
            return Self::Nothing;
        }
        let payload = &record.payload[..];
        match &record.content_type {
            ContentType::Json => one_line(payload).map(Self::Value),
            ContentType::Text => std::str::from_utf8(payload).ok().map(Self::Text),
            ContentType::Other(other) if is_json(other.as_str()) => {
                one_line(payload).map(Self::Value)
            }
            ContentType::Other(other) if is_text(other.as_str()) => {
                std::str::from_utf8(payload).ok().map(Self::Text)
            }
            _ => None,
        }
        // A payload that is not what it claims to be is shown as the bytes it is.
        .unwrap_or_else(|| Self::Base64(BASE64.encode(payload)))
    }
}

/// Whether it is a format on top of JSON (RFC 6839).
fn is_json(content_type: &str) -> bool {
    content_type
        .split(';')
        .next()
        .is_some_and(|essence| essence.trim_end().ends_with("+json"))
}

fn is_text(content_type: &str) -> bool {
    content_type.starts_with("text/")
}

/// JSON without line breaks, as NDJSON and server-sent events need it; `None` if it is none that
/// every reader can read.
/// Between tokens a line break may be left out, and within a string a raw one is not allowed: so
/// leaving all of them out changes nothing else, not even a number's digits.
fn one_line(payload: &[u8]) -> Option<Cow<'_, RawValue>> {
    sound::check(payload, sound::DEPTH).ok()?;
    let raw: &RawValue = serde_json::from_slice(payload).ok()?;
    if !raw.get().contains(['\n', '\r']) {
        return Some(Cow::Borrowed(raw));
    }
    let line: String = raw
        .get()
        .chars()
        .filter(|c| !matches!(c, '\n' | '\r'))
        .collect();
    RawValue::from_string(line).ok().map(Cow::Owned)
}

impl<'a> From<&'a Record> for RecordJson<'a> {
    fn from(record: &'a Record) -> Self {
        let (mut value, mut text, mut base64) = (None, None, None);
        match Shown::of(record) {
            Shown::Value(raw) => value = Some(raw),
            Shown::Text(plain) => text = Some(plain),
            Shown::Base64(encoded) => base64 = Some(encoded),
            Shown::Nothing => {}
        }
        Self {
            position: record.position.to_string(),
            topic: record.topic.as_str(),
            class: record.position.lane.as_str(),
            kind: record.kind.as_str(),
            op: record.op.as_str(),
            quality: record.quality.as_str(),
            received: record.received.to_string(),
            source_time: time(record.source_time),
            content_type: record.content_type.as_str(),
            value,
            text,
            base64,
            key: key(record),
            cause: record.cause.as_ref().map(spica_model::Cause::as_str),
            properties: record.properties.as_ref().map(PropertiesJson::from),
        }
    }
}

/// A record as one line of JSON.
#[must_use]
pub fn encode(record: &Record) -> Vec<u8> {
    // Strings, and JSON that was checked: this cannot fail.
    serde_json::to_vec(&RecordJson::from(record)).unwrap_or_default()
}

/// A record's key in base64.
pub(crate) fn key(record: &Record) -> Option<String> {
    record.key.as_ref().map(|key| BASE64.encode(key.as_bytes()))
}

/// A time as RFC 3339 text.
pub(crate) fn time(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use spica_model::{Cause, Epoch, Key, Kind, Lane, Position, Quality, Seq, Topic};

    fn record(content_type: &str, payload: &'static [u8]) -> Record {
        Record {
            position: Position {
                epoch: Epoch::FIRST,
                lane: Lane::Normal,
                seq: Seq(42),
            },
            topic: Topic::new("root/a").unwrap(),
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: Timestamp::EPOCH,
            source_time: None,
            content_type: ContentType::parse(content_type).unwrap(),
            payload: Bytes::from_static(payload),
            key: Some(Key::new(&b"\xff\x00"[..]).unwrap()),
            cause: Some(Cause::new("token:1").unwrap()),
            properties: None,
        }
    }

    fn shown(content_type: &str, payload: &'static [u8]) -> String {
        String::from_utf8(encode(&record(content_type, payload))).unwrap()
    }

    #[test]
    fn the_whole_record_is_shown() {
        assert_eq!(
            shown("application/json", b"{\"a\":1}"),
            r#"{"position":"1/normal/42","topic":"root/a","class":"normal","kind":"event","op":"put","quality":"good","received":"1970-01-01T00:00:00.000000Z","source_time":null,"content_type":"application/json","value":{"a":1},"key":"/wA=","cause":"token:1"}"#
        );
    }

    #[test]
    fn each_payload_is_shown_in_the_form_it_has() {
        for (content_type, payload, part) in [
            ("application/json", &b"null"[..], r#""value":null"#),
            ("application/json", b"[1,\r\n 2]", r#""value":[1, 2]"#),
            (
                "application/json",
                b"123456789012345678901234567890.10",
                "901234567890.10,",
            ),
            (
                "application/json",
                b"{\"broken\":",
                r#""base64":"eyJicm9rZW4iOg==""#,
            ),
            ("text/plain", b"a\nb", r#""text":"a\nb""#),
            ("application/senml+json;v=1", b"[1]", r#""value":[1]"#),
            ("application/json", b"1e400", r#""base64":"MWU0MDA=""#),
            ("text/csv", b"a,b", r#""text":"a,b""#),
            ("text/plain", b"\xff", r#""base64":"/w==""#),
            ("application/cbor", b"\x01", r#""base64":"AQ==""#),
            ("application/octet-stream", b"", r#""base64":"""#),
        ] {
            let line = shown(content_type, payload);
            assert!(line.contains(part), "{content_type} {payload:?}: {line}");
            assert!(!line.contains('\n'), "one line: {line}");
        }
    }

    #[test]
    fn a_tombstone_shows_no_payload() {
        let mut tombstone = record("application/json", b"1");
        tombstone.op = Op::Delete;
        let line = String::from_utf8(encode(&tombstone)).unwrap();
        for part in ["\"value\"", "\"text\"", "\"base64\""] {
            assert!(!line.contains(part), "{line}");
        }
        assert!(line.contains(r#""op":"delete""#));
    }
}
