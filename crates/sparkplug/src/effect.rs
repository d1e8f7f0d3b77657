//! What is to be written because of a message.

use spica_model::{
    Cause, ContentType, Key, Kind, LimitError, NewRecord, Op, Position, Quality, Timestamp, Topic,
};

/// What is to be written. Effects are in order; none may be written before one that came earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// A record.
    Put(Draft),
    /// What the state of a topic says is not to be relied on any more: it is written again as it is,
    /// but of bad quality, unless it is that already. The draft has neither payload nor source time.
    Stale(Draft),
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its topic.
    pub topic: Topic,
    /// How the topic's records relate.
    pub kind: Kind,
    /// How far it can be trusted.
    pub quality: Quality,
    /// When the edge node says that it was so.
    pub source_time: Option<Timestamp>,
    /// What the payload is.
    pub content_type: ContentType,
    /// The payload.
    pub payload: Vec<u8>,
    /// Of the message that it comes of, and its place among what comes of it.
    pub key: Key,
    /// `record:` and the position of that message.
    pub cause: Cause,
}

impl Effect {
    /// What is to be written.
    #[must_use]
    pub const fn draft(&self) -> &Draft {
        match self {
            Self::Put(draft) | Self::Stale(draft) => draft,
        }
    }
}

impl Draft {
    /// A state of good quality, to be changed where it is not.
    ///
    /// # Errors
    /// Never with the marks that are used here: a position and a few letters.
    pub(crate) fn new(topic: Topic, of: Position, mark: &str) -> Result<Self, LimitError> {
        Ok(Self {
            topic,
            kind: Kind::State,
            quality: Quality::Good,
            source_time: None,
            content_type: ContentType::Json,
            payload: Vec::new(),
            key: Key::new(format!("sparkplug:{of}/{mark}"))?,
            cause: Cause::new(format!("record:{of}"))?,
        })
    }

    /// The record to submit.
    #[must_use]
    pub fn as_new(&self, received: Timestamp) -> NewRecord<'_> {
        NewRecord {
            topic: &self.topic,
            kind: self.kind,
            op: Op::Put,
            quality: self.quality,
            received,
            source_time: self.source_time,
            content_type: &self.content_type,
            payload: &self.payload,
            key: Some(&self.key),
            cause: Some(&self.cause),
            properties: None,
        }
    }
}
