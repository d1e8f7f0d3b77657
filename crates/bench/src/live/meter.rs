//! What a crowd of sessions has seen: counts, and a histogram that many may write to.

use std::sync::atomic::{AtomicU64, Ordering};

/// Steps between two powers of two: each is known to 1/16 of its value.
const STEPS: u64 = 16;
/// Microseconds up to 2^36, which is nineteen hours.
const BUCKETS: usize = 36 * STEPS as usize;

/// Counted by all sessions at once.
#[derive(Debug)]
pub(super) struct Meter {
    /// Rows of `data` frames.
    pub(super) rows: AtomicU64,
    /// Frames that carry them.
    pub(super) frames: AtomicU64,
    /// Bytes of these.
    pub(super) bytes: AtomicU64,
    /// Numbers that gaps have named.
    pub(super) missed: AtomicU64,
    /// Sessions that have ended although nobody told them to.
    pub(super) cut: AtomicU64,
    /// Subscriptions whose snapshot, or whatever they had missed, is complete.
    pub(super) ready: AtomicU64,
    /// Subscriptions that went on where they were.
    pub(super) resumed: AtomicU64,
    buckets: Vec<AtomicU64>,
}

impl Meter {
    pub(super) fn new() -> Self {
        Self {
            rows: AtomicU64::new(0),
            frames: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            cut: AtomicU64::new(0),
            ready: AtomicU64::new(0),
            resumed: AtomicU64::new(0),
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Notes how old a value was when it came, in µs.
    pub(super) fn age(&self, micros: u64) {
        self.buckets[bucket(micros)].fetch_add(1, Ordering::Relaxed);
    }

    /// The ages below which these shares of all lie, ms; forgets them.
    pub(super) fn ages_ms<const N: usize>(&self, shares: [f64; N]) -> [f64; N] {
        let counts = self.buckets.iter().map(|n| n.swap(0, Ordering::Relaxed));
        let counts: Vec<u64> = counts.collect();
        let total: u64 = counts.iter().sum();
        shares.map(|share| {
            let wanted = (total as f64 * share).ceil() as u64;
            let mut seen = 0;
            let found = counts.iter().position(|count| {
                seen += count;
                seen >= wanted.max(1)
            });
            found.map_or(0.0, |at| {
                crate::figures::round(upper(at) as f64 / 100.0) / 10.0
            })
        })
    }
}

fn bucket(micros: u64) -> usize {
    if micros < STEPS {
        return micros as usize;
    }
    let power = u64::from(63 - micros.leading_zeros());
    let step = (micros >> (power - 4)) & (STEPS - 1);
    (((power - 3) * STEPS + step) as usize).min(BUCKETS - 1)
}

/// The least value beyond a bucket.
fn upper(bucket: usize) -> u64 {
    let (power, step) = (bucket as u64 / STEPS, bucket as u64 % STEPS);
    if power == 0 {
        return step + 1;
    }
    (STEPS + step + 1) << (power - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_is_below_their_end() {
        for micros in (0..100_000).chain([1 << 20, (1 << 30) + 12_345]) {
            let at = bucket(micros);
            assert!(micros < upper(at), "{micros}");
            assert!(at == 0 || micros >= upper(at - 1), "{micros}");
        }
    }

    #[test]
    fn ages_are_known_to_a_sixteenth_and_forgotten_when_asked_for() {
        let meter = Meter::new();
        for micros in 1..=100_000 {
            meter.age(micros);
        }
        let [p50, p99] = meter.ages_ms([0.5, 0.99]);
        assert!(
            (50.0..=54.0).contains(&p50) && (99.0..=106.0).contains(&p99),
            "{p50} {p99}"
        );
        assert_eq!(meter.ages_ms([0.5]), [0.0]);
    }
}
