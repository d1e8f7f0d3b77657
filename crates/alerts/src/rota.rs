//! Rotas: who is on duty.

use jiff::Span;
use jiff::civil::{Date, DateTime};
use spica_model::Timestamp;

use crate::cron::Cron;
use crate::zone::Zone;

/// The longest shift, in days: what has to be searched back.
pub(crate) const LONGEST_SHIFT_DAYS: u8 = 31;
/// By how much clocks are set back at most, in hours; all did by less for a century.
const LONGEST_SET_BACK_HOURS: i8 = 3;

/// How the order of people moves on by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotate {
    Never,
    /// With each day of the calendar.
    Daily,
    /// With each Monday.
    Weekly,
}

/// A duty that comes again and again. Its length is that of the wall clock: a shift from 22:00 for
/// eight hours ends at 06:00, also when the clocks change in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shift {
    pub(crate) start: Cron,
    pub(crate) minutes: u32,
    /// By name, in the order in which they are called; never empty.
    pub(crate) people: Vec<String>,
    pub(crate) rotate: Rotate,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rota {
    pub(crate) zone: Zone,
    /// The first one that covers a moment has the duty.
    pub(crate) shifts: Vec<Shift>,
    /// Who has it when no shift does; never empty.
    pub(crate) otherwise: Vec<String>,
}

/// Who has the duty, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OnDuty<'a> {
    Shift(Vec<&'a str>),
    /// Nobody was planned.
    Otherwise(&'a [String]),
}

impl Rota {
    pub(crate) fn on_duty(&self, at: Timestamp) -> OnDuty<'_> {
        let covering = self
            .shifts
            .iter()
            .find_map(|shift| Some((shift, shift.covering(&self.zone, at)?)));
        match covering {
            Some((shift, since)) => OnDuty::Shift(shift.order(since.date())),
            None => OnDuty::Otherwise(&self.otherwise),
        }
    }
}

impl Shift {
    /// The local start of the duty that covers `at`.
    fn covering(&self, zone: &Zone, at: Timestamp) -> Option<DateTime> {
        // Where clocks are set back, what they say later may have been before.
        let latest = zone
            .local(at)
            .saturating_add(Span::new().hours(LONGEST_SET_BACK_HOURS));
        let back = Span::new().days(i64::from(LONGEST_SHIFT_DAYS) + 1);
        let earliest = latest.date().saturating_sub(back);
        let starts = self.start.before(latest.date(), earliest);
        let mut starts = starts.skip_while(|start| *start > latest);
        let start = starts.find(|start| zone.instant(*start) <= at)?;
        let end = start
            .checked_add(Span::new().minutes(self.minutes))
            .unwrap_or(DateTime::MAX);
        (at < zone.instant(end)).then_some(start)
    }

