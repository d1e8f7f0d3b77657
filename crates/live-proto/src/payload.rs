//! In which form a payload is shown.

use spica_model::ContentType;

use crate::sound;
use crate::write::Writer;

/// A payload in the form in which it is shown, which is what it claims to be if it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown<'a> {
    /// JSON that every reader can read.
    Json(&'a str),
    /// Text.
    Text(&'a str),
    /// What claims to be no more than bytes.
    Bytes(&'a [u8]),
    /// What is not what it claims to be: bytes without a claim.
    Broken(&'a [u8]),
}

impl<'a> Shown<'a> {
    pub(crate) fn of(content_type: &ContentType, payload: &'a [u8]) -> Self {
        match Form::of(content_type) {
            Form::Json if sound::check(payload, sound::DEPTH).is_err() => Self::Broken(payload),
            Form::Json => std::str::from_utf8(payload).map_or(Self::Broken(payload), Self::Json),
            Form::Text => std::str::from_utf8(payload).map_or(Self::Broken(payload), Self::Text),
            Form::Bytes => Self::Bytes(payload),
        }
    }

    /// Writes the two elements `content` and `payload` of a row.
    pub(crate) fn write(self, content_type: &ContentType, to: &mut Writer<'_>) {
        match (self, content_type) {
            (Self::Broken(_), _) | (_, ContentType::Bytes) => to.u64(BYTES),
            (_, ContentType::Json) => to.u64(JSON),
            (_, ContentType::Text) => to.u64(TEXT),
            (_, other) => to.text(other.as_str()),
        }
        match self {
            Self::Json(json) => to.json_text(json),
            Self::Text(text) => to.text(text),
            Self::Bytes(bytes) | Self::Broken(bytes) => to.bytes(bytes),
        }
    }
}

/// `content` of a row: `application/json`.
pub(crate) const JSON: u64 = 0;
/// `content` of a row: `text/plain; charset=utf-8`.
pub(crate) const TEXT: u64 = 1;
/// `content` of a row: `application/octet-stream`, or a payload that is not what it claims to be.
pub(crate) const BYTES: u64 = 2;

/// What a content type claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Text,
    Bytes,
}

impl Form {
    pub(crate) fn of(content_type: &ContentType) -> Self {
        match content_type {
            ContentType::Json => Self::Json,
            ContentType::Text => Self::Text,
            // A format on top of JSON (RFC 6839).
            ContentType::Other(other) if has_json_suffix(other.as_str()) => Self::Json,
            ContentType::Other(other) if other.as_str().starts_with("text/") => Self::Text,
            _ => Self::Bytes,
        }
    }
}

fn has_json_suffix(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or(content_type);
    essence.trim_end().ends_with("+json")
}
