//! The records that this interface writes on its own account: tokens and the audit trail.

use serde_json::Value;
use spica_model::{Cause, ContentType, Kind, NewRecord, Op, Quality, Timestamp, Topic, TopicError};
use spica_views::Audit;

/// On whose behalf, and when.
#[derive(Debug, Clone)]
pub(crate) struct Author {
    /// For the audit trail.
    pub(crate) by: String,
    /// When.
    pub(crate) at: Timestamp,
}

/// A record to write, its payload JSON.
#[derive(Debug)]
pub(crate) struct Fact {
    topic: Topic,
    kind: Kind,
    op: Op,
    payload: Vec<u8>,
    at: Timestamp,
    cause: Option<Cause>,
}

impl Fact {
    /// The record to submit.
    pub(crate) fn as_new(&self) -> NewRecord<'_> {
        NewRecord {
            topic: &self.topic,
            kind: self.kind,
            op: self.op,
            quality: Quality::Good,
            received: self.at,
            source_time: None,
            content_type: &ContentType::Json,
            payload: &self.payload,
            key: None,
            cause: self.cause.as_ref(),
            properties: None,
        }
    }
}

impl Author {
    /// A value for `topic`, or a tombstone if there is none.
    pub(crate) fn state(&self, topic: Topic, payload: Option<Vec<u8>>) -> Fact {
        let op = if payload.is_some() {
            Op::Put
        } else {
            Op::Delete
        };
        let payload = payload.unwrap_or_default();
        Fact {
            topic,
            kind: Kind::State,
            op,
            payload,
            at: self.at,
            cause: self.cause(),
        }
    }

    /// That `action` was done to `target`, below `<node>/audit/<what>`.
    ///
    /// # Errors
    /// If the node's path leaves no room for it.
    pub(crate) fn audit(
        &self,
        node: &Topic,
        what: &str,
        action: &str,
        target: &str,
        detail: Value,
    ) -> Result<Fact, TopicError> {
        let topic = Audit::topic(node, what)?;
        let (action, by, target) = (action.to_owned(), self.by.clone(), target.to_owned());
        let payload = Audit {
            action,
            by,
            target,
            detail,
        }
        .encode();
        Ok(Fact {
            topic,
            kind: Kind::Event,
            op: Op::Put,
            payload,
            at: self.at,
            cause: self.cause(),
        })
    }

    /// The cause of what they ask for.
    fn cause(&self) -> Option<Cause> {
        Cause::new(format!("operator:{}", self.by)).ok()
    }
}
