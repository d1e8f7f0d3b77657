//! How fast the next segment is made.
//!
//! What the keeper writes goes to the disk that both lanes commit to, and a flush waits for what is
//! written before it. So a new file is never written in one go while there is time: a lane that is
//! written fast uses up its segments in a fraction of a second, and 64 MiB at once would hold up every
//! commit for some ten milliseconds. The new file grows with the one in use instead.

use std::time::Duration;

use super::prepare::FILL_BYTES;

/// How the keeper goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pace {
    /// At once.
    Now,
    /// After so much time, or when it is woken.
    After(Duration),
}

/// How soon the next segment is needed. What the keeper writes, commits may have to wait for: least
/// of all may it do so when a lane has just gone on to a new segment, for that is what a take-over
/// begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hurry {
    /// A commit waits for it.
    Now,
    /// There is no other one: it keeps step with the segment in use.
    Step {
        /// How many of its bytes are to be there by now.
        due: u64,
    },
    /// There is another one, and the segment in use is half full.
    Soon,
    /// There is another one, and much room before that.
    Later,
}

/// How full the segment in use is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct InUse {
    /// Where its batches end.
    pub(super) end: u64,
    /// Its length.
    pub(super) bytes: u64,
}

/// The pause between two parts: some 60 MB/s.
const PAUSE: Duration = Duration::from_millis(4);
/// The pause while the file will not be needed soon: some 16 MB/s.
const PAUSE_LONG: Duration = Duration::from_millis(16);
/// The pause while the file is hardly ahead of what is due. One as long as [`PAUSE`] would let a fast
/// lane go several parts ahead, which were then written in one go.
const PAUSE_SHORT: Duration = Duration::from_millis(1);
/// So far ahead of what is due there is no need to look so often.
const AHEAD_BYTES: u64 = 4 * FILL_BYTES as u64;

impl Hurry {
    /// How soon the next segment is needed, of `segment_bytes`, while `ready` others are there.
    pub(super) fn of(ready: usize, waited_for: bool, in_use: InUse, segment_bytes: u64) -> Self {
        match ready {
            0 if waited_for => Self::Now,
            0 => Self::Step {
                due: due(in_use, segment_bytes),
            },
            _ if in_use.end > in_use.bytes / 2 => Self::Soon,
            _ => Self::Later,
        }
    }

    /// How to go on with a file of which `filled` of `segment_bytes` bytes are written. One that lacks
    /// nothing but its flush gets that at once: most of it is on the disk.
    pub(super) fn pace(self, filled: u64, segment_bytes: u64) -> Pace {
        match self {
            Self::Now => Pace::Now,
            Self::Step { due } if filled < due || filled == segment_bytes => Pace::Now,
            Self::Step { due } if filled < due + AHEAD_BYTES => Pace::After(PAUSE_SHORT),
            Self::Step { .. } | Self::Soon => Pace::After(PAUSE),
            Self::Later => Pace::After(PAUSE_LONG),
        }
    }
}

/// What of the next segment is to be there, so that it is whole when three quarters of the one in use
/// are written: the rest is the time for its flush, and for a disk that is slow meanwhile. More than
/// the whole says that it should have been done before.
fn due(in_use: InUse, segment_bytes: u64) -> u64 {
    // No file is long enough to overflow this: they are 256 MiB or hold one batch.
    let due = (in_use.end * segment_bytes * 4).checked_div(in_use.bytes * 3);
    due.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const SEGMENT: u64 = 64 * MIB;

    fn full(end: u64) -> InUse {
        let bytes = SEGMENT;
        InUse { end, bytes }
    }

    #[test]
    fn a_lane_that_is_idle_or_has_another_segment_is_in_no_hurry() {
        assert_eq!(
            Hurry::of(1, false, full(SEGMENT / 2), SEGMENT),
            Hurry::Later
        );
        assert_eq!(
            Hurry::of(1, false, full(SEGMENT / 2 + 1), SEGMENT),
            Hurry::Soon
        );
        let nothing_in_use = Hurry::of(0, false, InUse::default(), SEGMENT);
        assert_eq!(nothing_in_use, Hurry::Step { due: 0 });
        assert_eq!(nothing_in_use.pace(0, SEGMENT), Pace::After(PAUSE_SHORT));
        assert_eq!(
            nothing_in_use.pace(AHEAD_BYTES, SEGMENT),
            Pace::After(PAUSE)
        );
        assert_eq!(nothing_in_use.pace(SEGMENT, SEGMENT), Pace::Now);
        assert_eq!(Hurry::of(0, true, InUse::default(), SEGMENT), Hurry::Now);
    }

    #[test]
    fn the_file_is_whole_at_three_quarters_of_the_one_in_use_whatever_their_lengths() {
        let short = InUse {
            end: 3 * MIB,
            bytes: 4 * MIB,
        };
        assert_eq!(
            Hurry::of(0, false, short, SEGMENT),
            Hurry::Step { due: SEGMENT }
        );
        let largest = InUse {
            end: 256 * MIB,
            bytes: 256 * MIB,
        };
        let late = Hurry::of(0, false, largest, 256 * MIB);
        assert_eq!(late.pace(255 * MIB, 256 * MIB), Pace::Now);
    }

    /// What becomes of a new file while the segment in use grows by `speed` bytes per ms, if each part
    /// takes the disk 0.25 ms: the most that was written in a row without a pause, and how full the
    /// segment in use was when the file was whole.
    fn follow(speed: u64) -> (u64, u64) {
        let (mut micros, mut filled, mut in_a_row, mut most) = (0, 0, 0, 0);
        loop {
            let end = micros * speed / 1_000;
            let hurry = Hurry::of(0, false, full(end), SEGMENT);
            if filled == SEGMENT {
                return (most, end);
            }
            filled += FILL_BYTES as u64;
            in_a_row += FILL_BYTES as u64;
            most = most.max(in_a_row);
            micros += 250;
            if let Pace::After(pause) = hurry.pace(filled, SEGMENT) {
                micros += pause.as_micros() as u64;
                in_a_row = 0;
            }
        }
    }

    #[test]
    fn the_file_keeps_step_with_a_lane_of_any_speed_and_is_not_written_in_one_go() {
        for mb_per_s in [1, 50, 100, 200, 300, 400, 500] {
            let (most, end) = follow(mb_per_s * 1_000);
            assert!(most <= 2 * MIB, "{mb_per_s} MB/s: {most} bytes in a row");
            assert!(end <= SEGMENT * 4 / 5, "{mb_per_s} MB/s: whole at {end}");
        }
    }
}
