//! Cron lines: the local times at which something starts.
//!
//! Five fields: minute, hour, day of the month, month, day of the week. Each is `*`, a number, a
//! range `a-b`, either with a step `/n`, or a list of such, separated by commas. Months and days have
//! names too (`jan`, `mon`; capitals as you like), and day 7 is Sunday like day 0. As in cron, a day
//! matches when either of the two fields for days does, if neither begins with `*`.
//!
//! What is absent: seconds, years, `@daily`, `L`, `W`, `#`.

use std::str::FromStr;

use jiff::civil::{Date, DateTime, Time};

/// A cron line, read and checked: sets of bits, bit `n` for the value `n`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cron {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// Whether a day has to match both fields for days, since one of them begins with `*`.
    both_days: bool,
}

/// What is wrong with a cron line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CronError {
    #[error(
        "a cron line has five fields, minute hour day month weekday, such as \"0 8 * * mon-fri\"; \
         here are {0}"
    )]
    Fields(usize),
    #[error("{text:?} is no {field}; allowed are {allowed}")]
    Value {
        text: String,
        field: &'static str,
        allowed: &'static str,
    },
    #[error("the range {0:?} goes backwards; write it as two, such as \"fri-sat,sun\"")]
    Backwards(String),
    #[error(
        "{0:?} is no step; allowed is a whole number from 1 after *, or after a range, such as \"*/15\""
    )]
    Step(String),
    #[error("there is no such day in any of its months, so it would never come")]
    Never,
}

struct Field {
    name: &'static str,
    allowed: &'static str,
    min: u8,
    max: u8,
    /// Names of the values from `min` on.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
pub(crate) const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const fn field(
    name: &'static str,
    allowed: &'static str,
    (min, max): (u8, u8),
    names: &'static [&'static str],
) -> Field {
    Field {
        name,
        allowed,
        min,
        max,
        names,
    }
}

const FIELDS: [Field; 5] = [
    field("minute", "0 to 59", (0, 59), &[]),
    field("hour", "0 to 23", (0, 23), &[]),
    field("day of the month", "1 to 31", (1, 31), &[]),
    field("month", "1 to 12 or jan to dec", (1, 12), &MONTHS),
    field(
        "weekday",
        "0 to 7 (0 and 7 are Sunday) or sun to sat",
        (0, 7),
        &WEEKDAYS,
    ),
];

/// The days that each month has in some year.
const LONGEST: [u8; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

impl FromStr for Cron {
    type Err = CronError;

    fn from_str(line: &str) -> Result<Self, Self::Err> {
        let parts: Vec<&str> = line.split_ascii_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = *parts else {
            return Err(CronError::Fields(parts.len()));
        };
        let cron = Self {
            minutes: FIELDS[0].read(minutes)?,
            hours: FIELDS[1].read(hours)?,
            days: FIELDS[2].read(days)?,
            months: FIELDS[3].read(months)?,
            weekdays: weekday_set(weekdays)?,
            both_days: days.starts_with('*') || weekdays.starts_with('*'),
        };
        let has_day = |month: &u8| {
            has(cron.months, *month) && cron.days & below(LONGEST[usize::from(*month) - 1]) != 0
        };
        if cron.both_days && !(1..=12).any(|month| has_day(&month)) {
            return Err(CronError::Never);
        }
        Ok(cron)
    }
}

/// The bits 0 to `last`.
const fn below(last: u8) -> u64 {
    (1 << (last + 1)) - 1
}

const fn has(set: u64, value: u8) -> bool {
    set & (1 << value) != 0
}

/// Days of the week as in a cron line, bit 0 for Sunday.
pub(crate) fn weekday_set(text: &str) -> Result<u64, CronError> {
    let set = FIELDS[4].read(text)?;
    Ok(if has(set, 7) {
        (set | 1) & below(6)
    } else {
        set
    })
}

impl Field {
    fn read(&self, text: &str) -> Result<u64, CronError> {
        let items = text.split(',').map(|item| self.item(item));
        items.reduce(|a, b| Ok(a? | b?)).unwrap_or(Ok(0))
    }

    fn item(&self, text: &str) -> Result<u64, CronError> {
        let (range, step) = match text.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (text, None),
        };
        let bad_step = || CronError::Step(shortened(text));
        let (from, to) = match range.split_once('-') {
            _ if range == "*" => (self.min, self.max),
            Some((from, to)) => (self.value(from)?, self.last(to)?),
            None if step.is_some() => return Err(bad_step()),
            None => (self.value(range)?, self.value(range)?),
        };
        if from > to {
            return Err(CronError::Backwards(shortened(range)));
        }
        let step = match step {
            None => 1,
            Some(step) => match number(step) {
                Some(step) if step > 0 => step,
                _ => return Err(bad_step()),
            },
        };
        Ok((from..=to)
            .step_by(usize::from(step))
            .fold(0, |set, value| set | 1 << value))
    }

    /// The end of a range: a Sunday there is the one after Saturday.
    fn last(&self, text: &str) -> Result<u8, CronError> {
        let value = self.value(text)?;
        Ok(if self.max == 7 && value == 0 {
            7
        } else {
            value
        })
    }

    fn value(&self, text: &str) -> Result<u8, CronError> {
        let named = (self.min..).zip(self.names);
        let by_name = named
            .into_iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(text));
        let value = by_name.map(|(value, _)| value).or_else(|| number(text));
        let value = value.filter(|value| (self.min..=self.max).contains(value));
        value.ok_or_else(|| CronError::Value {
            text: shortened(text),
            field: self.name,
            allowed: self.allowed,
        })
    }
}

