//! Records as clients write them: a batch in JSON or NDJSON, or the query of a single publish.
//!
//! Pure functions of bytes. A batch is taken whole or not at all; each error names the record and
//! the field.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use spica_model::{ContentType, Kind, Lane, Quality, Timestamp, Topic, limits};

use crate::problem::PartError;
use spica_live_proto::sound;

/// How many errors a refused batch lists.
pub const ERRORS: usize = 20;

/// A record that a client wants to publish, checked on its own, not yet against the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is about.
    pub topic: Topic,
    /// Its lane.
    pub class: Lane,
    /// How the topic's records relate.
    pub kind: Kind,
    /// How far it can be trusted.
    pub quality: Quality,
    /// When its source says it happened.
    pub source_time: Option<Timestamp>,
    /// What the payload is.
    pub content_type: ContentType,
    /// The payload.
    pub payload: Bytes,
    /// The client's idempotency key, not yet scoped.
    pub key: Option<String>,
}

/// The syntax of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// One JSON array of objects.
    Json,
    /// One object per line.
    Ndjson,
}

/// A record of a batch, before its fields are read. Fields stay raw so that an error can name them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    topic: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    value: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    text: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    base64: Option<&'a RawValue>,
    #[serde(borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    class: Option<&'a RawValue>,
    #[serde(borrow)]
    quality: Option<&'a RawValue>,
    #[serde(borrow)]
    source_time: Option<&'a RawValue>,
    #[serde(borrow)]
    content_type: Option<&'a RawValue>,
    #[serde(borrow)]
    key: Option<&'a RawValue>,
}

/// Tells `null` from a missing field: `"value": null` is a payload.
fn present<'de, D: Deserializer<'de>>(from: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// Reads a batch of at most `max` records.
///
/// # Errors
/// The first [`ERRORS`] things that are wrong, by record and field.
pub fn parse(body: &Bytes, syntax: Syntax, max: usize) -> Result<Vec<Draft>, Vec<PartError>> {
    let items = split(body, syntax, max)?;
    let mut drafts = Vec::with_capacity(items.len());
    let mut errors = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        match draft(item) {
            Ok(draft) => drafts.push(draft),
            Err((field, detail)) => {
                errors.push(PartError {
                    index: Some(index),
                    field: field.map(str::to_owned),
                    detail,
                });
            }
        }
        if errors.len() == ERRORS {
            break;
        }
    }
    if errors.is_empty() {
        Ok(drafts)
    } else {
        Err(errors)
    }
}

fn split(body: &[u8], syntax: Syntax, max: usize) -> Result<Vec<&RawValue>, Vec<PartError>> {
    let whole = |detail: String| {
        vec![PartError {
            index: None,
            field: None,
            detail,
        }]
    };
    let items = match syntax {
        Syntax::Json => serde_json::from_slice(body)
            .map_err(|e| whole(format!("the body is no JSON array of records: {e}")))?,
        Syntax::Ndjson => lines(body)?,
    };
    if items.len() > max {
        let count = items.len();
        return Err(whole(format!(
            "{count} records; a batch has at most {max}: split it"
        )));
    }
    Ok(items)
}

fn lines(body: &[u8]) -> Result<Vec<&RawValue>, Vec<PartError>> {
    let lines = body
        .split(|b| *b == b'\n')
        .filter(|line| !line.trim_ascii().is_empty());
    let read = |(index, line)| {
        serde_json::from_slice(line).map_err(|e| {
            let detail = format!("the line is no JSON object: {e}");
            vec![PartError {
                index: Some(index),
                field: None,
                detail,
            }]
        })
    };
    lines.enumerate().map(read).collect()
}

