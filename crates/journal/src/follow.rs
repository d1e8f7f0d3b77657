//! Reading a lane in order, from disk into the live tail.

use std::sync::Arc;

use spica_model::{Lane, Record, Seq};

use crate::{Durable, FollowError};

/// Records that cannot be served because their bytes are damaged (invariant 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The lane.
    pub lane: Lane,
    /// The first record that cannot be read.
    pub from: Seq,
    /// The last record that cannot be read.
    pub to: Seq,
    /// The file.
    pub file: Arc<str>,
    /// Where in the file the damage begins.
    pub offset: u64,
    /// What is wrong with the bytes.
    pub reason: Arc<str>,
}

/// A part of a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The place before its first record: where to follow from.
    pub after: Seq,
    /// The place of its last record; `after` if it has none.
    pub through: Seq,
}

/// What a follower finds next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// The next records, at least one, without a hole since the last call.
    Records(Vec<Record>),
    /// Records from..=to are gone: retention was faster than this follower. It goes on after them.
    Gap {
        /// The first record that is missing.
        from: Seq,
        /// The last record that is missing.
        to: Seq,
    },
    /// Records that are damaged on disk. It goes on after them.
    Damaged(Damage),
    /// Nothing durable is left to read; [`Follower::more`] resolves when there is.
    UpToDate,
}

/// How many bytes of payloads one call of [`Follower::read`] goes for: the record that reaches them is
/// the last one it returns.
pub const READ_BYTES: usize = 1 << 20;

/// A reader of one lane that remembers its place.
pub trait Follower: Send {
    /// The next records, at most `max` of them, and none after their payloads have reached
    /// [`READ_BYTES`]; but always one, if there is one. Reads from disk when the place is older than
    /// what is kept in memory, so callers that may lag far behind call it off the async workers.
    ///
    /// # Errors
    /// If a file cannot be read. Damaged content is no error: see [`Followed::Damaged`].
    fn read(&mut self, max: usize) -> Result<Followed, FollowError>;

    /// The place after which the next call reads.
    fn after(&self) -> Seq;

    /// Resolves when there is something to read, or the lane has failed or closed.
    fn more(&self) -> Durable;
}
