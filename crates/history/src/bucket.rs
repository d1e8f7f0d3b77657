//! Intervals of a series, and what is known of the values in one.

use std::time::Duration;

use spica_model::{Seq, Timestamp};

use crate::settings::SeriesAges;

/// How long the intervals of a series are. They begin at whole minutes, quarters, hours and days of
/// UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resolution {
    /// A minute.
    Minute,
    /// A quarter of an hour.
    Quarter,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Resolution {
    /// All of them, the finest first.
    pub const ALL: [Self; 4] = [Self::Minute, Self::Quarter, Self::Hour, Self::Day];

    /// How long an interval is.
    #[must_use]
    pub const fn length(self) -> Duration {
        Duration::from_secs(match self {
            Self::Minute => 60,
            Self::Quarter => 900,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        })
    }

    /// The word for it: `1min`, `15min`, `1h` or `1d`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minute => "1min",
            Self::Quarter => "15min",
            Self::Hour => "1h",
            Self::Day => "1d",
        }
    }

    /// 0 for the finest.
    pub(crate) const fn index(self) -> u8 {
        match self {
            Self::Minute => 0,
            Self::Quarter => 1,
            Self::Hour => 2,
            Self::Day => 3,
        }
    }

    /// When the interval begins in which a time lies.
    #[must_use]
    pub const fn floor(self, time: Timestamp) -> Timestamp {
        let length = self.length().as_micros() as i64;
        let micros = time.as_micros();
        Timestamp::from_micros(micros.saturating_sub(micros.rem_euclid(length)))
    }

    /// For how long its intervals are kept.
    pub(crate) const fn age(self, ages: &SeriesAges) -> Duration {
        match self {
            Self::Minute => ages.minute,
            Self::Quarter => ages.quarter,
            Self::Hour => ages.hour,
            Self::Day => ages.day,
        }
        .as_duration()
    }
}

/// What is known of the values in one interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// How many there are; at least one.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// The last one: the latest, and of several at the same time the one that was placed last.
    pub last: f64,
    /// When that was.
    pub last_at: Timestamp,
    /// Where it stands in its lane.
    pub last_seq: Seq,
}

impl Bucket {
    /// Bytes of a bucket in the index.
    pub(crate) const BYTES: usize = 56;

    /// An interval with one value.
    #[must_use]
    pub const fn of(value: f64, at: Timestamp, seq: Seq) -> Self {
        Self {
            count: 1,
            sum: value,
            min: value,
            max: value,
            last: value,
            last_at: at,
            last_seq: seq,
        }
    }

    /// Takes in the values of another part of the same interval.
    pub fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if (other.last_at, other.last_seq) >= (self.last_at, self.last_seq) {
            self.last = other.last;
            self.last_at = other.last_at;
            self.last_seq = other.last_seq;
        }
    }

    /// The mean of the values.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }

    pub(crate) fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let fields = [
            self.count.to_le_bytes(),
            self.sum.to_le_bytes(),
            self.min.to_le_bytes(),
            self.max.to_le_bytes(),
            self.last.to_le_bytes(),
            self.last_at.as_micros().to_le_bytes(),
            self.last_seq.0.to_le_bytes(),
        ];
        for (place, field) in bytes.chunks_exact_mut(8).zip(fields) {
            place.copy_from_slice(&field);
        }
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut fields = bytes.chunks_exact(8).map(|field| field.try_into().ok());
        let mut next = || fields.next().flatten();
        Some(Self {
            count: u64::from_le_bytes(next()?),
            sum: f64::from_le_bytes(next()?),
            min: f64::from_le_bytes(next()?),
            max: f64::from_le_bytes(next()?),
            last: f64::from_le_bytes(next()?),
            last_at: Timestamp::from_micros(i64::from_le_bytes(next()?)),
            last_seq: Seq(u64::from_le_bytes(next()?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_merge_in_any_order_to_the_same() {
        let at = |secs| Timestamp::from_secs(secs);
        let parts = [
            Bucket::of(2.0, at(5), Seq(1)),
            Bucket::of(-1.0, at(9), Seq(2)),
            Bucket::of(4.0, at(9), Seq(3)),
            Bucket::of(8.0, at(1), Seq(4)),
        ];
        let merged = |order: [usize; 4]| {
            let mut bucket = parts[order[0]];
            order[1..].iter().for_each(|&i| bucket.merge(&parts[i]));
            bucket
        };
        let one = merged([0, 1, 2, 3]);
        assert_eq!(
            (one.count, one.sum, one.min, one.max, one.last),
            (4, 13.0, -1.0, 8.0, 4.0)
        );
        assert_eq!(merged([3, 2, 1, 0]), one);
        assert_eq!(merged([2, 0, 3, 1]), one);
        assert_eq!(Bucket::decode(&one.encode()), Some(one));
        assert_eq!(Bucket::decode(&one.encode()[..55]), None);
    }

    #[test]
    fn intervals_begin_at_whole_ones_also_before_1970() {
        let floor = |micros| {
            Resolution::Minute
                .floor(Timestamp::from_micros(micros))
                .as_micros()
        };
        assert_eq!(floor(60_000_001), 60_000_000);
        assert_eq!(floor(59_999_999), 0);
        assert_eq!(floor(-1), -60_000_000);
        for (fine, coarse) in [(0, 1), (1, 2), (2, 3)] {
            let [fine, coarse] =
                [fine, coarse].map(|i: usize| Resolution::ALL[i].length().as_secs());
            assert_eq!(
                coarse % fine,
                0,
                "each interval lies in one of the next coarser"
            );
        }
    }
}
