//! What a subscription gives.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;
use spica_live_proto::{EndCode, GapReason, RefusalCode, WindowOp};
use spica_model::{ContentType, Kind, Lane, Place, Position, Quality, Seq, Timestamp, Topic};

/// A record as it was received, or what a window computed, or that a topic was deleted.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// What it is about.
    pub topic: Topic,
    /// Where it stands; of a window, its last record.
    pub position: Position,
    /// When the owner received it.
    pub received: Timestamp,
    /// When its source says it happened.
    pub source: Option<Timestamp>,
    /// How far it can be trusted.
    pub quality: Quality,
    /// How the topic's records relate.
    pub kind: Kind,
    /// What it says.
    pub content: Content,
}

/// What a value says.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// A payload.
    Payload {
        /// What it is.
        content_type: ContentType,
        /// Its bytes. JSON may have another white space and order of keys than it was published with.
        bytes: Bytes,
    },
    /// What a window computed.
    Window {
        /// By operation; not a number where the result is beyond all numbers.
        results: Vec<(WindowOp, f64)>,
        /// When the first value was received.
        from: Timestamp,
        /// When the last value was received.
        to: Timestamp,
    },
    /// The topic has no value any more.
    Deleted,
}

impl Value {
    /// The payload as JSON, if it claims to be.
    #[must_use]
    pub fn json(&self) -> Option<&RawValue> {
        let Content::Payload {
            content_type,
            bytes,
        } = &self.content
        else {
            return None;
        };
        let essence = content_type.as_str().split(';').next().unwrap_or_default();
        let essence = essence.trim_end();
        if essence != "application/json" && !essence.ends_with("+json") {
            return None;
        }
        serde_json::from_slice(bytes).ok()
    }
}

/// What an application is told of a subscription, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A value, or that a topic was deleted.
    Value(Arc<Value>),
    /// What is held is what is.
    Ready(Place),
    /// Events of a range were not and will not be sent; history may have them.
    Gap {
        /// The lane.
        lane: Lane,
        /// The first number that is missing.
        from: Seq,
        /// The last.
        to: Seq,
        /// Why.
        reason: GapReason,
    },
    /// All values held so far are dropped; a snapshot follows.
    Reset,
    /// It never began, or not again. The last item.
    Refused {
        /// Why.
        code: RefusalCode,
        /// For people.
        detail: String,
    },
    /// The server has ended it. The last item.
    Ended {
        /// Why.
        code: EndCode,
        /// For people.
        detail: String,
    },
}

impl Item {
    /// Whether nothing follows.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Ended { .. })
    }
}