fn number(text: &str) -> Option<u8> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

impl Cron {
    fn has_date(&self, date: Date) -> bool {
        let positive = |n: i8| u8::try_from(n).unwrap_or_default();
        if !has(self.months, positive(date.month())) {
            return false;
        }
        let by_day = has(self.days, positive(date.day()));
        let by_weekday = has(
            self.weekdays,
            positive(date.weekday().to_sunday_zero_offset()),
        );
        if self.both_days {
            by_day && by_weekday
        } else {
            by_day || by_weekday
        }
    }

    /// Its local times from `earliest` on, back from the end of the day `last`.
    pub(crate) fn before(self, last: Date, earliest: Date) -> impl Iterator<Item = DateTime> {
        let days = std::iter::successors(Some(last), |day| day.yesterday().ok());
        days.take_while(move |day| *day >= earliest)
            .filter(move |day| self.has_date(*day))
            .flat_map(move |day| self.times().map(move |time| day.to_datetime(time)))
    }

    /// Its times of a day, the latest first.
    fn times(self) -> impl Iterator<Item = Time> {
        let hours = (0..24).rev().filter(move |hour| has(self.hours, *hour));
        hours.flat_map(move |hour| {
            let minutes = (0..60)
                .rev()
                .filter(move |minute| has(self.minutes, *minute));
            minutes.filter_map(move |minute| {
                let (hour, minute) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?);
                Time::new(hour, minute, 0, 0).ok()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cron(line: &str) -> Cron {
        line.parse().unwrap()
    }

    /// What a line says for the days of a range, in order.
    fn times(line: &str, from: &str, to: &str) -> Vec<String> {
        let back = cron(line).before(to.parse().unwrap(), from.parse().unwrap());
        let mut times: Vec<String> = back.map(|t| t.strftime("%d %H:%M").to_string()).collect();
        times.reverse();
        times
    }

    #[test]
    fn every_form_of_a_field_is_read() {
        assert_eq!(
            cron("*/15 8-10/2 * * *").minutes,
            1 | 1 << 15 | 1 << 30 | 1 << 45
        );
        assert_eq!(cron("0 8-10/2 * * *").hours, 1 << 8 | 1 << 10);
        assert_eq!(cron("0 0 1,15,28-30 * *").days, 1 << 1 | 1 << 15 | 7 << 28);
        assert_eq!(cron("0 0 * JAN,nov-Dec *").months, 1 << 1 | 3 << 11);
        for (days, set) in [
            ("mon-fri", 0b011_1110),
            ("sat,sun", 0b100_0001),
            ("7", 1),
            ("0", 1),
            ("fri-7", 0b110_0001),
            ("fri-sun", 0b110_0001),
            ("*", 0b111_1111),
        ] {
            assert_eq!(cron(&format!("0 0 * * {days}")).weekdays, set, "{days}");
        }
    }

    #[test]
    fn its_times_come_backwards() {
        assert_eq!(
            times("30 6,18 * * mon-fri", "2026-11-20", "2026-11-23"),
            ["20 06:30", "20 18:30", "23 06:30", "23 18:30"]
        );
        assert_eq!(
            times("0 0 29 2 *", "2024-01-01", "2026-12-31"),
            ["29 00:00"]
        );
    }

    #[test]
    fn either_field_for_days_is_enough_unless_one_begins_with_a_star() {
        let either = times("0 0 13 * fri", "2026-11-01", "2026-11-15");
        assert_eq!(either, ["06 00:00", "13 00:00"]);
        let either = times("0 0 10 * fri", "2026-11-01", "2026-11-15");
        assert_eq!(either, ["06 00:00", "10 00:00", "13 00:00"]);
        let both = times("0 0 */2 * fri", "2026-11-01", "2026-11-15");
        assert_eq!(both, ["13 00:00"]);
    }

    #[test]
    fn what_is_no_cron_line_is_refused_with_what_is_allowed() {
        for (line, said) in [
            ("", "five fields"),
            ("0 8 * *", "here are 4"),
            ("0 8 * * mon *", "here are 6"),
            ("60 8 * * *", "\"60\" is no minute; allowed are 0 to 59"),
            ("0 24 * * *", "no hour"),
            ("0 0 0 * *", "no day of the month"),
            ("0 0 * 13 *", "1 to 12 or jan to dec"),
            ("0 0 * * monday", "no weekday"),
            ("0 0 * * 8", "no weekday"),
            ("-1 0 * * *", "no minute"),
            ("+1 0 * * *", "no minute"),
            ("1, 0 * * *", "no minute"),
            ("0 22-6 * * *", "backwards"),
            ("*/0 * * * *", "no step"),
            ("5/10 * * * *", "no step"),
            ("*/x * * * *", "no step"),
            ("0 0 30 2 *", "never"),
            ("0 0 31 apr,jun *", "never"),
        ] {
            let error = line.parse::<Cron>().unwrap_err().to_string();
            assert!(error.contains(said), "{line}: {error}");
        }
        assert!(
            "0 0 30 2 mon".parse::<Cron>().is_ok(),
            "the Mondays of February"
        );
    }
}
