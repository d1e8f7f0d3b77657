//! Times as messages write them: `HH:MM:SS,MM-DD-YYYY`, in UTC.

use spica_model::Timestamp;

/// How many bytes a time has.
pub(crate) const BYTES: usize = 19;

/// 9999-12-31T23:59:59Z: a year has four digits here.
const LATEST: Timestamp = Timestamp::from_micros(253_402_300_799_000_000);

/// The time as text, to the second below. What the four digits of a year cannot say is the nearest
/// time that they can, and nothing is before 1970.
#[must_use]
pub(crate) fn format(time: Timestamp) -> String {
    let text = time.clamp(Timestamp::EPOCH, LATEST).to_string();
    // `YYYY-MM-DDTHH:MM:SS.ffffffZ`, whose first 19 bytes the clamping holds in their places.
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{},{}-{}", part(11, BYTES), part(5, 10), part(0, 4))
}

/// Reads such a text. None if it is no time, or one before 1970.
#[must_use]
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (clock, date) = text.split_once(',')?;
    let (day, year) = date.rsplit_once('-')?;
    if clock.len() != 8 || day.len() != 5 || year.len() != 4 {
        return None;
    }
    let time = format!("{year}-{day}T{clock}Z").parse().ok()?;
    (time >= Timestamp::EPOCH).then_some(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_print() {
        let time: Timestamp = "2025-09-24T16:20:01Z".parse().unwrap();
        assert_eq!(format(time), "16:20:01,09-24-2025");
        assert_eq!(parse("16:20:01,09-24-2025"), Some(time));
        let later = time.saturating_add(std::time::Duration::from_millis(999));
        assert_eq!(format(later), "16:20:01,09-24-2025");
    }

    #[test]
    fn what_no_message_can_say_is_the_nearest_that_one_can() {
        let far = Timestamp::from_micros(i64::MAX);
        assert_eq!(format(far), "23:59:59,12-31-9999");
        assert_eq!(format(LATEST), "23:59:59,12-31-9999");
        let before = Timestamp::from_micros(i64::MIN);
        assert_eq!(format(before), "00:00:00,01-01-1970");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "16:20:01,09-24-202",
            "16:20:01,24-09-2025",
            "24:20:01,09-24-2025",
            "16:20:01 09-24-2025",
            "16:20:01,02-30-2025",
            "23:59:59,12-31-1969",
            "6:20:01,09-24-2025",
            "16:20:01,09-24-20251",
            "16:20:01,09-24-2é25",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn every_second_of_these_centuries_reads_back(secs: u32) {
            let time = Timestamp::from_secs(secs);
            proptest::prop_assert_eq!(parse(&format(time)), Some(time));
        }
    }
}
