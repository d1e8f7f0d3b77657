//! The time by which records and keys count as old: the wall clock, as far as it can be believed.
//!
//! Whatever else a wrong clock does, it can be put right; what retention removed for its sake is gone.
//! So a clock that steps forward is not believed at once: it may have come from a dead battery, a
//! wrong time server, a slip of the hand. Time goes on as the machine counts it, until the clock has
//! held for a day. A clock that steps back only makes things younger and is followed at once.
//!
//! No clock is read here: both are arguments.

use std::time::{Duration, Instant};

use spica_model::Timestamp;

use super::LaneLog;

/// How far the wall clock may run ahead of the monotonic one between two looks and still be followed.
const TOLERANCE: Duration = Duration::from_mins(10);
/// How long a wall clock that has stepped must go on without another step until it is believed.
const SETTLE: Duration = Duration::from_hours(24);

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
struct Look {
    wall: Timestamp,
    monotonic: Instant,
}

/// A wall clock that has stepped ahead.
#[derive(Debug, Clone, Copy)]
struct Step {
    since: Instant,
    newest: Look,
}

/// The time that is trusted.
#[derive(Debug)]
pub(crate) struct TrustedTime {
    /// The newest moment that is trusted. Its wall time is not what the clock showed if it has
    /// stepped by then.
    base: Look,
    step: Option<Step>,
}

/// What a look at the clocks has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// The clock has stepped: it is so far ahead of what is trusted.
    Stepped(Duration),
    /// It is trusted: it has gone on for long enough, or came back.
    Settled,
}

impl Look {
    /// What the wall clock shows at `monotonic`, if it just goes on.
    fn at(self, monotonic: Instant) -> Timestamp {
        let passed = monotonic.saturating_duration_since(self.monotonic);
        self.wall.saturating_add(passed)
    }
}

/// What to trust when there is nothing to compare the wall clock with but the newest record of the
/// lane: if nothing in it is younger than `age`, the clock may well be wrong.
pub(crate) fn at_opening(wall: Timestamp, newest: Option<Timestamp>, age: Duration) -> Timestamp {
    match newest {
        Some(newest) if wall.since(newest) > age => newest,
        _ => wall,
    }
}

impl TrustedTime {
    /// Begins at `monotonic` with the time `trusted`.
    pub(crate) const fn new(trusted: Timestamp, monotonic: Instant) -> Self {
        Self {
            base: Look {
                wall: trusted,
                monotonic,
            },
            step: None,
        }
    }

    /// The trusted time, and what is new about it.
    fn look(&mut self, wall: Timestamp, monotonic: Instant) -> (Timestamp, Option<Change>) {
        let look = Look { wall, monotonic };
        let expected = self.base.at(monotonic);
        let Some(step) = &mut self.step else {
            if wall.since(expected) <= TOLERANCE {
                self.base = look;
                return (wall, None);
            }
            let since = monotonic;
            self.step = Some(Step {
                since,
                newest: look,
            });
            return (expected, Some(Change::Stepped(wall.since(expected))));
        };
        if wall.since(step.newest.at(monotonic)) > TOLERANCE {
            step.since = monotonic;
        }
        step.newest = look;
        let held = monotonic.saturating_duration_since(step.since) >= SETTLE;
        if held || wall.since(expected) <= TOLERANCE {
            self.base = look;
            self.step = None;
            return (wall, Some(Change::Settled));
        }
        (expected, None)
    }
}