    fn order(&self, since: Date) -> Vec<&str> {
        let monday = Date::constant(1970, 1, 5);
        let days = monday.until(since).map_or(0, |span| span.get_days());
        let turns = match self.rotate {
            Rotate::Never => 0,
            Rotate::Daily => i64::from(days),
            Rotate::Weekly => i64::from(days).div_euclid(7),
        };
        let count = self.people.len();
        let first = i64::try_from(count).map_or(0, |count| turns.rem_euclid(count.max(1)));
        let first = usize::try_from(first).unwrap_or_default();
        let people = self.people.iter().cycle().skip(first).take(count);
        people.map(String::as_str).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shift(start: &str, hours: u32, people: &[&str]) -> Shift {
        Shift {
            start: start.parse().unwrap(),
            minutes: hours * 60,
            people: people.iter().map(|p| (*p).to_owned()).collect(),
            rotate: Rotate::Never,
        }
    }

    fn rota(shifts: Vec<Shift>) -> Rota {
        Rota {
            zone: Zone::named("Europe/Zurich").unwrap(),
            shifts,
            otherwise: vec!["boss".to_owned()],
        }
    }

    fn who(rota: &Rota, at: &str) -> String {
        match rota.on_duty(at.parse().unwrap()) {
            OnDuty::Shift(people) => people.join(" "),
            OnDuty::Otherwise(people) => format!("otherwise {}", people.join(" ")),
        }
    }

    #[test]
    fn shifts_begin_and_end_to_the_second() {
        let rota = rota(vec![shift("0 8 * * mon-fri", 10, &["anna", "bob"])]);
        for (at, want) in [
            ("2026-11-23T06:59:59Z", "otherwise boss"),
            ("2026-11-23T07:00:00Z", "anna bob"),
            ("2026-11-23T16:59:59Z", "anna bob"),
            ("2026-11-23T17:00:00Z", "otherwise boss"),
            ("2026-11-22T10:00:00Z", "otherwise boss"),
        ] {
            assert_eq!(who(&rota, at), want, "{at}");
        }
    }

    #[test]
    fn the_first_shift_that_covers_has_the_duty() {
        let rota = rota(vec![
            shift("0 0 25 dec *", 24, &["eve"]),
            shift("0 0 * * *", 24, &["anna"]),
        ]);
        assert_eq!(who(&rota, "2026-12-25T10:00:00Z"), "eve");
        assert_eq!(who(&rota, "2026-12-25T23:00:00Z"), "anna");
    }

    #[test]
    fn nights_meet_the_days_when_the_clocks_change() {
        let nights = || shift("0 22 * * *", 8, &["night"]);
        let days = || shift("0 6 * * *", 16, &["day"]);
        // Whichever of the two is first, they neither overlap nor leave a gap.
        for rota in [rota(vec![nights(), days()]), rota(vec![days(), nights()])] {
            for (at, want) in [
                ("2026-03-28T20:59:59Z", "day"),
                ("2026-03-28T21:00:00Z", "night"),
                ("2026-03-29T03:59:59Z", "night"),
                ("2026-03-29T04:00:00Z", "day"),
                ("2026-10-24T20:00:00Z", "night"),
                ("2026-10-25T04:59:59Z", "night"),
                ("2026-10-25T05:00:00Z", "day"),
            ] {
                assert_eq!(who(&rota, at), want, "{at}");
            }
        }
    }

    #[test]
    fn shifts_that_meet_in_a_skipped_or_repeated_hour_leave_no_gap() {
        let first = shift("30 18 * * *", 8, &["first"]);
        let second = shift("30 2 * * *", 16, &["second"]);
        for shifts in [vec![first.clone(), second.clone()], vec![second, first]] {
            let rota = rota(shifts);
            for (at, want) in [
                ("2026-03-29T00:59:59Z", "first"),
                ("2026-03-29T01:00:00Z", "second"),
                ("2026-10-25T00:29:59Z", "first"),
                ("2026-10-25T00:30:00Z", "second"),
                ("2026-10-25T01:15:00Z", "second"),
            ] {
                assert_eq!(who(&rota, at), want, "{at}");
            }
        }
    }

    #[test]
    fn the_longest_shift_covers_to_its_end() {
        let rota = rota(vec![shift("0 0 1 jan *", 31 * 24, &["anna"])]);
        assert_eq!(who(&rota, "2026-01-31T22:59:59Z"), "anna");
        assert_eq!(who(&rota, "2026-01-31T23:00:00Z"), "otherwise boss");
    }

    #[test]
    fn people_take_turns_by_week_and_by_day() {
        let mut weekly = shift("0 8 * * mon", 7 * 24, &["a", "b", "c"]);
        weekly.rotate = Rotate::Weekly;
        let weekly = rota(vec![weekly]);
        // The week of 9 November 2026 is the 2,966th after that of 5 January 1970.
        let weeks = ["2026-11-09", "2026-11-16", "2026-11-23", "2026-11-30"]
            .map(|day| who(&weekly, &format!("{day}T12:00:00Z")));
        assert_eq!(weeks, ["c a b", "a b c", "b c a", "c a b"]);
        // The turn changes at the start of the shift, not at midnight.
        assert_eq!(who(&weekly, "2026-11-16T06:59:59Z"), "c a b");

        let mut daily = shift("0 8 * * *", 24, &["a", "b"]);
        daily.rotate = Rotate::Daily;
        let daily = rota(vec![daily]);
        assert_ne!(
            who(&daily, "2026-11-09T12:00:00Z"),
            who(&daily, "2026-11-10T12:00:00Z")
        );
    }
}
