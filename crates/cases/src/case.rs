//! A case: one occurrence of an alarm, from its raise to its close.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spica_model::Timestamp;

use crate::payload::{from_json, maybe_time, time, to_json};
use crate::{CaseId, PayloadError, Severity};

/// Longest detail of a case, in bytes of JSON; a longer one is left out.
pub const DETAIL_BYTES: usize = 4_096;

/// Who did something, when and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// Who, such as `operator:alice`, `person:bob` or `timer`.
    pub by: String,
    /// When this node heard of it.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// Why, if that was said.
    #[serde(default)]
    pub why: Option<String>,
}

/// Where a case is in its life, after ISA-18.2. It follows from what the case says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CaseState {
    /// Active, and nobody has said that they take care.
    Unacknowledged,
    /// Active, and someone takes care.
    Acknowledged,
    /// Returned to normal, and nobody has said that they know.
    ClearedUnacknowledged,
    /// Returned to normal and acknowledged, but not closed.
    Cleared,
    /// Over.
    Closed,
}

impl CaseState {
    /// All states, in the order of a life.
    pub const ALL: [Self; 5] = [
        Self::Unacknowledged,
        Self::Acknowledged,
        Self::ClearedUnacknowledged,
        Self::Cleared,
        Self::Closed,
    ];

    /// The word for it, as in payloads and on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unacknowledged => "unacknowledged",
            Self::Acknowledged => "acknowledged",
            Self::ClearedUnacknowledged => "cleared-unacknowledged",
            Self::Cleared => "cleared",
            Self::Closed => "closed",
        }
    }
}

impl fmt::Display for CaseState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One occurrence of an alarm. Its payload, below `<node>/alarms/cases/<id>`, has a field for each
/// field here but the id, which the topic says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Its name.
    #[serde(skip)]
    pub id: CaseId,
    /// What it is about: a path below the node, such as `devices/0012345`.
    pub source: String,
    /// What is the matter there, in kebab case, such as `man-down`.
    pub condition: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line for people.
    #[serde(default)]
    pub text: String,
    /// The name of the device, from its registration when the case was raised.
    #[serde(default)]
    pub name: Option<String>,
    /// Whose device it is, from its registration when the case was raised.
    #[serde(default)]
    pub customer: Option<String>,
    /// When this node raised it.
    #[serde(with = "time")]
    pub raised_at: Timestamp,
    /// When the record that raised it was received; of a timer: when it ran out.
    #[serde(with = "time")]
    pub received_at: Timestamp,
    /// When its source says it happened.
    #[serde(default, with = "maybe_time")]
    pub happened_at: Option<Timestamp>,
    /// The position of the record that raised it, such as `1/critical/7`; or `timer`, or `node`.
    #[serde(default)]
    pub cause: String,
    /// Whether what raised it still holds, as far as this node knows.
    #[serde(default)]
    pub active: bool,
    /// When it last ceased to be active.
    #[serde(default, with = "maybe_time")]
    pub cleared_at: Option<Timestamp>,
    /// Who takes care.
    #[serde(default)]
    pub acknowledged: Option<Signature>,
    /// Who confirmed that what had to be done was done.
    #[serde(default)]
    pub confirmed: Option<Signature>,
    /// Who closed it.
    #[serde(default)]
    pub closed: Option<Signature>,
    /// How often it was raised again while it was open.
    #[serde(default)]
    pub repeats: u32,
    /// When it was last raised: at first, again, or anew at the end of a shelf.
    #[serde(with = "time")]
    pub last_raised_at: Timestamp,
    /// Whose task it is.
    #[serde(default)]
    pub owner: Option<String>,
    /// Whether its condition is shelved, suppressed or out of service: it is kept and shown, but
    /// nobody is alerted.
    #[serde(default)]
    pub quiet: bool,
    /// What the event told (location, battery, value …); null if nothing or more than
    /// [`DETAIL_BYTES`].
    #[serde(default)]
    pub detail: Value,
}

impl Case {
    /// Where it is in its life.
    #[must_use]
    pub const fn state(&self) -> CaseState {
        match (&self.closed, self.active, &self.acknowledged) {
            (Some(_), _, _) => CaseState::Closed,
            (None, true, None) => CaseState::Unacknowledged,
            (None, true, Some(_)) => CaseState::Acknowledged,
            (None, false, None) => CaseState::ClearedUnacknowledged,
            (None, false, Some(_)) => CaseState::Cleared,
        }
    }

    /// Whether it is not closed.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        self.closed.is_none()
    }

    /// The case as JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    /// Reads the case `id`, which its topic says.
    ///
    /// # Errors
    /// If the bytes are no such JSON.
    pub fn decode(id: CaseId, payload: &[u8]) -> Result<Self, PayloadError> {
        let case: Self = from_json("case", payload)?;
        Ok(Self { id, ..case })
    }
}
