//! A token bucket of bytes. What is sent may overdraw it; nothing is sent then until it is above zero
//! again, so the rate holds in the long run whatever the size of a frame.

use std::time::Duration;

const MICROS: i128 = 1_000_000;

/// Bytes that may be sent, refilled with time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Bytes per second.
    rate: u64,
    /// Millionths of a byte.
    tokens: i128,
    /// When it was last refilled.
    at: Duration,
}

impl Bucket {
    /// A full bucket: a quarter of a second's bytes. `None` for a rate of 0: no limit.
    pub(crate) fn new(rate: u64, now: Duration) -> Option<Self> {
        let mut bucket = Self {
            rate,
            tokens: 0,
            at: now,
        };
        bucket.tokens = bucket.most();
        (rate > 0).then_some(bucket)
    }

    /// Bytes that may be sent now; 0 if none.
    pub(crate) fn available(&mut self, now: Duration) -> usize {
        let passed = now.saturating_sub(self.at).as_micros();
        self.at = self.at.max(now);
        let refill = i128::try_from(passed).unwrap_or(i128::MAX);
        let refill = refill.saturating_mul(i128::from(self.rate));
        self.tokens = self.tokens.saturating_add(refill).min(self.most());
        usize::try_from((self.tokens + MICROS - 1).max(0) / MICROS).unwrap_or(usize::MAX)
    }

    /// Takes what was sent.
    pub(crate) fn take(&mut self, bytes: usize) {
        self.tokens -= i128::try_from(bytes).unwrap_or(i128::MAX / MICROS) * MICROS;
    }

    /// When something may be sent again.
    pub(crate) fn due(&self) -> Duration {
        let missing = (1 - self.tokens).max(0);
        let micros = missing / i128::from(self.rate.max(1)) + 1;
        self.at + Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    const fn most(&self) -> i128 {
        let quarter = self.rate as i128 * MICROS / 4;
        if quarter < MICROS { MICROS } else { quarter }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rate_is_no_limit() {
        assert_eq!(Bucket::new(0, Duration::ZERO), None);
    }

    #[test]
    fn the_rate_holds_over_time_however_large_the_frames_are() {
        for frame in [100, 5_000, 60_000] {
            let mut bucket = Bucket::new(10_000, Duration::ZERO).unwrap();
            let (mut now, mut sent) = (Duration::ZERO, 0);
            while now < Duration::from_secs(100) {
                if bucket.available(now) > 0 {
                    bucket.take(frame);
                    sent += frame;
                } else {
                    assert!(bucket.due() > now);
                    now = bucket.due();
                    assert!(bucket.available(now) > 0, "what is due may be sent");
                }
            }
            let most = 1_000_000 + 2_500 + frame;
            assert!(sent <= most && sent + frame >= 1_000_000, "{frame}: {sent}");
        }
    }

    #[test]
    fn a_long_silence_saves_up_a_quarter_of_a_second() {
        let mut bucket = Bucket::new(1_000, Duration::ZERO).unwrap();
        assert_eq!(bucket.available(Duration::from_secs(3_600)), 250);
        bucket.take(250);
        assert_eq!(bucket.available(Duration::from_secs(3_600)), 0);
    }
}