type FieldError = (Option<&'static str>, String);

fn draft(raw: &RawValue) -> Result<Draft, FieldError> {
    // serde would take an array for a struct, its fields in order: nobody means that.
    if !raw.get().starts_with('{') {
        return Err((None, "no record: a record is an object".to_owned()));
    }
    let item: Item<'_> =
        serde_json::from_str(raw.get()).map_err(|e| (None, format!("no record: {e}")))?;
    let topic = required("topic", item.topic)?;
    let (field, payload, usual) = payload(&item)?;
    let content_type = word("content_type", item.content_type, usual, |text| {
        ContentType::parse(text).map_err(|e| e.to_string())
    })?;
    if field == "value" || content_type == ContentType::Json {
        sound::check(&payload, sound::DEPTH).map_err(|e| (Some(field), e.to_string()))?;
    }
    Ok(Draft {
        topic: Topic::new(topic).map_err(|e| (Some("topic"), e.to_string()))?,
        class: word("class", item.class, Lane::Normal, class)?,
        kind: word("kind", item.kind, Kind::State, str::parse)?,
        quality: word("quality", item.quality, Quality::Good, str::parse)?,
        source_time: word("source_time", item.source_time, None, |text| {
            text.parse()
                .map(Some)
                .map_err(|e: spica_model::ParseTimestampError| e.to_string())
        })?,
        content_type,
        payload,
        key: word("key", item.key, None, |text| key(text).map(Some))?,
    })
}

/// The field of the payload, the payload, and the content type it has unless one is given.
fn payload(item: &Item<'_>) -> Result<(&'static str, Bytes, ContentType), FieldError> {
    let (field, bytes, usual) = match (item.value, item.text, item.base64) {
        (Some(value), None, None) => ("value", value.get().as_bytes().into(), ContentType::Json),
        (None, Some(text), None) => (
            "text",
            string("text", text)?.into_owned().into_bytes(),
            ContentType::Text,
        ),
        (None, None, Some(encoded)) => {
            let bytes = BASE64.decode(string("base64", encoded)?.as_bytes());
            (
                "base64",
                bytes.map_err(|e| (Some("base64"), e.to_string()))?,
                ContentType::Bytes,
            )
        }
        _ => {
            return Err((
                None,
                "exactly one of value, text and base64 is needed".to_owned(),
            ));
        }
    };
    if bytes.len() > limits::PAYLOAD_BYTES {
        let detail = format!(
            "{} bytes; at most {} are allowed",
            bytes.len(),
            limits::PAYLOAD_BYTES
        );
        return Err((Some(field), detail));
    }
    Ok((field, bytes.into(), usual))
}

fn required<'a>(field: &'static str, raw: Option<&'a RawValue>) -> Result<String, FieldError> {
    let raw: &'a RawValue = raw.ok_or_else(|| (Some(field), "missing".to_owned()))?;
    string(field, raw).map(Cow::into_owned)
}

fn string<'a>(field: &'static str, raw: &'a RawValue) -> Result<Cow<'a, str>, FieldError> {
    // `Cow` alone would always copy: serde borrows only on request.
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);

    let text: Result<Borrowed<'a>, _> = serde_json::from_str(raw.get());
    text.map(|text| text.0)
        .map_err(|_| (Some(field), "must be a string".to_owned()))
}

/// A field of text that may be missing or null.
fn word<T>(
    field: &'static str,
    raw: Option<&RawValue>,
    missing: T,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<T, FieldError> {
    match raw {
        None => Ok(missing),
        Some(raw) if raw.get() == "null" => Ok(missing),
        Some(raw) => read(&string(field, raw)?).map_err(|detail| (Some(field), detail)),
    }
}

/// Reads a class.
///
/// # Errors
/// If it is neither `critical` nor `normal`.
pub fn class(text: &str) -> Result<Lane, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is none of critical, normal"))
}

/// Longest idempotency key of a client, in bytes.
pub const KEY_BYTES: usize = 255;

/// Checks an idempotency key.
///
/// # Errors
/// If it is empty, longer than [`KEY_BYTES`], or has control characters.
pub fn key(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > KEY_BYTES || text.chars().any(char::is_control) {
        return Err(format!(
            "an idempotency key is 1 to {KEY_BYTES} bytes of text without control characters"
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
