//! Part of a frame as it was received: one value, not yet read. Which type it has is asked by who
//! knows what it must be.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::members::Members;
use crate::{Encoding, cbor, sound};

/// One value, sound JSON or well-formed CBOR.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part<'b> {
    Json(&'b str),
    Cbor(&'b [u8]),
}

/// A text, borrowed if it has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'b> Part<'b> {
    /// A whole message, which must be one value nested at most `depth` deep.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub(crate) fn whole(encoding: Encoding, bytes: &'b [u8], depth: usize) -> Result<Self, String> {
        match encoding {
            Encoding::Json => {
                sound::check(bytes, depth).map_err(|e| e.to_string())?;
                let text = std::str::from_utf8(bytes).map_err(|e| e.to_string())?;
                Ok(Self::Json(text.trim()))
            }
            Encoding::Cbor => {
                cbor::check(bytes, depth)?;
                Ok(Self::Cbor(bytes))
            }
        }
    }

    pub(crate) fn is_null(self) -> bool {
        match self {
            Self::Json(json) => json == "null",
            Self::Cbor(item) => item == [cbor::NULL],
        }
    }

    pub(crate) fn bool(self) -> Option<bool> {
        match self {
            Self::Json(json) => serde_json::from_str(json).ok(),
            Self::Cbor(item) => cbor::truth(item),
        }
    }

    pub(crate) fn u64(self) -> Option<u64> {
        match self {
            Self::Json(json) => serde_json::from_str(json).ok(),
            Self::Cbor(item) => cbor::integer(item)?.try_into().ok(),
        }
    }

    pub(crate) fn u32(self) -> Option<u32> {
        self.u64()?.try_into().ok()
    }

    pub(crate) fn i64(self) -> Option<i64> {
        match self {
            Self::Json(json) => serde_json::from_str(json).ok(),
            Self::Cbor(item) => cbor::integer(item)?.try_into().ok(),
        }
    }

    /// A number, whole or not. (What is sound JSON and parses here is one; serde_json would be off by
    /// the last bit now and then.)
    pub(crate) fn f64(self) -> Option<f64> {
        match self {
            Self::Json(json) => json.parse().ok(),
            Self::Cbor(item) => cbor::float(item).or_else(|| self.i64().map(|whole| whole as f64)),
        }
    }

    pub(crate) fn text(self) -> Option<Cow<'b, str>> {
        match self {
            Self::Json(json) => serde_json::from_str(json).ok().map(|Text(text)| text),
            Self::Cbor(item) => cbor::text(item),
        }
    }

    /// Bytes; in JSON as base64.
    pub(crate) fn bytes(self) -> Option<Vec<u8>> {
        match self {
            Self::Json(_) => BASE64.decode(&*self.text()?).ok(),
            Self::Cbor(item) => cbor::bytes(item).map(Cow::into_owned),
        }
    }

    /// Sound JSON as text: in JSON the value itself, in CBOR a text.
    pub(crate) fn json_text(self) -> Option<Cow<'b, str>> {
        match self {
            Self::Json(json) => Some(Cow::Borrowed(json)),
            Self::Cbor(item) => {
                cbor::text(item).filter(|text| sound::check(text.as_bytes(), sound::DEPTH).is_ok())
            }
        }
    }

    /// A JSON value in the form of the encoding.
    pub(crate) fn value(self) -> Option<Value> {
        match self {
            Self::Json(json) => serde_json::from_str(json).ok(),
            Self::Cbor(item) => cbor::value(item),
        }
    }

    pub(crate) fn items(self) -> Option<Vec<Self>> {
        match self {
            Self::Json(json) => {
                let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
                Some(items.into_iter().map(|it| Self::Json(it.get())).collect())
            }
            Self::Cbor(item) => {
                let items = cbor::items(item)?;
                Some(items.into_iter().map(Self::Cbor).collect())
            }
        }
    }

    /// Keys and values in the order in which they stand, with duplicates; `None` if it is no map, or
    /// a key is no text.
    pub(crate) fn entries(self) -> Option<Vec<(Cow<'b, str>, Self)>> {
        match self {
            Self::Json(json) => {
                let Members(members) = Members::of(json)?;
                let entries = members.into_iter();
                Some(
                    entries
                        .map(|(key, value)| (key, Self::Json(value)))
                        .collect(),
                )
            }
            Self::Cbor(item) => {
                let entries = cbor::entries(item)?;
                let mut pairs = entries.chunks_exact(2);
                pairs.try_fold(Vec::new(), |mut entries, pair| {
                    entries.push((cbor::text(pair[0])?, Self::Cbor(pair[1])));
                    Some(entries)
                })
            }
        }
    }
}
