//! What is known about a condition besides its case.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spica_model::Timestamp;

use crate::payload::{from_json, maybe_time, time, to_json};
use crate::{CaseId, PayloadError, Severity, Signature};

/// What is known about a condition besides its case. It has a record below
/// `<node>/alarms/conditions/<condition>/<source>` as long as it is not trivial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The source.
    pub source: String,
    /// The condition.
    pub condition: String,
    /// Whether it holds, as far as its source has told.
    #[serde(default)]
    pub active: bool,
    /// Whether its source will tell when it is over (a limit, a check-in, a handler), or tells only
    /// that it happened and may never tell more (an event).
    #[serde(default)]
    pub lasting: bool,
    /// When it was last raised, to know clears that are older.
    #[serde(default)]
    pub raised: Option<Told>,
    /// What will happen by itself.
    #[serde(default)]
    pub pending: Option<Pending>,
    /// Who shelved it, and for how long.
    #[serde(default)]
    pub shelved: Option<Shelf>,
    /// Who suppressed it.
    #[serde(default)]
    pub suppressed: Option<Signature>,
    /// Who took it out of service.
    #[serde(default)]
    pub out_of_service: Option<Signature>,
    /// Its open case.
    #[serde(default)]
    pub case: Option<CaseId>,
}

/// When a record was received, and when its source says it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When it was received.
    #[serde(with = "time")]
    pub received: Timestamp,
    /// When its source says it happened.
    #[serde(default, with = "maybe_time")]
    pub happened: Option<Timestamp>,
}

impl Told {
    /// Whether this happened before the other: by the source's clock if both have its time, else by
    /// this node's.
    #[must_use]
    pub fn is_before(&self, other: &Self) -> bool {
        match (self.happened, other.happened) {
            (Some(own), Some(others)) => own < others,
            _ => self.received < other.received,
        }
    }
}

/// What will happen by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// When.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// What the case will say when it is raised; `None`: the condition is cleared.
    #[serde(default)]
    pub raise: Option<Raise>,
    /// When it began.
    pub since: Told,
}

/// What a case will say when it is raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Raise {
    /// How bad it is.
    pub severity: Severity,
    /// One line for people.
    pub text: String,
    /// The position of the record that began it, or `timer`, or `node`.
    #[serde(default)]
    pub cause: String,
    /// Who raises it, as in [`Step::by`](crate::Step::by).
    #[serde(default)]
    pub by: String,
    /// More, for programs.
    #[serde(default)]
    pub detail: Value,
}

/// A shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// When it ends by itself.
    #[serde(with = "time")]
    pub until: Timestamp,
    /// Whether it also ends when the condition has returned to normal once.
    #[serde(default)]
    pub once: bool,
    /// Who shelved it, when and why.
    #[serde(flatten)]
    pub signature: Signature,
}

impl Condition {
    /// A condition of which nothing is known yet.
    #[must_use]
    pub fn new(source: &str, condition: &str) -> Self {
        Self {
            source: source.to_owned(),
            condition: condition.to_owned(),
            active: false,
            lasting: false,
            raised: None,
            pending: None,
            shelved: None,
            suppressed: None,
            out_of_service: None,
            case: None,
        }
    }

    /// Whether nothing is worth keeping: it does not hold, nobody has set anything, nothing is to
    /// happen and it has no open case.
    #[must_use]
    pub const fn is_trivial(&self) -> bool {
        !self.active && self.pending.is_none() && self.case.is_none() && !self.is_quiet()
    }

    /// Whether nobody is to be alerted.
    #[must_use]
    pub const fn is_quiet(&self) -> bool {
        self.shelved.is_some() || self.suppressed.is_some() || self.out_of_service.is_some()
    }

    /// The condition as JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    /// Reads a condition.
    ///
    /// # Errors
    /// If the bytes are no such JSON.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        from_json("condition", payload)
    }
}
