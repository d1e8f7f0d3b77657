//! How much one answer to a poll may hold.
//!
//! Whoever polls says with the next question that the last answer has come, past whatever buffers are
//! on the way. So a short answer shows how long the way is, and a long one that takes longer shows how
//! thin it is: an answer is to hold about what the way takes in a quarter of a second. What does not
//! fit into it stays where it is conflated.

use std::time::Duration;

/// The time by which an answer may come later than a short one would.
const SHARE: Duration = Duration::from_millis(250);
/// Bytes of an answer, however thin the way.
const LEAST: usize = 1 << 10;
/// Bytes of an answer while nothing is known of the way.
const BEGIN: usize = 4 << 10;
/// Bytes of an answer, however wide the way.
const MOST: usize = 256 << 10;
/// The part by which the shortest time is thought to be longer with each answer: the way changes.
const FORGET: u32 = 16;

/// How much one answer to a poll may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Portion {
    bytes: usize,
    /// What the shortest answer took from here to the next question.
    shortest: Duration,
}

impl Default for Portion {
    fn default() -> Self {
        Self {
            bytes: BEGIN,
            shortest: Duration::MAX,
        }
    }
}

impl Portion {
    /// Notes that an answer of so many bytes was on its way for so long until the client asked again.
    pub fn came(&mut self, bytes: usize, took: Duration) {
        self.shortest = took.min(self.shortest.saturating_add(self.shortest / FORGET));
        let late = took - self.shortest;
        if late > SHARE {
            let fits = bytes as u128 * SHARE.as_micros() / late.as_micros();
            let fits = usize::try_from(fits).unwrap_or(usize::MAX);
            self.bytes = fits.clamp(LEAST, self.bytes);
        } else if bytes >= self.bytes / 2 {
            self.bytes = (self.bytes * 2).min(MOST);
        }
    }

    /// Bytes that the next answer may hold.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long an answer is on its way.
    fn way(bytes: usize, bytes_per_s: usize, round_trip_ms: u64) -> Duration {
        let micros = bytes * 1_000_000 / bytes_per_s;
        Duration::from_micros(micros as u64) + Duration::from_millis(round_trip_ms)
    }

    /// The longest time of an answer that was full, after so many.
    fn longest(portion: &mut Portion, bytes_per_s: usize, round_trip_ms: u64) -> Duration {
        let mut longest = Duration::ZERO;
        for at in 0..200 {
            let took = way(portion.bytes(), bytes_per_s, round_trip_ms);
            if at >= 20 {
                longest = longest.max(took);
            }
            portion.came(portion.bytes(), took);
        }
        longest
    }

    #[test]
    fn an_answer_over_a_thin_way_comes_soon_however_long_the_way() {
        for round_trip_ms in [0, 20, 300, 2_000] {
            let mut portion = Portion::default();
            let longest = longest(&mut portion, 6_250, round_trip_ms);
            let most = Duration::from_millis(round_trip_ms + 2_000);
            assert!(longest < most, "{round_trip_ms}: {longest:?}");
            assert!(portion.bytes() >= LEAST);
        }
    }

    #[test]
    fn a_long_way_is_not_taken_for_a_thin_one() {
        let mut portion = Portion::default();
        longest(&mut portion, 10_000_000, 600);
        assert_eq!(portion.bytes(), MOST);
        // Nor is one that gets longer, after a while.
        longest(&mut portion, 10_000_000, 3_000);
        assert_eq!(portion.bytes(), MOST);
    }

    #[test]
    fn who_has_little_to_hear_shows_nothing_of_the_way() {
        let mut portion = Portion::default();
        for _ in 0..50 {
            portion.came(100, way(100, 6_250, 300));
        }
        assert_eq!(portion.bytes(), BEGIN);
    }

    #[test]
    fn a_way_that_gets_thin_is_seen_with_the_first_answer() {
        let mut portion = Portion::default();
        longest(&mut portion, 10_000_000, 50);
        let full = portion.bytes();
        portion.came(full, way(full, 6_250, 50));
        assert!(portion.bytes() < 2 << 10, "{}", portion.bytes());
        portion.came(0, Duration::ZERO);
        portion.came(usize::MAX, Duration::MAX);
        assert!((LEAST..=MOST).contains(&portion.bytes()));
    }
}
