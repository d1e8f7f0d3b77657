//! How fast a link takes what it is given, and so how much of it one turn may fill.
//!
//! What is on its way cannot be replaced by what is newer. A frame that holds ten seconds of a thin
//! link makes all that comes after it ten seconds old; one that holds a quarter of a second does not,
//! and what happens meanwhile is conflated where it waits.

use std::time::Duration;

const MICROS: u64 = 1_000_000;
/// The part of a link's time that one turn may take.
const SHARE: u64 = MICROS / 4;
/// The waiting that is remembered: what was before it counts less and less.
const MEMORY: u64 = 2 * MICROS;
/// Bytes per second above which a link sets no limit: such a turn is as large as any.
const FAST: u64 = 256 << 10;
/// Bytes of a turn, however slow the link.
const LEAST: u64 = 1 << 10;

/// How fast a link takes what it is given. Only while it takes nothing more does time count, so that
/// a session with little to say is not taken for one with a thin link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drain {
    bytes: u64,
    /// Microseconds that went by while there was more than the link took.
    waited: u64,
}

impl Drain {
    /// Notes that the link has taken `bytes`, and how long it has taken nothing meanwhile although
    /// there was more.
    pub fn took(&mut self, bytes: usize, waited: Duration) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        let waited = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.waited = self.waited.saturating_add(waited);
        if self.waited > MEMORY {
            self.bytes = scaled(self.bytes, MEMORY, self.waited);
            self.waited = MEMORY;
        }
        // Nor does what it took in its best days count for ever.
        let most = scaled(FAST, self.waited + SHARE, MICROS);
        self.bytes = self.bytes.min(most);
    }

    /// Bytes that the link takes in a quarter of a second, 1 KiB at least; without end if it has
    /// never been waited for.
    #[must_use]
    pub fn room(&self) -> usize {
        if self.waited == 0 {
            return usize::MAX;
        }
        let room = scaled(self.bytes, SHARE, self.waited).max(LEAST);
        usize::try_from(room).unwrap_or(usize::MAX)
    }
}

/// `value` times a fraction.
fn scaled(value: u64, by: u64, of: u64) -> u64 {
    let scaled = u128::from(value) * u128::from(by) / u128::from(of.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUARTER: Duration = Duration::from_millis(250);

    #[test]
    fn a_link_that_was_never_waited_for_has_no_limit() {
        let mut drain = Drain::default();
        assert_eq!(drain.room(), usize::MAX);
        drain.took(1 << 30, Duration::ZERO);
        assert_eq!(drain.room(), usize::MAX);
    }

    #[test]
    fn a_turn_holds_a_quarter_of_a_second_of_a_thin_link_whatever_the_size_of_its_writes() {
        for waits in [1_u32, 3, 40] {
            let mut drain = Drain::default();
            // What the system takes before the link has to.
            drain.took(40_000, Duration::ZERO);
            for _ in 0..300 {
                drain.took(
                    6_250 * waits as usize / 10,
                    Duration::from_millis(100) * waits,
                );
            }
            let room = drain.room();
            assert!((1_500..1_600).contains(&room), "{room}");
        }
    }

    #[test]
    fn a_link_that_stands_still_leaves_the_least_and_a_better_one_soon_has_no_limit() {
        let mut drain = Drain::default();
        drain.took(10_000, Duration::from_secs(60));
        assert_eq!(drain.room(), 1_024);
        let mut turns = 0;
        while drain.room() < 64 << 10 {
            drain.took(drain.room(), Duration::from_millis(1));
            turns += 1;
        }
        assert!(turns < 100, "{turns}");
    }

    #[test]
    fn a_fast_link_that_gets_slow_is_seen_within_seconds() {
        let mut drain = Drain::default();
        for _ in 0..1_000 {
            drain.took(1 << 20, QUARTER);
        }
        assert!(drain.room() >= 64 << 10);
        let mut waited = Duration::ZERO;
        while drain.room() > 3_125 {
            drain.took(1_562, QUARTER);
            waited += QUARTER;
        }
        assert!(waited < Duration::from_secs(12), "{waited:?}");
    }
}
