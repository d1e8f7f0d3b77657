//! What rules want done.

use bytes::Bytes;
use spica_cases::Severity;
use spica_model::{
    Cause, ContentType, Key, Kind, Lane, NewRecord, Op, Properties, Quality, Timestamp, Topic,
};

/// The user property that says how many rules a record has come through, one after another.
pub const HOPS: &str = "spica-hops";

/// A record that a rule republishes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its topic, below the node.
    pub topic: Topic,
    /// The lane it goes to.
    pub lane: Lane,
    /// `state` if it is retained.
    pub kind: Kind,
    /// As that of its cause.
    pub quality: Quality,
    /// When its source says that its cause happened.
    pub source_time: Option<Timestamp>,
    /// What the payload is.
    pub content_type: ContentType,
    /// The payload.
    pub payload: Bytes,
    /// Of the rule, the place in it, and the place of the cause.
    pub key: Key,
    /// `record:` and the place of the cause.
    pub cause: Cause,
    /// Those of its cause, with the hops counted.
    pub properties: Option<Properties>,
}

impl Draft {
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
            properties: self.properties.as_ref(),
        }
    }
}

/// How a condition stands, by a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseCall {
    /// What has it: a path below the node.
    pub source: String,
    /// Which condition, in kebab case.
    pub condition: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it holds.
    pub active: bool,
    /// One line for people; empty when it does not hold.
    pub text: String,
}

/// A body to POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// What a receiver tells a repetition by: of the node, the rule and the place of the cause.
    pub key: String,
    /// The body.
    pub body: Bytes,
    /// What it is.
    pub content_type: &'static str,
}
