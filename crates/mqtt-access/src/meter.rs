//! What has been used of a rate, as one point in time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How much of something there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// So much in the long run; 0 counts as 1.
    pub amount: u64,
    /// In so much time; none counts as a nanosecond.
    pub per: Duration,
    /// So much at once after a rest; 0 counts as 1.
    pub burst: u64,
}

/// How long until there is something again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wait(
    /// The time.
    pub Duration,
);

/// What has been used of a [`Rate`]: the time at which all of the burst is there again (the generic
/// cell rate algorithm). Eight bytes, without a lock, so that connections can share it.
#[derive(Debug, Default)]
pub struct Meter {
    /// Nanoseconds since the start of the process.
    full_at: AtomicU64,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Rate {
    /// How long it takes until so much is there, in nanoseconds.
    fn time(&self, amount: u64) -> u64 {
        let nanos = self.per.as_nanos().max(1).saturating_mul(amount.into());
        u64::try_from(nanos / u128::from(self.amount.max(1))).unwrap_or(u64::MAX)
    }

    /// How long one may be behind and still have something.
    fn slack(&self) -> u64 {
        self.time(self.burst.max(1)) - self.time(1)
    }
}

impl Meter {
    /// Whether something is there: at least one.
    ///
    /// # Errors
    /// How long until it is. `now` is the time since the start of the process.
    pub fn check(&self, now: Duration, rate: &Rate) -> Result<(), Wait> {
        let full_at = self.full_at.load(Ordering::Relaxed);
        let behind = full_at.saturating_sub(nanos(now));
        match behind.saturating_sub(rate.slack()) {
            0 => Ok(()),
            wait => Err(Wait(Duration::from_nanos(wait))),
        }
    }

    /// Takes so much, whether it is there or not, and says how long to wait before more is taken. What
    /// is overdrawn is waited for, so the rate holds in the long run whatever the amounts are.
    pub fn spend(&self, now: Duration, rate: &Rate, amount: u64) -> Result<(), Wait> {
        let (now_nanos, cost) = (nanos(now), rate.time(amount));
        let spent = |full_at: u64| Some(full_at.max(now_nanos).saturating_add(cost));
        // The closure never refuses, so what is returned is the value before in either case.
        let _ = self
            .full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spent);
        self.check(now, rate)
    }

    /// Whether nothing is missing: it is as if it were new.
    #[must_use]
    pub fn is_full(&self, now: Duration) -> bool {
        self.full_at.load(Ordering::Relaxed) <= nanos(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn rate(amount: u64, burst: u64) -> Rate {
        Rate {
            amount,
            per: Duration::from_secs(1),
            burst,
        }
    }

    #[test]
    fn a_burst_then_the_rate() {
        let (meter, rate) = (Meter::default(), rate(10, 5));
        let mut now = Duration::from_secs(7);
        let take_all = |now| {
            let mut count = 0;
            while meter.check(now, &rate).is_ok() {
                let _ = meter.spend(now, &rate, 1);
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
    fn the_rate_holds_over_time_however_large_the_amounts_are() {
        for amount in [1, 100, 5_000, 60_000] {
            let (meter, rate) = (Meter::default(), rate(10_000, 2_500));
            let (mut now, mut sent) = (Duration::ZERO, 0);
            while now < Duration::from_secs(100) {
                sent += amount;
                if let Err(Wait(wait)) = meter.spend(now, &rate, amount) {
                    assert!(wait > Duration::ZERO);
                    now += wait;
                    assert_eq!(meter.check(now, &rate), Ok(()), "what is due is there");
                }
            }
            let most = 1_000_000 + 2_500 + amount;
            assert!(
                sent <= most && sent + amount >= 1_000_000,
                "{amount}: {sent}"
            );
        }
    }

    #[test]
    fn extremes_neither_overflow_nor_stick() {
        let never = Rate {
            amount: 0,
            per: Duration::MAX,
            burst: 0,
        };
        let meter = Meter::default();
        assert!(meter.check(Duration::ZERO, &never).is_ok());
        assert!(meter.spend(Duration::ZERO, &never, u64::MAX).is_err());
        let fast = rate(u64::MAX, u64::MAX);
        let meter = Meter::default();
        assert!(meter.spend(Duration::ZERO, &fast, 1_000).is_ok());
        assert!(meter.is_full(Duration::from_nanos(1)));
        let daily = Rate {
            amount: 1_000,
            per: Duration::from_secs(86_400),
            burst: 1_000,
        };
        let meter = Meter::default();
        assert!(meter.spend(Duration::ZERO, &daily, 999).is_ok());
        let Err(Wait(wait)) = meter.spend(Duration::ZERO, &daily, 1) else {
            panic!("the quota of a day is used up");
        };
        assert_eq!(wait.as_millis(), 86_400);
    }
}
