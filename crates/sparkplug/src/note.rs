//! What the machine must not forget, as records.

use serde::{Deserialize, Serialize};
use spica_model::{ContentType, Kind, NewRecord, Op, Quality, Seq, Timestamp, Topic};

/// Something that the machine must not forget, or may now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its topic.
    pub topic: Topic,
    /// What it is.
    pub content_type: ContentType,
    /// What it says; none if it is to be removed.
    pub payload: Option<Vec<u8>>,
}

/// Notes, in the order in which they are to be written: behind all effects.
pub type Notes = Vec<Note>;

impl Note {
    /// The record to submit. It has no key: written twice, it says the same.
    #[must_use]
    pub fn as_new(&self, received: Timestamp) -> NewRecord<'_> {
        NewRecord {
            topic: &self.topic,
            kind: Kind::State,
            op: if self.payload.is_some() {
                Op::Put
            } else {
                Op::Delete
            },
            quality: Quality::Good,
            received,
            source_time: None,
            content_type: &self.content_type,
            payload: self.payload.as_deref().unwrap_or_default(),
            key: None,
            cause: None,
            properties: None,
        }
    }
}

/// What is noted of an edge node. Times are microseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EdgeNote {
    /// The place in the lane up to which its messages are done.
    pub(crate) place: u64,
    /// The place of its last birth: births of devices before it are over.
    pub(crate) session: u64,
    pub(crate) online: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bd_seq: Option<u64>,
    /// The number of the next message.
    pub(crate) next_seq: u8,
    /// Since when it is online, or offline.
    pub(crate) since: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) born: Option<i64>,
    /// When a birth was last asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<i64>,
    pub(crate) births: u64,
    pub(crate) deaths: u64,
    pub(crate) gaps: u64,
    pub(crate) rebirths: u64,
}

impl EdgeNote {
    pub(crate) const fn place(&self) -> Seq {
        Seq(self.place)
    }
}
