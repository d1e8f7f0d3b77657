//! How often a follower takes a turn.

use std::time::{Duration, Instant};

/// Keeps a follower from a turn for every small commit. Where many commit a little each, waking every
/// follower for each of them costs more than what they do; a follower that rests a moment finds more.
///
/// A few turns are free, so that what comes alone, or as question and answer, never waits.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    interval: Duration,
    free: Duration,
    /// When all turns that were taken are paid for.
    paid_at: Option<Instant>,
}

impl Pace {
    /// At most a turn per `interval`, but for `free` turns at once.
    #[must_use]
    pub const fn new(interval: Duration, free: u32) -> Self {
        Self {
            interval,
            free: interval.saturating_mul(free),
            paid_at: None,
        }
    }

    /// A turn is taken at `now`.
    pub fn turn(&mut self, now: Instant) {
        let from = self.paid_at.map_or(now, |at| at.max(now));
        self.paid_at = Some(from + self.interval);
    }

    /// How long to rest before the next turn; `None` if it may be taken now.
    #[must_use]
    pub fn rest(&self, now: Instant) -> Option<Duration> {
        let owed = self.paid_at?.saturating_duration_since(now);
        let rest = (owed + self.interval).saturating_sub(self.free);
        (!rest.is_zero()).then_some(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[expect(clippy::disallowed_methods, reason = "any time will do")]
    fn some_time() -> Instant {
        Instant::now()
    }

    /// The turns that a follower takes within a time if there always is something.
    fn turns(pace: &mut Pace, from: Instant, time: Duration) -> u32 {
        let (mut now, mut turns) = (from, 0);
        while now < from + time {
            match pace.rest(now) {
                Some(rest) => now += rest,
                None => {
                    pace.turn(now);
                    turns += 1;
                    now += MS / 100;
                }
            }
        }
        turns
    }

    #[test]
    fn a_few_turns_are_free_and_the_rest_come_at_intervals() {
        let (mut pace, now) = (Pace::new(MS, 4), some_time());
        assert_eq!(turns(&mut pace, now, MS / 2), 4);
        assert_eq!(turns(&mut pace, now + MS / 2, 100 * MS), 100);
    }

    #[test]
    fn what_comes_more_slowly_never_waits() {
        let (mut pace, mut now) = (Pace::new(MS, 1), some_time());
        for _ in 0..1_000 {
            assert_eq!(pace.rest(now), None);
            pace.turn(now);
            assert_eq!(pace.rest(now), Some(MS));
            now += MS;
        }
    }

    #[test]
    fn turns_that_were_not_taken_are_not_saved_up() {
        let (mut pace, now) = (Pace::new(MS, 2), some_time());
        pace.turn(now);
        assert_eq!(turns(&mut pace, now + 1_000 * MS, MS / 2), 2);
    }
}
