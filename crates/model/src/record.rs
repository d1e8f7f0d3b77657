//! Records: the immutable facts of which everything else is a view.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use crate::{ContentType, Epoch, Position, Properties, Seq, Timestamp, Topic};

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
    /// Longest properties, all together.
    pub const PROPERTIES_BYTES: usize = 16 << 10;
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

pub(crate) fn bounded(what: &'static str, bytes: Bytes, limit: usize) -> Result<Bytes, LimitError> {
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
    /// Says again what an older record says that retention is about to remove: a copy, no new fact.
    Restate(Restated),
}

/// Which record of its lane a copy says again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Restated {
    /// The epoch of the original.
    pub epoch: Epoch,
    /// The place of the original in the lane. A copy of a copy names the original too.
    pub seq: Seq,
    /// Whether the original is a tombstone.
    pub deletes: bool,
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
words!(Quality, Good = "good", Uncertain = "uncertain", Bad = "bad");

impl Op {
    /// The word for it, as in documents and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Delete => "delete",
            Self::Restate(_) => "restate",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A fact on its way into the journal, borrowed from whoever brings it.
#[derive(Debug, Clone)]
pub struct NewRecord<'a> {
    /// What it is about.
    pub topic: &'a Topic,
    /// How the topic's records relate.
    pub kind: Kind,
    /// What it does to its topic.
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
    /// What its protocol says of it beside the payload.
    pub properties: Option<&'a Properties>,
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
    /// What it does to its topic.
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
    /// What its protocol says of it beside the payload.
    pub properties: Option<Properties>,
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
            properties: self.properties.as_ref(),
        }
    }

    /// Whether it is a copy, which says nothing new.
    #[must_use]
    pub const fn is_restated(&self) -> bool {
        matches!(self.op, Op::Restate(_))
    }

    /// Where what it says was said first: its own place, or that of the original of a copy.
    #[must_use]
    pub const fn origin(&self) -> Position {
        match self.op {
            Op::Restate(Restated { epoch, seq, .. }) => Position {
                epoch,
                lane: self.position.lane,
                seq,
            },
            Op::Put | Op::Delete => self.position,
        }
    }

    /// What it says: the record itself, or the original of a copy, at its own place and without its
    /// key. So copies can come late, early or often: they are deliveries of one fact.
    #[must_use]
    pub fn fact(&self) -> Cow<'_, Self> {
        let Op::Restate(Restated { deletes, .. }) = self.op else {
            return Cow::Borrowed(self);
        };
        Cow::Owned(Self {
            position: self.origin(),
            op: if deletes { Op::Delete } else { Op::Put },
            ..self.clone()
        })
    }

    /// A copy of it, to be appended to the same lane. It has no key: a key belongs to the first
    /// delivery.
    #[must_use]
    pub fn restated(&self) -> NewRecord<'_> {
        let Position { epoch, seq, .. } = self.origin();
        let deletes = match self.op {
            Op::Put => false,
            Op::Delete => true,
            Op::Restate(restated) => restated.deletes,
        };
        NewRecord {
            op: Op::Restate(Restated {
                epoch,
                seq,
                deletes,
            }),
            key: None,
            ..self.as_new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Property;

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
    fn a_copy_and_a_copy_of_it_say_what_the_original_said() {
        for op in [Op::Put, Op::Delete] {
            let original = Record {
                position: "2/normal/7".parse().unwrap(),
                topic: Topic::new("a/b").unwrap(),
                kind: Kind::State,
                op,
                quality: Quality::Uncertain,
                received: Timestamp::from_secs(5),
                source_time: Some(Timestamp::from_secs(4)),
                content_type: ContentType::Text,
                payload: Bytes::from_static(b"x"),
                key: Some(Key::new(&b"k"[..]).unwrap()),
                cause: Some(Cause::new("operator:alice").unwrap()),
                properties: Properties::new([Property::Text]).unwrap(),
            };
            assert!(!original.is_restated());
            assert_eq!(*original.fact(), original);
            let said = Record {
                key: None,
                ..original.clone()
            };
            let at = |position: &str, new: &NewRecord<'_>| Record {
                position: position.parse().unwrap(),
                op: new.op,
                key: new.key.cloned(),
                ..original.clone()
            };
            let copy = at("3/normal/90", &original.restated());
            let again = at("4/normal/200", &copy.restated());
            for copy in [copy, again] {
                assert!(copy.is_restated());
                assert_eq!(copy.op.as_str(), "restate");
                assert_eq!(copy.origin(), original.position);
                assert_eq!(*copy.fact(), said);
            }
        }
    }

    #[test]
    fn words_read_back() {
        assert_eq!("uncertain".parse(), Ok(Quality::Uncertain));
        let error = "great".parse::<Quality>().unwrap_err();
        assert_eq!(error, "\"great\" is none of good, uncertain, bad");
    }
}
