//! Where shells take the time from: the system's clock, or a test's.
//!
//! Cores never see a [`Clock`]; they get [`Timestamp`]s and [`Duration`]s as arguments (design: time
//! is an argument). This crate is the only place that may read the machine's clocks.

mod steady;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use spica_model::Timestamp;

pub use steady::Steady;

/// A source of wall-clock and monotonic time.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock; it may jump when an operator or NTP sets it.
    fn wall(&self) -> Timestamp;
    /// Monotonic time; only differences mean something.
    fn monotonic(&self) -> Instant;
}

/// A clock that is shared between the parts of a node.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the wall clock"
    )]
    fn wall(&self) -> Timestamp {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Timestamp::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the monotonic clock"
    )]
    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock {
    start: Instant,
    state: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    /// A clock that shows `wall` and has run for no time yet.
    #[must_use]
    pub fn new(wall: Timestamp) -> Self {
        Self {
            start: SystemClock.monotonic(),
            state: Mutex::new((wall, Duration::ZERO)),
        }
    }

    /// Lets `by` pass on both clocks.
    pub fn advance(&self, by: Duration) {
        let mut state = self.state.lock();
        state.0 = state.0.saturating_add(by);
        state.1 += by;
    }

    /// Sets the wall clock alone, as an operator or NTP would.
    pub fn set_wall(&self, wall: Timestamp) {
        self.state.lock().0 = wall;
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Timestamp {
        self.state.lock().0
    }

    fn monotonic(&self) -> Instant {
        self.start + self.state.lock().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(Timestamp::from_micros(5));
        let before = clock.monotonic();
        clock.advance(Duration::from_micros(7));
        assert_eq!(clock.wall(), Timestamp::from_micros(12));
        assert_eq!(clock.monotonic() - before, Duration::from_micros(7));
        clock.set_wall(Timestamp::from_micros(1));
        assert_eq!(clock.wall(), Timestamp::from_micros(1));
        assert_eq!(clock.monotonic() - before, Duration::from_micros(7));
    }
}
