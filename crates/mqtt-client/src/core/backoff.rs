//! How long to wait between two attempts.

use std::time::Duration;

/// Pauses that grow, each spread by chance so that many clients do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(200),
            longest: Duration::from_secs(30),
        }
    }
}

impl Backoff {
    /// The pause after `failures` attempts in a row that failed: it doubles, and between a half and
    /// the whole of it is taken, as `chance` says.
    pub(crate) fn pause(self, failures: u32, chance: u32) -> Duration {
        let doubled = failures.saturating_sub(1).min(16);
        let whole = self.first.saturating_mul(1 << doubled).min(self.longest);
        let half = whole / 2;
        half + half.mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_spread_over_their_second_half() {
        let millis = Duration::from_millis;
        let backoff = Backoff {
            first: millis(100),
            longest: millis(1_000),
        };
        for (failures, whole) in [(1, 100), (2, 200), (4, 800), (5, 1_000), (u32::MAX, 1_000)] {
            assert_eq!(backoff.pause(failures, u32::MAX), millis(whole));
            assert_eq!(backoff.pause(failures, 0), millis(whole / 2));
        }
    }
}
