//! Records: the immutable facts of which everything else is a view.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::{ContentType, Position, Timestamp, Topic};

/// Hard limits of a record; the configuration may set lower ones, never higher.
pub mod limits {
    /// Longest topic, in bytes (MQTT's own limit is 65,535).
    pub const TOPIC_BYTES: usize = 1_024;
    /// Longest payload: larger things go to the object store.
    pub const PAYLOAD_BYTES: usize = 1 << 20;
    /// Longest idempotency key.
    pub const KEY_BYTES: usize = 128;
    /// Longest cause.
    pub const CAUSE_BYTES: usize = 255;
    /// Longest uncommon content type.
    pub const CONTENT_TYPE_BYTES: usize = 127;
}

/// A part of a record that is longer than its limit, or empty where it must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} has {bytes} bytes; 1 to {limit} are allowed")]
pub struct LimitError {
    /// Which part.
    pub what: &'static str,
    /// How long it is.
    pub bytes: usize,
    /// How long it may be.
    pub limit: usize,
}

fn bounded(what: &'static str, bytes: Bytes, limit: usize) -> Result<Bytes, LimitError> {
    if bytes.is_empty() || bytes.len() > limit {
        return Err(LimitError {
            what,
            bytes: bytes.len(),
            limit,
        });
    }
    Ok(bytes)
}

/// What an idempotency key identifies: one fact, however often it is delivered. 1 to
/// [`limits::KEY_BYTES`] bytes of any value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(Bytes);

impl Key {
    /// A key from shared bytes.
    ///
    /// # Errors
    /// If it is empty or longer than [`limits::KEY_BYTES`].
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, LimitError> {
        bounded("an idempotency key", bytes.into(), limits::KEY_BYTES).map(Self)
    }

    /// The bytes of the key.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }
}

/// Why a record exists: who asked for it, or which record led to it. UTF-8, 1 to
/// [`limits::CAUSE_BYTES`] bytes, such as `operator:alice` or `record:1/critical/7`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Cause(Bytes);

impl Cause {
    /// A cause from text.
    ///
    /// # Errors
    /// If it is empty or longer than [`limits::CAUSE_BYTES`].
    pub fn new(text: impl Into<String>) -> Result<Self, LimitError> {
        bounded("a cause", Bytes::from(text.into()), limits::CAUSE_BYTES).map(Self)
    }

    /// A cause from shared bytes, as they were read from a journal.
    ///
    /// # Errors
    /// If it is empty, longer than [`limits::CAUSE_BYTES`] or not UTF-8 (said as 0 bytes).
    pub fn from_bytes(bytes: Bytes) -> Result<Self, LimitError> {
        let bytes = if std::str::from_utf8(&bytes).is_ok() {
            bytes
        } else {
            Bytes::new()
        };
        bounded("a cause", bytes, limits::CAUSE_BYTES).map(Self)
    }

    /// The text of the cause.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Checked to be UTF-8 when made.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// How a topic's records relate to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// The last value matters; older ones may be conflated on the way to a viewer.
    #[default]
    State,
    /// Each one matters; never conflated.
    Event,
}

/// What a record does to its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Op {
    /// Sets the topic's value.
    #[default]
    Put,
    /// Deletes the topic: a tombstone.
    Delete,
}

/// How far a value can be trusted, after OPC UA's three severities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Quality {
    /// As measured.
    #[default]
    Good,
    /// Of doubt: an old sensor, a clock that is off, a value from before a restart.
    Uncertain,
    /// Not to be used: the source says so, or is gone.
    Bad,
}

macro_rules! words {
    ($type:ident, $($variant:ident = $text:literal),+) => {
        impl $type {
            /// The word for it, as in documents and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = String;

            /// Reads the word back; the error lists the words there are.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(format!("{text:?} is none of {}", [$($text),+].join(", "))),
                }
            }
        }
    };
}

words!(Kind, State = "state", Event = "event");
words!(Op, Put = "put", Delete = "delete");
words!(Quality, Good = "good", Uncertain = "uncertain", Bad = "bad");

/// A fact on its way into the journal, borrowed from whoever brings it.
#[derive(Debug, Clone)]
pub struct NewRecord<'a> {
    /// What it is about.
    pub topic: &'a Topic,
    /// How the topic's records relate.
    pub kind: Kind,
    /// Put or delete.
    pub op: Op,
    /// How far it can be trusted.
    pub quality: Quality,
    /// When this node received it.
    pub received: Timestamp,
    /// When its source says it happened.
    pub source_time: Option<Timestamp>,
    /// What the payload is.
    pub content_type: &'a ContentType,
    /// The payload, at most [`limits::PAYLOAD_BYTES`].
    pub payload: &'a [u8],
    /// What makes a second delivery recognisable.
    pub key: Option<&'a Key>,
    /// Why it exists.
    pub cause: Option<&'a Cause>,
}

/// A fact in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Where it stands.
    pub position: Position,
    /// What it is about.
    pub topic: Topic,
    /// How the topic's records relate.
    pub kind: Kind,
    /// Put or delete.
    pub op: Op,
    /// How far it can be trusted.
    pub quality: Quality,
    /// When the owner received it.
    pub received: Timestamp,
    /// When its source says it happened.
    pub source_time: Option<Timestamp>,
    /// What the payload is.
    pub content_type: ContentType,
    /// The payload.
    pub payload: Bytes,
    /// What makes a second delivery recognisable.
    pub key: Option<Key>,
    /// Why it exists.
    pub cause: Option<Cause>,
}

impl Record {
    /// This record as one that could be appended again.
    #[must_use]
    pub fn as_new(&self) -> NewRecord<'_> {
        NewRecord {
            topic: &self.topic,
            kind: self.kind,
            op: self.op,
            quality: self.quality,
            received: self.received,
            source_time: self.source_time,
            content_type: &self.content_type,
            payload: &self.payload,
            key: self.key.as_ref(),
            cause: self.cause.as_ref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_causes_are_bounded() {
        assert!(Key::new(vec![0; limits::KEY_BYTES]).is_ok());
        let error = Key::new(vec![0; limits::KEY_BYTES + 1]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "an idempotency key has 129 bytes; 1 to 128 are allowed"
        );
        assert!(Cause::new("").is_err());
        assert!(Cause::from_bytes(Bytes::from_static(b"\xff")).is_err());
        assert_eq!(
            Cause::new("operator:alice").unwrap().as_str(),
            "operator:alice"
        );
    }

    #[test]
    fn words_read_back() {
        assert_eq!("uncertain".parse(), Ok(Quality::Uncertain));
        let error = "great".parse::<Quality>().unwrap_err();
        assert_eq!(error, "\"great\" is none of good, uncertain, bad");
    }
}
