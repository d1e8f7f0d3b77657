//! What a report is about, and its limits.

use std::time::Duration;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use spica_cases::Severity;
use spica_model::Timestamp;

/// Longest time of a report: ten years.
const LONGEST: Duration = Duration::from_secs(3_660 * 86_400);
/// Most raises in the definition of chattering.
const CHATTER_MAX: usize = 20;

/// How many of all calls are to be accepted within which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Goal {
    /// The time.
    pub within: Duration,
    /// Calls of a thousand, such as 985.
    pub per_mille: u32,
}

/// What a report is about. The defaults are those of BS 8484 and ISA-18.2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The node, for the title.
    pub node: String,
    /// From when on.
    pub from: Timestamp,
    /// Before when.
    pub to: Timestamp,
    /// The time zone of days and hours, such as `Europe/Zurich`.
    pub zone: String,
    /// How many operators work at the same time: alarm rates are for each. Not 0.
    pub operators: u32,
    /// The mildest severity whose calls are judged by the goals.
    pub judged: Severity,
    /// The first goal: 80 % within 10 s.
    pub fast: Goal,
    /// The second goal: 98.5 % within 40 s.
    pub slow: Goal,
    /// Alarms a day that an operator can handle: 144.
    pub per_day: u32,
    /// More alarms than this in ten minutes, for each operator, begin a flood: 10.
    pub flood_above: u32,
    /// Fewer alarms than this in ten minutes, for each operator, end a flood: 5.
    pub flood_below: u32,
    /// How long an alarm is active until it is stale: 24 h.
    pub stale_after: Duration,
    /// How many raises of one condition of a source are chattering: 3.
    pub chatter_raises: usize,
    /// Within which time: 1 min.
    pub chatter_within: Duration,
    /// How many of the worst are listed: 10.
    pub top: usize,
}

/// Why options are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// No time at all, or too long.
    #[error("a report is from a time to a later one, at most ten years after it")]
    Time,
    /// No such time zone.
    #[error("{0:?} is no time zone: give a name such as Europe/Zurich or UTC")]
    Zone(String),
    /// A number that makes no sense.
    #[error("{what} is {is}; allowed is {allowed}")]
    Number {
        /// Which.
        what: &'static str,
        /// What it is.
        is: u64,
        /// What it may be.
        allowed: &'static str,
    },
}

impl Options {
    /// A report of `node` from one time to another, in UTC and with the usual limits.
    #[must_use]
    pub fn new(node: impl Into<String>, from: Timestamp, to: Timestamp) -> Self {
        let goal = |secs, per_mille| Goal {
            within: Duration::from_secs(secs),
            per_mille,
        };
        Self {
            node: node.into(),
            from,
            to,
            zone: "UTC".to_owned(),
            operators: 1,
            judged: Severity::Emergency,
            fast: goal(10, 800),
            slow: goal(40, 985),
            per_day: 144,
            flood_above: 10,
            flood_below: 5,
            stale_after: Duration::from_secs(86_400),
            chatter_raises: 3,
            chatter_within: Duration::from_secs(60),
            top: 10,
        }
    }

    /// Whether `at` is within the report.
    pub(crate) fn covers(&self, at: Timestamp) -> bool {
        (self.from..self.to).contains(&at)
    }

    /// Checks everything, and finds the time zone.
    pub(crate) fn check(&self) -> Result<TimeZone, OptionsError> {
        if self.to <= self.from || self.to.since(self.from) > LONGEST {
            return Err(OptionsError::Time);
        }
        let number = |what, is: u64, range: std::ops::RangeInclusive<u64>, allowed| {
            if range.contains(&is) {
                return Ok(());
            }
            Err(OptionsError::Number { what, is, allowed })
        };
        number("operators", self.operators.into(), 1..=1_000, "1 to 1000")?;
        for goal in [self.fast, self.slow] {
            number(
                "a goal's share",
                goal.per_mille.into(),
                0..=1_000,
                "0 to 1000 per mille",
            )?;
        }
        number(
            "alarms a day",
            self.per_day.into(),
            1..=100_000,
            "1 to 100000",
        )?;
        number(
            "a flood's begin",
            self.flood_above.into(),
            1..=100_000,
            "1 to 100000",
        )?;
        number(
            "a flood's end",
            self.flood_below.into(),
            0..=u64::from(self.flood_above),
            "0 to the flood's begin",
        )?;
        number(
            "chattering raises",
            self.chatter_raises as u64,
            2..=CHATTER_MAX as u64,
            "2 to 20",
        )?;
        number(
            "the length of lists",
            self.top as u64,
            1..=1_000,
            "1 to 1000",
        )?;
        TimeZoneDatabase::bundled()
            .get(&self.zone)
            .map_err(|_| OptionsError::Zone(self.zone.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_and_said() {
        let at = Timestamp::from_secs;
        let sound = Options::new("root", at(0), at(86_400));
        assert!(sound.check().is_ok());
        let refused = |change: fn(&mut Options)| {
            let mut options = sound.clone();
            change(&mut options);
            options.check().unwrap_err().to_string()
        };
        let times = "a report is from a time to a later one, at most ten years after it";
        assert_eq!(refused(|o| o.to = o.from), times);
        assert_eq!(refused(|o| o.to = Timestamp::from_secs(u32::MAX)), times);
        assert_eq!(
            refused(|o| o.zone = "Europe/Züri".to_owned()),
            "\"Europe/Züri\" is no time zone: give a name such as Europe/Zurich or UTC"
        );
        assert_eq!(
            refused(|o| o.operators = 0),
            "operators is 0; allowed is 1 to 1000"
        );
        assert!(refused(|o| o.fast.per_mille = 1_001).starts_with("a goal's share is 1001"));
        assert!(refused(|o| o.flood_below = 11).ends_with("0 to the flood's begin"));
        assert!(refused(|o| o.chatter_raises = 1).contains("2 to 20"));
    }
}
