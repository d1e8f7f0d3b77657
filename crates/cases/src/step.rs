//! The steps of a case's life: the audit trail.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use spica_model::Timestamp;

use crate::payload::{from_json, time, to_json};
use crate::{Case, PayloadError, Severity};

macro_rules! words {
    ($($(#[$doc:meta])* $variant:ident = $text:literal),+ $(,)?) => {
        /// What was done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum What {
            $($(#[$doc])* $variant),+
        }

        impl What {
            /// All there are.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// The word for it, as in payloads and on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }
    };
}

words! {
    /// The case was raised.
    Raised = "raised",
    /// It was raised again while it was open.
    Repeated = "repeated",
    /// Someone takes care.
    Acknowledged = "acknowledged",
    /// Someone says that what had to be done was done.
    Confirmed = "confirmed",
    /// It is not active any more.
    Cleared = "cleared",
    /// It is over.
    Closed = "closed",
    /// It is someone's task now: `to`, or nobody's.
    Assigned = "assigned",
    /// Someone said something: `why`.
    Commented = "commented",
    /// It is worse than before: `to`.
    Severity = "severity",
    /// Its condition is shelved until `to`, or until it returns to normal.
    Shelved = "shelved",
    /// The shelf has ended. If the case is active, it counts as raised anew.
    Unshelved = "unshelved",
    /// Its condition is suppressed by design.
    Suppressed = "suppressed",
    /// The suppression has ended. If the case is active, it counts as raised anew.
    Unsuppressed = "unsuppressed",
    /// Its source is out of service.
    OutOfService = "out-of-service",
    /// Its source is in service again. If the case is active, it counts as raised anew.
    InService = "in-service",
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for What {
    type Err = String;

    /// Reads the word back; the error lists the words there are.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|what| what.as_str() == text);
        let words = || Self::ALL.map(Self::as_str).join(", ");
        found.ok_or_else(|| format!("{text:?} is none of {}", words()))
    }
}

/// One step: what, who, when, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// What was done.
    pub what: What,
    /// Who did it: `device`, `threshold`, `timer`, `registration`, `node`, `operator:alice`,
    /// `person:bob`.
    pub by: String,
    /// When this node decided or heard of it.
    #[serde(with = "time")]
    pub at: Timestamp,
    /// Why, if that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whom, until when, or how bad, as the step needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A step as its record says it: with what it was about and how that stood after it, so that
/// whoever counts needs nothing but the steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step.
    #[serde(flatten)]
    pub step: Step,
    /// The source of the condition.
    pub source: String,
    /// The condition.
    pub condition: String,
    /// How bad the case is after it; none if the condition has no case.
    #[serde(default)]
    pub severity: Option<Severity>,
    /// Whose device it is.
    #[serde(default)]
    pub customer: Option<String>,
    /// The state of the case after it, as [`CaseState`](crate::CaseState) has it; none if the
    /// condition has no case.
    #[serde(default)]
    pub state: Option<String>,
    /// Whether nobody is alerted after it.
    #[serde(default)]
    pub quiet: bool,
}

impl StepRecord {
    /// A step of a case, and the case after it.
    #[must_use]
    pub fn new(step: Step, after: &Case) -> Self {
        Self {
            step,
            source: after.source.clone(),
            condition: after.condition.clone(),
            severity: Some(after.severity),
            customer: after.customer.clone(),
            state: Some(after.state().as_str().to_owned()),
            quiet: after.quiet,
        }
    }

    /// The step as JSON.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        to_json(self)
    }

    /// Reads a step.
    ///
    /// # Errors
    /// If the bytes are no such JSON.
    pub fn decode(payload: &[u8]) -> Result<Self, PayloadError> {
        from_json("step", payload)
    }
}
