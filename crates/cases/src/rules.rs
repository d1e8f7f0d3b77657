//! What raises cases, and how they may end: set by hand, by a profile and by the configuration.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::Span;

use crate::Severity;

mod check;
mod threshold;

pub use check::RuleError;
pub use threshold::{Filter, Threshold};

/// What raises cases, and how they may end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "CaseRules")]
pub struct Rules {
    /// What the events of devices do, by their name. Filled from the profile of the devices.
    #[serde(skip)]
    pub events: BTreeMap<String, EventRule>,
    /// Limits on values in records. Where two with the same condition match a topic, the first one
    /// counts.
    #[schemars(length(max = 10_000))]
    pub thresholds: Vec<Threshold>,
    /// Severities whose cases have to be confirmed before they are closed: someone says that what
    /// had to be done was done.
    pub confirm: BTreeSet<Severity>,
    /// Severities whose cases only an operator closes, with a reason. All others close by themselves
    /// once they are cleared and acknowledged, `low` also without acknowledgement.
    pub operator_closes: BTreeSet<Severity>,
    /// Longest time for which a condition may be shelved.
    #[schemars(extend("x-least" = "1s", "x-most" = "30d"))]
    pub shelf_max: Span,
    /// Longest time for which an emergency may be shelved, also where it happens on a longer shelf.
    #[schemars(extend("x-least" = "1s", "x-most" = "1d"))]
    pub emergency_shelf_max: Span,
    /// Open cases at once. Beyond it, only emergencies are raised, up to twice as many; what is less
    /// waits until there is room, is counted, and a case `alarm-flood-limit` says so.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_open: usize,
    /// Closed cases that are kept; beyond it, the one that was closed first is forgotten.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_closed: usize,
    /// Conditions at once that are active, pending, shelved, suppressed or out of service. Beyond it,
    /// only emergencies are taken.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_conditions: usize,
    /// Topics that are watched for `stale_after`. Beyond it, new topics are not watched, and counted.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub max_watched: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            events: BTreeMap::new(),
            thresholds: Vec::new(),
            confirm: BTreeSet::new(),
            operator_closes: [Severity::High, Severity::Emergency].into(),
            shelf_max: Span::from_hours(8),
            emergency_shelf_max: Span::from_hours(1),
            max_open: 100_000,
            max_closed: 10_000,
            max_conditions: 400_000,
            max_watched: 100_000,
        }
    }
}

/// What an event of a device does to a condition of that device. Names of conditions are brought
/// into kebab case, see [`kebab`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventRule {
    /// Raises it.
    Raise {
        /// The condition.
        condition: String,
        /// How bad it is.
        severity: Severity,
    },
    /// Clears it.
    Clear {
        /// The condition.
        condition: String,
    },
    /// Starts a timer that raises it when it runs out, or moves it if it is running.
    Start {
        /// The condition.
        condition: String,
        /// How bad it is.
        severity: Severity,
        /// The name of the detail that says after how many minutes.
        after: String,
        /// After how many minutes if the event does not say it.
        default_minutes: u32,
    },
    /// Stops that timer; clears the condition if it has run out.
    Stop {
        /// The condition.
        condition: String,
    },
}

impl EventRule {
    /// The condition that it is about.
    #[must_use]
    pub fn condition(&self) -> &str {
        match self {
            Self::Raise { condition, .. }
            | Self::Clear { condition }
            | Self::Start { condition, .. }
            | Self::Stop { condition } => condition,
        }
    }

    /// The same, with another name for the condition.
    pub(crate) fn named(mut self, name: String) -> Self {
        match &mut self {
            Self::Raise { condition, .. }
            | Self::Clear { condition }
            | Self::Start { condition, .. }
            | Self::Stop { condition } => *condition = name,
        }
        self
    }
}

/// Longest name of a condition, in bytes.
pub const CONDITION_BYTES: usize = 64;

/// A name in kebab case, fit for one level of a topic: `Man down!` is `man-down`. Letters and digits
/// stay, in lower case; everything between them is one `-`. At most [`CONDITION_BYTES`] bytes; what
/// has no letter and no digit is `unnamed`.
#[must_use]
pub fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    let mut gap = false;
    for c in name.chars().flat_map(char::to_lowercase) {
        if !c.is_alphanumeric() {
            gap = true;
            continue;
        }
        let dash = gap && !kebab.is_empty();
        if kebab.len() + usize::from(dash) + c.len_utf8() > CONDITION_BYTES {
            break;
        }
        if dash {
            kebab.push('-');
        }
        gap = false;
        kebab.push(c);
    }
    if kebab.is_empty() {
        return "unnamed".to_owned();
    }
    kebab
}

#[cfg(test)]
mod tests;
