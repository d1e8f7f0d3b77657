//! A complete journal in memory, for tests of what stands on a journal.
//!
//! By default a record is durable as soon as it is placed. In [`manual`](MemoryJournal::manual) mode,
//! or while a lane is [held](MemoryJournal::hold), it becomes so when the test says
//! [`commit`](MemoryJournal::commit), which lets a test look at the time in between.
//! [`fail`](MemoryJournal::fail), [`trim`](MemoryJournal::trim), [`damage`](MemoryJournal::damage)
//! and [`fail_reads`](MemoryJournal::fail_reads) do what disks and retention do.
//!
//! What is not here: anything that outlives the process, and any limit by age.

mod cursors;
mod follower;
mod lane;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use spica_model::{Lane, NewRecord, Seq, Timestamp};

use self::cursors::Cursors;
use self::follower::MemoryFollower;
use self::lane::MemoryLane;
use crate::{
    CommitErrorKind, CursorError, CursorStatus, FollowError, Follower, Journal, LaneStatus,
    SubmitError, Ticket, Watermark, Window,
};

/// How much a [`MemoryJournal`] takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a lane that may wait for a commit: a submission is refused when so many wait
    /// already.
    pub queue_bytes: usize,
    /// Keys that a lane remembers, the newest ones.
    pub keys: usize,
    /// Cursors, on both lanes together.
    pub cursors: usize,
}

impl Default for Limits {
    /// 64 MiB that wait, 100,000 keys, 64 cursors.
    fn default() -> Self {
        Self {
            queue_bytes: 64 << 20,
            keys: 100_000,
            cursors: 64,
        }
    }
}

/// A journal in memory.
#[derive(Debug)]
pub struct MemoryJournal {
    lanes: [Arc<MemoryLane>; 2],
    cursors: Cursors,
}

impl MemoryJournal {
    /// An empty journal whose records are durable as soon as they are placed.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(Limits::default())
    }

    /// As [`new`](Self::new), with limits of one's own.
    #[must_use]
    pub fn with(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            lanes: Lane::ALL.map(|lane| Arc::new(MemoryLane::new(lane, limits))),
            cursors: Cursors::new(limits.cursors),
        })
    }

    /// An empty journal whose records become durable by [`commit`](Self::commit) only: both lanes
    /// are [held](Self::hold).
    #[must_use]
    pub fn manual() -> Arc<Self> {
        let journal = Self::new();
        for lane in Lane::ALL {
            journal.hold(lane);
        }
        journal
    }

    /// From now on, records of a lane become durable only by a commit.
    pub fn hold(&self, lane: Lane) {
        self.lane(lane).hold();
    }

    /// Makes the placed records of a lane durable, and from now on each as soon as it is placed.
    pub fn release(&self, lane: Lane) {
        self.lane(lane).release();
    }

    /// Makes all placed records of both lanes durable.
    pub fn commit(&self) {
        for lane in Lane::ALL {
            self.commit_to(lane, self.status(lane).last);
        }
    }

    /// Makes the placed records of one lane up to `seq` durable.
    pub fn commit_to(&self, lane: Lane, seq: Seq) {
        self.lane(lane).commit(seq);
    }

    /// Lets a lane fail as if its disk had: what is not durable never will be, and nothing is placed
    /// any more. What is durable can still be read.
    pub fn fail(&self, lane: Lane, kind: CommitErrorKind) {
        self.lane(lane).fail(kind);
    }

    /// Closes both lanes; what is not durable never will be.
    pub fn close(&self) {
        for lane in Lane::ALL {
            self.fail(lane, CommitErrorKind::Closed);
        }
    }

    /// Lets retention remove the durable records up to `through`, or up to the slowest cursor of the
    /// lane if that is earlier; says up to where.
    pub fn trim(&self, lane: Lane, through: Seq) -> Seq {
        let slowest = self.cursors.slowest(lane);
        let through = slowest.map_or(through, |slowest| slowest.min(through));
        self.lane(lane).trim(through)
    }

    /// Lets [`Journal::retiring`] say `through` from now on. Nothing is removed by that.
    pub fn retire_soon(&self, lane: Lane, through: Seq) {
        self.lane(lane).retire_soon(through);
    }

    /// Lets the next `times` reads of a lane's followers fail as if the disk had.
    pub fn fail_reads(&self, lane: Lane, times: u32) {
        self.lane(lane).fail_reads(times);
    }

    /// Lets the records from `from` to `to` be found damaged when they are read.
    pub fn damage(&self, lane: Lane, from: Seq, to: Seq) {
        self.lane(lane).damage(from, to);
    }

    fn lane(&self, lane: Lane) -> &Arc<MemoryLane> {
        &self.lanes[lane.index()]
    }
}

impl Journal for MemoryJournal {
    fn submit(&self, lane: Lane, records: &[NewRecord<'_>]) -> Result<Ticket, SubmitError> {
        self.lane(lane).submit(records)
    }

    fn status(&self, lane: Lane) -> LaneStatus {
        self.lane(lane).status()
    }

    fn watermark(&self, lane: Lane) -> Arc<Watermark> {
        Arc::clone(self.lane(lane).watermark())
    }

    fn follow(&self, lane: Lane, after: Seq) -> Result<Box<dyn Follower>, FollowError> {
        let follower = MemoryFollower::new(Arc::clone(self.lane(lane)), after)?;
        Ok(Box::new(follower))
    }

    fn window(
        &self,
        lane: Lane,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Window, FollowError> {
        Ok(self.lane(lane).window(from, until))
    }

    fn retiring(&self, lane: Lane) -> Seq {
        self.lane(lane).retiring()
    }

    fn cursors(&self) -> Vec<CursorStatus> {
        self.cursors.list()
    }

    fn open_cursor(&self, name: &str, lane: Lane, seq: Seq) -> Result<Seq, CursorError> {
        self.cursors.open(name, lane, seq)
    }

    fn advance_cursor(&self, name: &str, lane: Lane, seq: Seq) -> Result<(), CursorError> {
        self.cursors.advance(name, lane, seq)
    }

    fn remove_cursor(&self, name: &str, lane: Lane) -> Result<(), CursorError> {
        self.cursors.remove(name, lane)
    }
}
