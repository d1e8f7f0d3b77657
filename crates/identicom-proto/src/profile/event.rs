//! Events: what a log entry's code means.

use spica_model::Lane;

/// A known event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The code in the log entry.
    pub code: u8,
    /// The name, in kebab case, fit for a level of a topic.
    pub name: String,
    /// The class, which is the lane of its records.
    pub lane: Lane,
    /// What it does to a case.
    pub case: Option<Case>,
}

/// What an event does to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Case {
    /// Raises it.
    Raise {
        /// The case.
        case: String,
        /// How bad it is.
        severity: Severity,
    },
    /// Clears it; whoever is responsible still has to acknowledge it.
    Clear {
        /// The case.
        case: String,
    },
    /// Starts a timer that raises the case when it runs out.
    Start {
        /// The case.
        case: String,
        /// How bad it is.
        severity: Severity,
        /// The name of the detail that says after how many minutes.
        after: String,
    },
    /// Stops that timer.
    Stop {
        /// The case.
        case: String,
    },
}

/// How bad a case is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Should be looked at some time.
    Low,
    /// Should be looked at soon.
    Medium,
    /// Wants someone now.
    High,
    /// A life may be at stake.
    Emergency,
}

impl Severity {
    /// All severities, mildest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Emergency];

    /// The name, as the profile file and users write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Emergency => "emergency",
        }
    }
}

impl Case {
    /// The name of the case.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Raise { case, .. }
            | Self::Clear { case }
            | Self::Start { case, .. }
            | Self::Stop { case } => case,
        }
    }

    /// Whether the event may be an alarm: it raises a case, now or later.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        matches!(self, Self::Raise { .. } | Self::Start { .. })
    }
}