impl LaneLog {
    /// The time by which records and keys count as old.
    pub(crate) fn trusted_now(&self) -> Timestamp {
        let mut trusted = self.trusted.lock();
        // Under the lock, so that the looks come in order.
        let (now, change) = trusted.look(self.clock.wall(), self.clock.monotonic());
        drop(trusted);
        match change {
            Some(Change::Stepped(ahead)) => {
                self.metrics.clock_stepped.set(1);
                tracing::warn!(
                    lane = %self.lane, ahead_secs = ahead.as_secs(), trusted = %now,
                    "the clock is far ahead of what it should show: records and keys are not removed \
                     by age for it until it has held for 24 hours; if it is wrong, set it"
                );
            }
            Some(Change::Settled) => {
                self.metrics.clock_stepped.set(0);
                tracing::info!(lane = %self.lane, %now, "the clock is trusted again");
            }
            None => {}
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use spica_clock::{Clock, ManualClock};

    use super::*;

    const BEGIN: Timestamp = Timestamp::from_secs(1_800_000_000);
    const MINUTE: Duration = Duration::from_mins(1);
    const HOUR: Duration = Duration::from_hours(1);
    const YEAR: Duration = Duration::from_hours(24 * 365);

    struct Bench {
        clock: ManualClock,
        trusted: TrustedTime,
    }

    impl Bench {
        fn new() -> Self {
            let clock = ManualClock::new(BEGIN);
            let trusted = TrustedTime::new(BEGIN, clock.monotonic());
            Self { clock, trusted }
        }

        fn step(&self, by: Duration) {
            self.clock.set_wall(self.clock.wall().saturating_add(by));
        }

        /// Lets time pass, and says how long after the beginning it is then.
        fn pass(&mut self, by: Duration) -> (Duration, Option<Change>) {
            self.clock.advance(by);
            let (wall, monotonic) = (self.clock.wall(), self.clock.monotonic());
            let (now, change) = self.trusted.look(wall, monotonic);
            (now.since(BEGIN), change)
        }
    }

    #[test]
    fn a_clock_that_goes_on_is_followed_and_small_steps_too() {
        let mut bench = Bench::new();
        assert_eq!(bench.pass(HOUR), (HOUR, None));
        bench.step(10 * MINUTE);
        assert_eq!(bench.pass(HOUR), (2 * HOUR + 10 * MINUTE, None));
        assert_eq!(bench.pass(YEAR).1, None, "no look for a year is no step");
    }

    #[test]
    fn a_step_forward_is_believed_after_a_day_without_another() {
        let mut bench = Bench::new();
        bench.step(YEAR);
        let (now, change) = bench.pass(MINUTE);
        assert_eq!((now, change), (MINUTE, Some(Change::Stepped(YEAR))));
        assert_eq!(bench.pass(23 * HOUR), (23 * HOUR + MINUTE, None));
        bench.step(HOUR);
        assert_eq!(bench.pass(23 * HOUR), (46 * HOUR + MINUTE, None));
        let day = 24 * HOUR;
        let (now, change) = bench.pass(day);
        assert_eq!(change, Some(Change::Settled));
        assert_eq!(now, YEAR + HOUR + MINUTE + 46 * HOUR + day);
        assert_eq!(bench.pass(MINUTE), (now + MINUTE, None));
    }

    #[test]
    fn a_clock_that_is_put_right_is_trusted_at_once() {
        let mut bench = Bench::new();
        bench.step(YEAR);
        bench.pass(MINUTE);
        bench.clock.set_wall(BEGIN.saturating_add(5 * MINUTE));
        let back = bench.pass(Duration::ZERO);
        assert_eq!(back, (5 * MINUTE, Some(Change::Settled)));
    }

    #[test]
    fn a_step_back_is_followed_and_the_way_forward_again_is_a_step() {
        let mut bench = Bench::new();
        bench.pass(2 * HOUR);
        bench.clock.set_wall(BEGIN);
        assert_eq!(bench.pass(MINUTE), (MINUTE, None));
        bench.step(2 * HOUR);
        let (now, change) = bench.pass(MINUTE);
        assert_eq!((now, change), (2 * MINUTE, Some(Change::Stepped(2 * HOUR))));
    }

    #[test]
    fn at_opening_the_newest_record_is_what_the_clock_is_compared_with() {
        let later = BEGIN.saturating_add(HOUR);
        assert_eq!(at_opening(later, None, MINUTE), later, "nothing to lose");
        assert_eq!(at_opening(later, Some(BEGIN), HOUR), later);
        assert_eq!(at_opening(later, Some(BEGIN), 59 * MINUTE), BEGIN);
        assert_eq!(at_opening(BEGIN, Some(later), MINUTE), BEGIN);
    }
}
