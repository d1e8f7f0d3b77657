//! What the bytes of a payload are.

use std::fmt;

use bytes::Bytes;

use crate::limits;

/// The media type of a payload. The common ones are a number on disk; others are kept as text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum ContentType {
    /// `application/octet-stream`
    #[default]
    Bytes,
    /// `application/json`
    Json,
    /// `text/plain; charset=utf-8`
    Text,
    /// `application/cbor`
    Cbor,
    /// `image/jpeg`
    Jpeg,
    /// Any other media type, as it was given.
    Other(OtherType),
}

/// The text of an uncommon media type: visible ASCII, at most [`limits::CONTENT_TYPE_BYTES`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OtherType(Bytes);

/// Why a text is no media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentTypeError {
    /// Longer than the limit.
    #[error("a content type has at most {} bytes", limits::CONTENT_TYPE_BYTES)]
    TooLong,
    /// Not `type/subtype` in visible ASCII.
    #[error("a content type looks like type/subtype, in visible ASCII")]
    Malformed,
}

impl ContentType {
    /// Reads a media type as it stands in a `Content-Type` header.
    ///
    /// # Errors
    /// If it is longer than [`limits::CONTENT_TYPE_BYTES`] or has no `type/subtype` form.
    pub fn parse(text: &str) -> Result<Self, ContentTypeError> {
        let essence = text.split(';').next().unwrap_or(text).trim();
        Ok(match essence {
            "application/octet-stream" => Self::Bytes,
            "application/json" => Self::Json,
            "text/plain" => Self::Text,
            "application/cbor" => Self::Cbor,
            "image/jpeg" => Self::Jpeg,
            _ => Self::Other(OtherType::parse(Bytes::copy_from_slice(text.as_bytes()))?),
        })
    }

    /// An uncommon type from shared bytes, checked.
    ///
    /// # Errors
    /// As [`ContentType::parse`].
    pub fn other(text: Bytes) -> Result<Self, ContentTypeError> {
        OtherType::parse(text).map(Self::Other)
    }

    /// The media type as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Bytes => "application/octet-stream",
            Self::Json => "application/json",
            Self::Text => "text/plain; charset=utf-8",
            Self::Cbor => "application/cbor",
            Self::Jpeg => "image/jpeg",
            Self::Other(text) => text.as_str(),
        }
    }
}

impl OtherType {
    fn parse(text: Bytes) -> Result<Self, ContentTypeError> {
        if text.len() > limits::CONTENT_TYPE_BYTES {
            return Err(ContentTypeError::TooLong);
        }
        let visible = text.iter().all(|b| (0x20..0x7f).contains(b));
        let slash = text.iter().position(|b| *b == b'/');
        match slash {
            Some(at) if visible && at > 0 && at + 1 < text.len() => Ok(Self(text)),
            _ => Err(ContentTypeError::Malformed),
        }
    }

    /// The text of the type.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Checked to be ASCII when made.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_types_keep_no_parameters_others_do() {
        assert_eq!(
            ContentType::parse("application/json; charset=utf-8"),
            Ok(ContentType::Json)
        );
        let png = ContentType::parse("image/png").unwrap();
        assert_eq!(png.as_str(), "image/png");
        for bad in ["", "json", "/x", "x/", "a/\u{e9}"] {
            assert_eq!(
                ContentType::parse(bad),
                Err(ContentTypeError::Malformed),
                "{bad:?}"
            );
        }
        let long = format!("a/{}", "b".repeat(limits::CONTENT_TYPE_BYTES));
        assert_eq!(ContentType::parse(&long), Err(ContentTypeError::TooLong));
    }
}
