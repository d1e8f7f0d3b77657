//! Local time: the one place that knows time zones.
//!
//! The rules of all zones are compiled in; nothing is read from the machine. Every local time stands
//! for one moment, and later local times never for earlier moments: a time that the clocks skip is
//! the moment of the jump, a time that they repeat is its first pass. So two shifts that meet on the
//! wall clock meet on every day of the year.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use spica_model::Timestamp;

/// A time zone of the IANA database.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    pub(crate) const UTC: Self = Self(TimeZone::UTC);

    /// The zone of that name, such as `Europe/Zurich`.
    pub(crate) fn named(name: &str) -> Option<Self> {
        TimeZoneDatabase::bundled().get(name).ok().map(Self)
    }

    /// What the clocks on the wall say.
    pub(crate) fn local(&self, at: Timestamp) -> DateTime {
        self.0.to_datetime(moment(at))
    }

    /// The moment at which the clocks on the wall say so.
    pub(crate) fn instant(&self, local: DateTime) -> Timestamp {
        let ambiguous = self.0.to_ambiguous_timestamp(local);
        let by = |offset: jiff::tz::Offset| offset.to_timestamp(local).unwrap_or_default();
        let moment = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => by(offset),
            AmbiguousOffset::Fold { before, .. } => by(before),
            AmbiguousOffset::Gap { before, .. } => {
                // With the offset of before the jump, the skipped time lies at the jump or behind.
                let late = by(before);
                let behind = late.checked_add(jiff::Span::new().microseconds(1));
                let jump = self.0.preceding(behind.unwrap_or(late)).next();
                jump.map_or(late, |jump| jump.timestamp())
            }
        };
        Timestamp::from_micros(moment.as_microsecond())
    }

    /// For people: `2026-11-22 06:01:23 CET`.
    pub(crate) fn show(&self, at: Timestamp) -> String {
        let zoned = moment(at).to_zoned(self.0.clone());
        zoned.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
    }
}

/// The moment, or the last or first one that the calendar of years -9999 to 9999 has.
fn moment(at: Timestamp) -> jiff::Timestamp {
    let bound = if at < Timestamp::EPOCH {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    };
    jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zurich() -> Zone {
        Zone::named("Europe/Zurich").unwrap()
    }

    fn instant(local: &str) -> String {
        zurich().instant(local.parse().unwrap()).to_string()
    }

    #[test]
    fn a_skipped_time_is_the_moment_of_the_jump() {
        assert_eq!(instant("2026-03-29T01:59"), "2026-03-29T00:59:00.000000Z");
        for skipped in ["2026-03-29T02:00", "2026-03-29T02:30", "2026-03-29T03:00"] {
            assert_eq!(instant(skipped), "2026-03-29T01:00:00.000000Z");
        }
        assert_eq!(instant("2026-03-29T03:01"), "2026-03-29T01:01:00.000000Z");
    }

    #[test]
    fn a_repeated_time_is_its_first_pass() {
        assert_eq!(instant("2026-10-25T02:30"), "2026-10-25T00:30:00.000000Z");
        assert_eq!(instant("2026-10-25T03:00"), "2026-10-25T02:00:00.000000Z");
    }

    #[test]
    fn people_see_local_time_with_its_zone() {
        let at = "2026-07-01T10:00:00Z".parse().unwrap();
        assert_eq!(zurich().show(at), "2026-07-01 12:00:00 CEST");
        assert_eq!(Zone::UTC.show(at), "2026-07-01 10:00:00 UTC");
        assert!(Zone::named("Europe/Zürich").is_none());
    }

    #[test]
    fn no_time_is_too_far() {
        let far = zurich().local(Timestamp::from_micros(i64::MAX));
        assert_eq!(far.year(), 9999);
        zurich().instant(far);
        zurich().instant(zurich().local(Timestamp::from_micros(i64::MIN)));
    }
}
