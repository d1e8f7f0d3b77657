//! Time for deadlines: it follows the wall clock, and never goes back nor stands still.

use std::time::{Duration, Instant};

use spica_model::Timestamp;

use crate::Clock;

/// Steps of the wall clock below this are taken as they come: they are what NTP does.
const SMALL: Duration = Duration::from_secs(2);

/// Wall-clock time that a step of the wall clock cannot stop.
///
/// A deadline that is kept by the wall clock comes an hour late when someone sets the clock back by an
/// hour. So this time goes on with the monotonic clock, whatever the wall clock does: it follows it
/// ahead at once (a deadline may come early, never late), and waits for it, without standing still,
/// when it was set back.
#[derive(Debug, Clone)]
pub struct Steady {
    shown: Timestamp,
    read: Instant,
}

impl Steady {
    /// Begins at what `clock` shows, or at `least` if that is later: what was said before a restart
    /// stays in the past.
    pub fn new(clock: &dyn Clock, least: Timestamp) -> Self {
        Self {
            shown: clock.wall().max(least),
            read: clock.monotonic(),
        }
    }

    /// The time now: later than or equal to what the last call said.
    pub fn now(&mut self, clock: &dyn Clock) -> Timestamp {
        let (wall, read) = (clock.wall(), clock.monotonic());
        let passed = read.saturating_duration_since(self.read);
        let due = self.shown.saturating_add(passed);
        let behind = due.since(wall);
        self.shown = if wall >= due {
            wall
        } else if behind <= SMALL {
            // It catches up within moments.
            wall.max(self.shown)
        } else {
            due
        };
        self.read = read;
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    const NOON: Timestamp = Timestamp::from_secs(1_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(seconds: u64) -> Timestamp {
        NOON.saturating_add(Duration::from_secs(seconds))
    }

    #[test]
    fn it_follows_the_wall_clock_ahead() {
        let clock = ManualClock::new(NOON);
        let mut steady = Steady::new(&clock, Timestamp::EPOCH);
        clock.advance(Duration::from_secs(5));
        assert_eq!(steady.now(&clock), at(5));
        clock.set_wall(NOON.saturating_add(HOUR));
        assert_eq!(steady.now(&clock), NOON.saturating_add(HOUR));
    }

    #[test]
    fn a_clock_that_is_set_back_delays_no_deadline() {
        let clock = ManualClock::new(NOON.saturating_add(HOUR));
        let mut steady = Steady::new(&clock, Timestamp::EPOCH);
        clock.set_wall(NOON);
        let begun = steady.now(&clock);
        clock.advance(Duration::from_secs(60));
        assert_eq!(
            steady.now(&clock),
            begun.saturating_add(Duration::from_secs(60))
        );
    }

    #[test]
    fn it_never_goes_back_for_a_small_step() {
        let clock = ManualClock::new(at(10));
        let mut steady = Steady::new(&clock, Timestamp::EPOCH);
        clock.set_wall(at(9));
        assert_eq!(steady.now(&clock), at(10));
        clock.advance(Duration::from_secs(2));
        assert_eq!(steady.now(&clock), at(11), "the wall clock has caught up");
    }

    #[test]
    fn it_begins_no_earlier_than_what_was_said_before() {
        let clock = ManualClock::new(NOON);
        let mut steady = Steady::new(&clock, at(50));
        assert_eq!(steady.now(&clock), at(50));
    }
}
