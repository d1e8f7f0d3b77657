//! A token bucket, kept as one point in time.

use std::time::{Duration, Instant};

use crate::Rate;

/// A token bucket. It stores only when it will be full again (the generic cell rate algorithm).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Bucket {
    full_at: Option<Instant>,
}

impl Bucket {
    /// Whether there is a token.
    pub(crate) fn has(&self, now: Instant, rate: Rate) -> bool {
        let missing = self.full_at(now).duration_since(now);
        missing <= interval(rate) * (rate.burst.max(1) - 1)
    }

    /// Takes a token; the caller has asked [`Bucket::has`].
    pub(crate) fn take(&mut self, now: Instant, rate: Rate) {
        self.full_at = Some(self.full_at(now) + interval(rate));
    }

    fn full_at(&self, now: Instant) -> Instant {
        self.full_at.map_or(now, |at| at.max(now))
    }
}

fn interval(rate: Rate) -> Duration {
    Duration::from_secs(1) / rate.per_second.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_clock::{Clock, SystemClock};

    #[test]
    fn a_burst_then_the_rate() {
        let rate = Rate {
            per_second: 10,
            burst: 5,
        };
        let mut now = SystemClock.monotonic();
        let mut bucket = Bucket::default();
        let mut take_all = |now| {
            let mut count = 0;
            while bucket.has(now, rate) {
                bucket.take(now, rate);
                count += 1;
            }
            count
        };
        assert_eq!(take_all(now), 5);
        now += Duration::from_millis(99);
        assert_eq!(take_all(now), 0);
        now += Duration::from_millis(1);
        assert_eq!(take_all(now), 1);
        now += Duration::from_secs(60);
        assert_eq!(take_all(now), 5, "no more than a burst after a rest");
    }

    #[test]
    fn zeros_count_as_ones() {
        let rate = Rate {
            per_second: 0,
            burst: 0,
        };
        let now = SystemClock.monotonic();
        let mut bucket = Bucket::default();
        assert!(bucket.has(now, rate));
        bucket.take(now, rate);
        assert!(!bucket.has(now + Duration::from_millis(999), rate));
        assert!(bucket.has(now + Duration::from_secs(1), rate));
    }
}
