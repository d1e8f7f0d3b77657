//! What a report says, as numbers.

use std::time::Duration;

use jiff::civil::Date;
use spica_cases::{CaseId, Severity};
use spica_model::Timestamp;

use crate::{Counts, Goal, Options};

/// Upper ends of the bins of response times, in seconds; the last bin is for what is longer.
pub const BINS_S: [u64; 8] = [5, 10, 20, 40, 60, 120, 300, 600];

/// How calls were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Calls, without those that were too young at the end to say.
    pub calls: u64,
    /// Those that were accepted within the first goal's time.
    pub fast: u64,
    /// Those that were accepted within the second goal's time.
    pub slow: u64,
    /// Those that were accepted at all.
    pub accepted: u64,
    /// Calls that had waited for less than the longer goal when the report ended.
    pub undecided: u64,
    /// Half of the accepted ones were accepted within this time.
    pub p50: Option<Duration>,
    /// 95 % of the accepted ones were.
    pub p95: Option<Duration>,
    /// The longest time of an accepted one.
    pub worst: Option<Duration>,
}

impl Summary {
    /// Calls that nobody accepted.
    #[must_use]
    pub const fn unaccepted(&self) -> u64 {
        self.calls.saturating_sub(self.accepted)
    }

    /// Whether `within_goal` calls of all are enough; none if there was no call.
    #[must_use]
    pub fn meets(&self, within_goal: u64, goal: Goal) -> Option<bool> {
        let enough = within_goal.saturating_mul(1_000)
            >= self.calls.saturating_mul(u64::from(goal.per_mille));
        (self.calls > 0).then_some(enough)
    }
}

/// A share of a whole, 0 to 1; none of nothing.
pub(crate) fn share(part: u64, whole: u64) -> Option<f64> {
    // Counts are far below 2^52.
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// How the calls of all customers or one were answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responses {
    /// The customer; none for the calls without one.
    pub customer: Option<String>,
    /// Calls of the judged severities.
    pub judged: Summary,
    /// Calls by severity, in the order of [`Severity::ALL`].
    pub severities: [Summary; 4],
    /// Judged calls by response time: one more than [`BINS_S`].
    pub bins: [u64; BINS_S.len() + 1],
}

/// What happened in an hour of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hour {
    /// Judged calls.
    pub responses: Summary,
    /// Alarms.
    pub alarms: u64,
}

/// What happened in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Month {
    /// Its first day.
    pub first: Date,
    /// Judged calls.
    pub responses: Summary,
    /// Alarms.
    pub alarms: u64,
}

/// What happened on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// Alarms by severity, in the order of [`Severity::ALL`].
    pub alarms: [u64; 4],
}

impl Day {
    /// All alarms.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.alarms.iter().sum()
    }
}

/// More alarms than one can handle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flood {
    /// When its first ten minutes began.
    pub from: Timestamp,
    /// How long it was.
    pub length: Duration,
    /// Its alarms.
    pub alarms: u64,
    /// Alarms of its worst ten minutes.
    pub peak: u64,
}

/// A condition of a source that called often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The source.
    pub source: String,
    /// The condition.
    pub condition: String,
    /// Its alarms.
    pub alarms: u64,
}

/// A condition of a source that chattered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chatter {
    /// The source.
    pub source: String,
    /// The condition.
    pub condition: String,
    /// How often it began to chatter.
    pub episodes: u64,
    /// How often it was raised in all.
    pub raises: u64,
}

/// An alarm that was active for too long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Its case.
    pub case: CaseId,
    /// The source.
    pub source: String,
    /// The condition.
    pub condition: String,
    /// Since when it is active.
    pub since: Timestamp,
}

/// How alarms are spread over the severities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priority {
    /// Which severities: emergency, high, or those below.
    pub severities: &'static [Severity],
    /// Their alarms.
    pub alarms: u64,
    /// What share of all they should have, in percent.
    pub wanted_percent: u32,
}

/// How many alarms there were, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmRates {
    /// All alarms.
    pub alarms: u64,
    /// Ten-minute periods of the report.
    pub periods: u64,
    /// Alarms of the worst period.
    pub peak: u64,
    /// Periods in a flood.
    pub flood_periods: u64,
    /// Number of floods.
    pub floods: u64,
    /// The longest floods, longest first.
    pub longest_floods: Vec<Flood>,
    /// Days with more alarms than the operators can handle.
    pub days_above: u64,
    /// Conditions with most alarms, worst first.
    pub top: Vec<Named>,
    /// Alarms of conditions that were too many to be counted each.
    pub others: u64,
    /// Conditions that chattered.
    pub chattering: u64,
    /// Those that began to chatter most often, worst first.
    pub chatters: Vec<Chatter>,
    /// Alarms that were stale at some time.
    pub stale: u64,
    /// The oldest alarms that are stale at the end, oldest first.
    pub stale_now: Vec<Stale>,
    /// Emergency, high, and medium with low.
    pub priorities: [Priority; 3],
}

/// What happened between two times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What it is about.
    pub options: Options,
    /// All calls.
    pub all: Responses,
    /// Calls by customer, most judged calls first; of the customers beyond the limit together, last,
    /// as `…`.
    pub customers: Vec<Responses>,
    /// By who accepted: calls of all severities, most accepted first; all beyond the limit as `…`.
    pub people: Vec<(String, Summary)>,
    /// By hour of the day.
    pub hours: [Hour; 24],
    /// By month.
    pub months: Vec<Month>,
    /// By day, all days of the report.
    pub days: Vec<Day>,
    /// How many alarms there were.
    pub rates: AlarmRates,
    /// What else was counted.
    pub counts: Counts,
}

impl Report {
    /// Average of alarms in ten minutes for each operator.
    #[must_use]
    pub fn per_period(&self) -> f64 {
        let operators = u64::from(self.options.operators);
        share(self.rates.alarms, self.rates.periods * operators).unwrap_or(0.0)
    }

    /// Average of alarms a day for each operator.
    #[must_use]
    pub fn per_day(&self) -> f64 {
        self.per_period() * 144.0
    }
}
