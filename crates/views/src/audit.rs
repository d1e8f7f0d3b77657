//! The audit trail: who did what to what.

use serde::{Deserialize, Serialize};
use spica_model::{Topic, TopicError};

/// One act of a person or program, as the payload of a record below `<node>/audit/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    /// What was done, such as `device.put`.
    pub action: String,
    /// Who did it.
    pub by: String,
    /// What it was done to, such as a serial.
    pub target: String,
    /// Anything else worth to know.
    #[serde(default)]
    pub detail: serde_json::Value,
}

impl Audit {
    /// The topic of audit records about `what`, such as `devices`.
    ///
    /// # Errors
    /// If the path would be too long or `what` is no topic level.
    pub fn topic(node: &Topic, what: &str) -> Result<Topic, TopicError> {
        node.join(&format!("audit/{what}"))
    }

    /// The record's payload, JSON.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "a struct of text and JSON always has a JSON form"
    )]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a JSON form")
    }
}
