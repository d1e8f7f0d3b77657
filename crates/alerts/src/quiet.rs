//! Quiet hours: when a person, or a plan, is left alone unless somebody's life is at stake.

use std::time::Duration;

use jiff::civil::{Date, DateTime, Time};
use spica_model::Timestamp;

use crate::zone::Zone;

/// The longest that quiet hours hold a notice back, however they are combined.
pub(crate) const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// One window of the wall clock, on the days of the week on which it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Time,
    /// Not after `from`: on the next day.
    pub(crate) to: Time,
    /// Bit 0 for Sunday.
    pub(crate) weekdays: u64,
}

/// Windows of one zone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct QuietHours {
    pub(crate) zone: Zone,
    pub(crate) windows: Vec<Window>,
}

impl Window {
    /// Its local bounds when it begins on that day, if it does.
    fn on(&self, day: Date) -> Option<(DateTime, DateTime)> {
        let weekday = day.weekday().to_sunday_zero_offset();
        let begins = self.weekdays & (1 << u8::try_from(weekday).unwrap_or_default()) != 0;
        let last = if self.to > self.from {
            day
        } else {
            day.tomorrow().ok()?
        };
        begins.then(|| (day.to_datetime(self.from), last.to_datetime(self.to)))
    }
}

impl QuietHours {
    /// When the window ends that `at` lies in: the latest end if there are several.
    fn end(&self, at: Timestamp) -> Option<Timestamp> {
        let today = self.zone.local(at).date();
        let days = [today.yesterday().ok(), Some(today)];
        let windows = days.into_iter().flatten().flat_map(|day| {
            let on_day = self.windows.iter().filter_map(move |window| window.on(day));
            on_day.map(|(from, to)| (self.zone.instant(from), self.zone.instant(to)))
        });
        windows
            .filter(|(from, to)| (*from..*to).contains(&at))
            .map(|(_, to)| to)
            .max()
    }

    /// Whether there is a minute of a week without DST that none of its windows covers.
    pub(crate) fn ends(&self) -> bool {
        let days = (1..=14).filter_map(|day| Date::new(2023, 1, day).ok());
        let mut bounds: Vec<_> = days
            .flat_map(|day| self.windows.iter().filter_map(move |window| window.on(day)))
            .collect();
        bounds.sort_unstable();
        let mut covered = None;
        for (from, to) in bounds {
            match covered {
                Some(until) if from > until => return true,
                _ => covered = covered.max(Some(to)),
            }
        }
        // Half of the two weeks in a row are quiet: so is every other week.
        covered.is_none_or(|until| until < DateTime::constant(2023, 1, 14, 0, 0, 0, 0))
    }
}

/// The first moment from `at` on that no quiet hours cover, at most [`LONGEST`] later.
pub(crate) fn end_of_all(quiet: &[&QuietHours], at: Timestamp) -> Timestamp {
    let latest = at.saturating_add(LONGEST);
    let mut moment = at;
    while let Some(end) = quiet.iter().filter_map(|hours| hours.end(moment)).max() {
        if end >= latest {
            return latest;
        }
        moment = end;
    }
    moment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(from: &str, to: &str, days: &str) -> Window {
        Window {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            weekdays: crate::cron::weekday_set(days).unwrap(),
        }
    }

    fn hours(windows: &[Window]) -> QuietHours {
        QuietHours {
            zone: Zone::named("Europe/Zurich").unwrap(),
            windows: windows.to_vec(),
        }
    }

    fn end(hours: &[&QuietHours], at: &str) -> String {
        end_of_all(hours, at.parse().unwrap()).to_string()
    }

    #[test]
    fn nights_end_in_the_morning_of_their_zone() {
        let nights = hours(&[window("22:00", "06:00", "*")]);
        for (at, want) in [
            ("2026-01-10T20:59:59Z", "2026-01-10T20:59:59.000000Z"),
            ("2026-01-10T21:00:00Z", "2026-01-11T05:00:00.000000Z"),
            ("2026-01-11T04:59:59Z", "2026-01-11T05:00:00.000000Z"),
            ("2026-01-11T05:00:00Z", "2026-01-11T05:00:00.000000Z"),
            ("2026-07-10T20:00:00Z", "2026-07-11T04:00:00.000000Z"),
            // The clocks jump ahead at 01:00Z on 29 March, and back at 01:00Z on 25 October.
            ("2026-03-28T21:00:00Z", "2026-03-29T04:00:00.000000Z"),
            ("2026-10-24T20:00:00Z", "2026-10-25T05:00:00.000000Z"),
        ] {
            assert_eq!(end(&[&nights], at), want, "{at}");
        }
    }

    #[test]
    fn windows_that_end_in_skipped_or_repeated_hours_still_end_once() {
        let late = hours(&[window("00:00", "02:30", "*")]);
        assert_eq!(
            end(&[&late], "2026-03-29T00:30:00Z"),
            "2026-03-29T01:00:00.000000Z"
        );
        assert_eq!(
            end(&[&late], "2026-10-25T00:10:00Z"),
            "2026-10-25T00:30:00.000000Z"
        );
        // The second pass of half past two is not quiet.
        assert_eq!(
            end(&[&late], "2026-10-25T01:10:00Z"),
            "2026-10-25T01:10:00.000000Z"
        );
    }

    #[test]
    fn a_window_belongs_to_the_day_on_which_it_begins() {
        let weekend = hours(&[
            window("18:00", "00:00", "fri"),
            window("00:00", "00:00", "sat,sun"),
        ]);
        assert_eq!(
            end(&[&weekend], "2026-01-09T17:30:00Z"),
            "2026-01-11T23:00:00.000000Z"
        );
        let friday_night = hours(&[window("22:00", "06:00", "fri")]);
        assert_eq!(
            end(&[&friday_night], "2026-01-10T03:00:00Z"),
            "2026-01-10T05:00:00.000000Z"
        );
        assert_eq!(
            end(&[&friday_night], "2026-01-11T03:00:00Z"),
            "2026-01-11T03:00:00.000000Z"
        );
    }

    #[test]
    fn the_hours_of_person_and_plan_add_up_but_not_for_ever() {
        let (night, morning) = (
            hours(&[window("22:00", "06:00", "*")]),
            hours(&[window("05:00", "08:00", "*")]),
        );
        assert_eq!(
            end(&[&morning, &night], "2026-01-10T22:00:00Z"),
            "2026-01-11T07:00:00.000000Z"
        );
        let day = hours(&[window("08:00", "22:00", "*")]);
        let all = [&night, &morning, &day];
        assert_eq!(
            end(&all, "2026-01-10T22:00:00Z"),
            "2026-01-17T22:00:00.000000Z"
        );
    }

    #[test]
    fn hours_without_an_end_are_seen() {
        assert!(hours(&[]).ends());
        assert!(hours(&[window("22:00", "21:59", "*")]).ends());
        assert!(hours(&[window("00:00", "00:00", "mon-sat")]).ends());
        assert!(!hours(&[window("00:00", "00:00", "*")]).ends());
        assert!(!hours(&[window("22:00", "06:00", "*"), window("06:00", "22:00", "*")]).ends());
    }
}
