//! Days and hours as people there count them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use spica_model::Timestamp;

/// The calendar of a time zone.
#[derive(Debug, Clone)]
pub(crate) struct Calendar(TimeZone);

impl Calendar {
    pub(crate) const fn new(zone: TimeZone) -> Self {
        Self(zone)
    }

    /// What a clock on the wall shows; the nearest time that the calendar has, if it has none.
    pub(crate) fn local(&self, at: Timestamp) -> DateTime {
        let micros = at.as_micros();
        let nearest = || {
            if micros < 0 {
                jiff::Timestamp::MIN
            } else {
                jiff::Timestamp::MAX
            }
        };
        let at = jiff::Timestamp::from_microsecond(micros).unwrap_or_else(|_| nearest());
        self.0.to_datetime(at)
    }

    /// The hour of the day, 0 to 23.
    pub(crate) fn hour(&self, at: Timestamp) -> usize {
        usize::try_from(self.local(at).hour()).unwrap_or(0)
    }

    /// The day.
    pub(crate) fn day(&self, at: Timestamp) -> Date {
        self.local(at).date()
    }

    /// The first day of the month.
    pub(crate) fn month(&self, at: Timestamp) -> Date {
        self.day(at).first_of_month()
    }

    /// All days from the one of `from` to the last one before `to`, which is later.
    pub(crate) fn days(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = Date> {
        let last = self.day(Timestamp::from_micros(to.as_micros() - 1));
        self.day(from)
            .series(jiff::Span::new().days(1))
            .take_while(move |day| *day <= last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZoneDatabase;

    #[test]
    fn hours_and_days_follow_the_zone_and_its_summer_time() {
        let zurich = Calendar::new(TimeZoneDatabase::bundled().get("Europe/Zurich").unwrap());
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // Summer time begins on 2026-03-29 at 01:00 UTC.
        assert_eq!(zurich.hour(at("2026-03-29T00:59:59Z")), 1);
        assert_eq!(zurich.hour(at("2026-03-29T01:00:00Z")), 3);
        assert_eq!(
            zurich.day(at("2026-03-31T22:30:00Z")).to_string(),
            "2026-04-01"
        );
        assert_eq!(
            zurich.month(at("2026-03-31T22:30:00Z")).to_string(),
            "2026-04-01"
        );
        let days = zurich.days(at("2026-03-27T23:00:00Z"), at("2026-03-30T22:00:00Z"));
        let days: Vec<_> = days.map(|day| day.to_string()).collect();
        assert_eq!(days, ["2026-03-28", "2026-03-29", "2026-03-30"]);
        assert_eq!(zurich.local(Timestamp::from_micros(i64::MAX)).year(), 9999);
        assert_eq!(zurich.local(Timestamp::from_micros(i64::MIN)).year(), -9999);
    }
}
