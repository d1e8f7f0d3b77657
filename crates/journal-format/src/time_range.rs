//! Between which times records were received.

use spica_model::Timestamp;

/// The earliest and the latest of some times, both included. Nothing is said of their order: clocks
/// are set back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// The earliest.
    pub earliest: Timestamp,
    /// The latest.
    pub latest: Timestamp,
}

impl TimeRange {
    /// Of no times at all: the earliest is after the latest.
    pub const NONE: Self = Self {
        earliest: Timestamp::from_micros(i64::MAX),
        latest: Timestamp::from_micros(i64::MIN),
    };

    /// Of times that nobody knows: any may be among them.
    pub const ANY: Self = Self {
        earliest: Timestamp::from_micros(i64::MIN),
        latest: Timestamp::from_micros(i64::MAX),
    };

    /// Takes in one more time.
    pub fn add(&mut self, time: Timestamp) {
        self.join(Self {
            earliest: time,
            latest: time,
        });
    }

    /// Takes in all times of another range.
    pub fn join(&mut self, other: Self) {
        self.earliest = self.earliest.min(other.earliest);
        self.latest = self.latest.max(other.latest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_grows_both_ways_and_nothing_adds_nothing() {
        let at = Timestamp::from_secs;
        let mut range = TimeRange::NONE;
        range.join(TimeRange::NONE);
        assert_eq!(range, TimeRange::NONE);
        for time in [5, 3, 9] {
            range.add(at(time));
        }
        range.join(TimeRange::NONE);
        let (earliest, latest) = (at(3), at(9));
        assert_eq!(range, TimeRange { earliest, latest });
        range.join(TimeRange::ANY);
        assert_eq!(range, TimeRange::ANY);
    }
}
