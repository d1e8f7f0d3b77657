//! The JSON payloads below `<node>/alarms`, and what is needed to read and write them.
//!
//! Times are RFC 3339 in UTC. Fields that a reader does not know are ignored, and fields that may be
//! missing have a default, so that a version reads what its successor and its predecessor wrote. The
//! fields are listed in `docs/cases.md`.

use serde::{Deserialize, Serialize};

/// A payload that is not what its topic says it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not the payload of a {what}: {detail}")]
pub struct PayloadError {
    what: &'static str,
    detail: String,
}

impl PayloadError {
    /// The payload of a `what` is wrong in this way.
    #[must_use]
    pub fn new(what: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { what, detail }
    }
}

/// Writes plain structs of text, numbers and times.
#[must_use]
#[expect(
    clippy::expect_used,
    reason = "plain structs with text for keys always have a JSON form"
)]
pub fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("a JSON form")
}

/// Reads the payload of a `what`.
///
/// # Errors
/// If the bytes are no such JSON.
pub fn from_json<'de, T: Deserialize<'de>>(
    what: &'static str,
    payload: &'de [u8],
) -> Result<T, PayloadError> {
    serde_json::from_slice(payload).map_err(|error| PayloadError::new(what, error.to_string()))
}

/// For `#[serde(with = "…")]`: a time as text.
pub mod time {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use spica_model::Timestamp;

    /// Writes it in RFC 3339.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it is no RFC 3339 time in UTC.
    pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(de)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// For `#[serde(with = "…")]`: a time as text, or null.
pub mod maybe_time {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use spica_model::Timestamp;

    /// Writes it in RFC 3339, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.collect_str(time),
            None => serializer.serialize_none(),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it is neither null nor an RFC 3339 time in UTC.
    pub fn deserialize<'de, D: Deserializer<'de>>(de: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(de)?;
        let time = text.map(|text| text.parse().map_err(serde::de::Error::custom));
        time.transpose()
    }
}
