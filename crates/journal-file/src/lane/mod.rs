//! One lane: what its threads and its callers share.
//!
//! - [`submit`]: callers place records in the [`queue`], under the one short lock.
//! - [`commit`]: the commit thread writes them, a batch at a time; [`precedence`] says when the
//!   normal lane's gives way to the critical lane's.
//! - [`follow`]: readers, from memory ([`recent`]) or from disk.
//! - [`keeper`]: the background thread, which prepares, seals, retires and verifies segments and
//!   stores cursors.
//! - [`recover`]: what happens before any of it.

pub(crate) mod commit;
mod copy;
pub(crate) mod cursors;
pub(crate) mod damage;
pub(crate) mod follow;
pub(crate) mod gate;
pub(crate) mod keeper;
pub(crate) mod keys;
mod place;
pub(crate) mod precedence;
pub(crate) mod queue;
pub(crate) mod recent;
pub(crate) mod recover;
pub(crate) mod roll;
pub(crate) mod shelf;
mod submit;
pub(crate) mod tail;
pub(crate) mod trusted;
mod window;

use std::io;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use spica_clock::SharedClock;
use spica_journal::{CommitError, CommitErrorKind, Damage, LaneStatus, Watermark};
use spica_journal_format::{Ledger, Secret};
use spica_model::{Lane, Seq};
use spica_storage::Storage;

use self::cursors::Cursors;
use self::damage::Describe;
use self::gate::Gate;
use self::keeper::{Chores, Held};
use self::queue::{Queue, Stage};
use self::recent::Recent;
use self::shelf::Shelf;
use self::trusted::TrustedTime;
use crate::metrics::LaneMetrics;
use crate::options::Limits;
use crate::segment::SegmentMap;

/// Damage that is remembered for the status; more is only counted and logged.
const DAMAGES_MAX: usize = 1_024;

/// What the threads and the callers of a lane share.
pub(crate) struct LaneLog {
    pub(crate) lane: Lane,
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) clock: SharedClock,
    pub(crate) limits: Limits,
    pub(crate) secret: Secret,
    pub(crate) metrics: LaneMetrics,
    pub(crate) ledger: Ledger,
    pub(crate) queue: Mutex<Queue>,
    /// Tells the commit thread of work.
    pub(crate) work: Condvar,
    /// What may be acknowledged.
    pub(crate) watermark: Arc<Watermark>,
    /// What is durable on this node, acknowledged or not.
    pub(crate) here: Arc<Watermark>,
    /// What the partner may read: also what is just being written.
    pub(crate) staged: Arc<Watermark>,
    pub(crate) gate: Gate,
    pub(crate) recent: Recent,
    pub(crate) segments: SegmentMap,
    pub(crate) shelf: Shelf,
    pub(crate) chores: Chores,
    pub(crate) cursors: Cursors,
    pub(crate) trusted: Mutex<TrustedTime>,
    pub(crate) damages: Mutex<Vec<Damage>>,
    /// What holds retention back.
    pub(crate) held: Mutex<Option<Held>>,
}

/// What of a write went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failing {
    Write,
    Sync,
}

impl LaneLog {
    pub(crate) fn status(&self) -> LaneStatus {
        let durable = self.watermark.durable();
        let (epoch, next) = {
            let queue = self.queue.lock();
            (queue.epoch, queue.next)
        };
        let first = self.segments.oldest().map_or(next, |segment| segment.first);
        LaneStatus {
            epoch,
            // Who begins before it must not be told that it lies in the future.
            first: first.min(durable.next()),
            last: Seq(next.0 - 1),
            durable,
            bytes: self.segments.bytes(),
        }
    }

    /// An error of the disk as the reason why nothing more is committed.
    pub(crate) fn commit_error(&self, what: Failing, name: &str, error: &io::Error) -> CommitError {
        let full = matches!(
            error.kind(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
        );
        let (kind, verb) = match what {
            _ if full => (CommitErrorKind::NoSpace, "there is no space to write"),
            Failing::Write => (CommitErrorKind::Write, "cannot write"),
            Failing::Sync => (CommitErrorKind::Sync, "cannot flush to disk"),
        };
        let detail = format!("{verb} {}: {error}", self.storage.describe(name));
        CommitError {
            lane: self.lane,
            kind,
            detail: detail.into(),
        }
    }

    /// Ends the lane: nothing is acknowledged any more. Only the first reason counts.
    pub(crate) fn fail(&self, error: CommitError) {
        if error.kind == CommitErrorKind::Sync {
            self.metrics.sync_failures.inc();
        }
        {
            let mut queue = self.queue.lock();
            if !matches!(queue.stage, Stage::Failed(_)) {
                tracing::error!(lane = %self.lane, "{error}; nothing more is acknowledged");
                queue.stage = Stage::Failed(error.clone());
            }
        }
        for watermark in [&self.watermark, &self.here, &self.staged] {
            watermark.fail(error.clone());
        }
        self.shelf.trouble(error);
        self.work.notify_all();
    }

    /// A guard that fails the lane if the thread that holds it panics: whoever waits for it would
    /// wait for ever.
    pub(crate) fn fails_with_thread(&self, thread: &'static str) -> ThreadGuard<'_> {
        ThreadGuard { lane: self, thread }
    }

    pub(crate) fn failure(&self) -> Option<CommitError> {
        match &self.queue.lock().stage {
            Stage::Failed(error) => Some(error.clone()),
            Stage::Open | Stage::Closing => None,
        }
    }

    /// Remembers, counts and reports damage, unless it is known already.
    pub(crate) fn report_damage(&self, damage: &Damage) {
        let mut damages = self.damages.lock();
        let known = damages
            .iter()
            .any(|known| known.from <= damage.from && damage.to <= known.to);
        if known {
            return;
        }
        self.metrics.damaged_ranges.inc();
        tracing::error!(
            lane = %self.lane, from = %damage.from, to = %damage.to, file = %damage.file,
            offset = damage.offset, reason = %damage.reason,
            "records are damaged and are not served"
        );
        if damages.len() < DAMAGES_MAX {
            damages.push(damage.clone());
        }
    }

    /// Damage of records of this lane.
    pub(crate) fn damage(
        &self,
        from: Seq,
        to: Seq,
        name: &str,
        offset: u64,
        reason: &str,
    ) -> Damage {
        let describe = Describe {
            lane: self.lane,
            storage: &*self.storage,
            ledger: &self.ledger,
        };
        describe.damage(from, to, name, offset, reason)
    }
}

/// See [`LaneLog::fails_with_thread`].
pub(crate) struct ThreadGuard<'a> {
    lane: &'a LaneLog,
    thread: &'static str,
}

impl Drop for ThreadGuard<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.lane.fail(CommitError {
                lane: self.lane.lane,
                kind: CommitErrorKind::Write,
                detail: format!("its {} thread has panicked", self.thread).into(),
            });
        }
    }
}
