//! Many durations in little memory.

/// Of each doubling so many buckets: a value is known to 3 %.
const PARTS: u64 = 32;
/// Enough for every `u64`.
const BUCKETS: usize = 64 * PARTS as usize;

/// Counts of nanoseconds.
#[derive(Debug)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        let counts = vec![0; BUCKETS];
        Self { counts, total: 0 }
    }

    #[inline]
    pub(super) fn add(&mut self, nanos: u64) {
        self.counts[bucket(nanos)] += 1;
        self.total += 1;
    }

    pub(super) fn clear(&mut self) {
        self.counts.fill(0);
        self.total = 0;
    }

    /// The value, in microseconds, below which this share lies; 0 when empty.
    pub(super) fn micros(&self, share: f64) -> f64 {
        let goal = (self.total as f64 * share).ceil() as u64;
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= goal.max(1) {
                return crate::figures::round(middle(at) / 1_000.0);
            }
        }
        0.0
    }
}

#[inline]
const fn bucket(nanos: u64) -> usize {
    if nanos < PARTS {
        return nanos as usize;
    }
    let doubling = nanos.ilog2() - PARTS.ilog2();
    let part = (nanos >> doubling) - PARTS;
    ((doubling as u64 + 1) * PARTS + part) as usize
}

/// Nanoseconds in the middle of a bucket.
fn middle(bucket: usize) -> f64 {
    let (doubling, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    if doubling == 0 {
        return part as f64;
    }
    let width = 2f64.powi(doubling as i32 - 1);
    ((PARTS + part) as f64 + 0.5) * width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_known_to_three_percent() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.micros(0.5), 0.0);
        (1..=100_000).for_each(|micros| histogram.add(micros * 1_000));
        for (share, exact) in [(0.01, 1_000.0), (0.5, 50_000.0), (0.99, 99_000.0)] {
            let value = histogram.micros(share);
            assert!((value - exact).abs() / exact < 0.03, "{share}: {value}");
        }
        assert!(bucket(u64::MAX) < BUCKETS);
    }
}
