//! Durations.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::quantity::{self, Problem, Unit};
use crate::text::text_type;

const UNITS: [Unit; 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

const ALLOWED: &str = "A duration: a whole number and one of ms, s, min, h, d, such as `250ms`, `10s`, `5min`, `2h` or \
     `7d`.";

/// How long something takes or lasts, in whole milliseconds: `250ms`, `10s`, `5min`, `2h`, `7d`.
///
/// At most [`Span::MAX`], so that it can be added to any time of these centuries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    millis: u64,
}

/// A text that is no [`Span`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseSpanError {
    /// Not a number and a unit.
    #[error(
        "{0:?} is no duration; allowed is a whole number and one of ms, s, min, h, d, such as \
         \"250ms\", \"10s\", \"5min\", \"2h\" or \"7d\""
    )]
    Form(String),
    /// Longer than [`Span::MAX`].
    #[error("{0:?} is too long a duration; at most {max} are allowed", max = Span::MAX)]
    TooLong(String),
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self { millis: 0 };

    /// The longest one: 36,500 days, about a century.
    pub const MAX: Self = Self {
        millis: 36_500 * 86_400_000,
    };

    /// So many milliseconds, at most [`Span::MAX`].
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis > Self::MAX.millis {
            return Self::MAX;
        }
        Self { millis }
    }

    /// So many seconds, at most [`Span::MAX`].
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self::from_millis(secs.saturating_mul(1_000))
    }

    /// So many minutes, at most [`Span::MAX`].
    #[must_use]
    pub const fn from_mins(mins: u64) -> Self {
        Self::from_secs(mins.saturating_mul(60))
    }

    /// So many hours, at most [`Span::MAX`].
    #[must_use]
    pub const fn from_hours(hours: u64) -> Self {
        Self::from_mins(hours.saturating_mul(60))
    }

    /// So many days, at most [`Span::MAX`].
    #[must_use]
    pub const fn from_days(days: u64) -> Self {
        Self::from_hours(days.saturating_mul(24))
    }

    /// As the standard library has it.
    #[must_use]
    pub const fn as_duration(self) -> Duration {
        Duration::from_millis(self.millis)
    }

    /// In milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.millis
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.as_duration()
    }
}

impl fmt::Display for Span {
    /// With the largest unit that says it exactly: `90s`, not `1min 30s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.millis == 0 {
            return f.write_str("0s");
        }
        let (number, unit) = quantity::shortest(self.millis, &UNITS, "ms");
        write!(f, "{number}{unit}")
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match quantity::parse(text, &UNITS) {
            Ok(millis) if millis <= Self::MAX.millis => Ok(Self { millis }),
            Ok(_) | Err(Problem::TooMuch) => Err(ParseSpanError::TooLong(text.to_owned())),
            Err(Problem::Form) => Err(ParseSpanError::Form(text.to_owned())),
        }
    }
}

text_type!(Span, ToString::to_string, ALLOWED, {
    "type": "string",
    "format": "span",
    "pattern": "^[0-9]+(ms|s|min|h|d)$",
});

struct Visitor;

impl serde::de::Visitor<'_> for Visitor {
    type Value = Span;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration in quotes, with its unit, such as \"10s\" or \"5min\"")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print() {
        for (text, millis, printed) in [
            ("250ms", 250, "250ms"),
            ("10s", 10_000, "10s"),
            ("5min", 300_000, "5min"),
            ("2h", 7_200_000, "2h"),
            ("7d", 604_800_000, "7d"),
            ("60s", 60_000, "1min"),
            ("90s", 90_000, "90s"),
            ("24h", 86_400_000, "1d"),
            ("0ms", 0, "0s"),
            ("36500d", Span::MAX.millis, "36500d"),
        ] {
            let span: Span = text.parse().unwrap();
            assert_eq!(span.as_millis(), millis, "{text}");
            assert_eq!(span.to_string(), printed);
            assert_eq!(Duration::from(span), Duration::from_millis(millis));
        }
    }

    #[test]
    fn what_is_no_span_is_told_what_is_allowed() {
        let bad = [
            "", "10", "s", "10 s", " 10s", "1.5s", "-1s", "+1s", "10m", "10S", "1h30min", "١s",
        ];
        for text in bad {
            let error = text.parse::<Span>().unwrap_err();
            assert_eq!(error, ParseSpanError::Form(text.to_owned()));
            assert!(
                error.to_string().contains("one of ms, s, min, h, d"),
                "{error}"
            );
        }
        for text in ["36501d", "99999999999999999999s", "18446744073709551615d"] {
            let error = text.parse::<Span>().unwrap_err();
            assert_eq!(error, ParseSpanError::TooLong(text.to_owned()));
            assert!(error.to_string().contains("at most 36500d"), "{error}");
        }
    }

    #[test]
    fn constructors_stop_at_the_longest() {
        assert_eq!(Span::from_days(1), Span::from_hours(24));
        assert_eq!(Span::from_mins(1), Span::from_secs(60));
        assert_eq!(Span::from_days(u64::MAX), Span::MAX);
        assert_eq!(Span::from_days(36_501), Span::MAX);
        assert_eq!(Span::from_days(36_500), Span::MAX);
    }

    proptest::proptest! {
        #[test]
        fn every_span_reads_back(millis in 0..=Span::MAX.millis) {
            let span = Span { millis };
            proptest::prop_assert_eq!(span.to_string().parse(), Ok(span));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9]{0,25}(ms|s|min|h|d|x)?") {
            let _ = text.parse::<Span>();
        }
    }
}
