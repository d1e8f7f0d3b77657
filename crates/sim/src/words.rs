//! The small words of the simulation: everything is an index or a number.

use std::time::Duration;

/// Virtual time, in microseconds since the world began.
pub(crate) type Us = u64;

/// A millisecond.
pub(crate) const MS: Us = 1_000;

/// A second.
pub(crate) const SECOND: Us = 1_000 * MS;

/// How much faster the time of desks goes: their timers are made for people, and count minutes.
pub(crate) const DESK_SPEED: i64 = 50;

/// What a right wall clock shows when the world begins, in milliseconds.
pub(crate) const WALL_ORIGIN: i64 = 1_000_000_000;

/// Names of the two nodes: the primary is 0, the backup is 1.
pub(crate) const NODES: [&str; 2] = ["primary", "backup"];

/// A fact that a client wants kept, which is also its idempotency key: an index into the book.
pub(crate) type Key = u32;

/// One record of a lane, on a disk or on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Which fact.
    pub(crate) key: Key,
    /// The reign in which it was written.
    pub(crate) epoch: u32,
    /// The wall clock of the node that took it in: a copy keeps it.
    pub(crate) received: u32,
}

/// What a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is kept.
    Acknowledged,
    /// Not here, not now.
    Refused,
    /// A device has this command to carry out.
    Command(u16),
    /// A device has nothing to do.
    Nothing,
}

/// Virtual time as the cores take it.
pub(crate) const fn duration(at: Us) -> Duration {
    Duration::from_micros(at)
}

/// Virtual time as the simulation has it.
pub(crate) fn micros(at: Duration) -> Us {
    u64::try_from(at.as_micros()).unwrap_or(Us::MAX)
}
