//! The journal itself: both lanes, opened, served and closed together.

mod port;
mod replica;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use spica_clock::SharedClock;
use spica_journal::{CommitError, Damage, Durable};
use spica_journal_format::Meta;
use spica_model::{Epoch, Lane, Seq};
use spica_storage::{OsStorage, Storage};

use crate::error::{EpochError, OpenError};
use crate::lane::LaneLog;
use crate::lane::queue::Stage;
use crate::open::{self, OpenedLane};
use crate::options::Options;
use crate::priority::{self, Priorities};
use crate::report::RecoveryReport;
use crate::small_files;

pub use replica::{Acknowledge, LaneHistory};

/// A journal on files: two lanes, each with its own directory, files and threads.
pub struct FileJournal {
    lanes: [Arc<LaneLog>; 2],
    meta: Mutex<Meta>,
    /// Held while an epoch is being stored: who only wants to know the present one does not wait for
    /// the disk.
    raising: Mutex<()>,
    threads: Mutex<Vec<Threads>>,
    /// Cursors are opened one after the other, so that their limit holds.
    cursors: Mutex<()>,
}

/// The threads of one lane.
struct Threads {
    commit: JoinHandle<()>,
    keeper: JoinHandle<()>,
}

/// How a lane stands beyond what every journal tells.
#[derive(Debug, Clone)]
pub struct LaneDetails {
    /// Bytes that wait for the disk.
    pub queue_bytes: usize,
    /// Segments in use.
    pub segments: usize,
    /// Segments that are ready to be written.
    pub prepared_segments: usize,
    /// Bytes of those: on a full disk, what is left until the lane fails.
    pub room_bytes: u64,
    /// Idempotency keys that are remembered.
    pub keys: usize,
    /// Damage that was found since the lane was opened, and then: the first 1,024 ranges.
    pub damages: Vec<Damage>,
    /// The consumer for which records past their retention are kept: its name, and where it stands.
    pub held_by: Option<(String, Seq)>,
    /// Why nothing more is committed, if so.
    pub failure: Option<CommitError>,
}

impl FileJournal {
    /// Opens the journal in `dir`, creating it if there is none; the lanes are its subdirectories
    /// `critical` and `normal`. What was found there is said in the report.
    ///
    /// # Errors
    /// If a file cannot be read or written, if another process has the journal, if a later program
    /// wrote it, or if a lane cannot go on without losing track of what was acknowledged; the text
    /// of the error says what to do.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the journal keeps what it is opened with"
    )]
    pub fn open(
        options: Options,
        dir: &Path,
        clock: SharedClock,
    ) -> Result<(Arc<Self>, RecoveryReport), OpenError> {
        let storage = |lane: Lane| OsStorage::open_exclusive(dir.join(lane.as_str()));
        let [critical, normal] = [storage(Lane::Critical)?, storage(Lane::Normal)?];
        Self::start(&options, &[Arc::new(critical), Arc::new(normal)], &clock)
    }

    /// As [`open`](Self::open), on the storages of the lanes, critical first.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[expect(
        clippy::needless_pass_by_value,
        reason = "the journal keeps what it is opened with"
    )]
    pub fn open_on(
        options: Options,
        storages: [Arc<dyn Storage>; 2],
        clock: SharedClock,
    ) -> Result<(Arc<Self>, RecoveryReport), OpenError> {
        Self::start(&options, &storages, &clock)
    }

    fn start(
        options: &Options,
        storages: &[Arc<dyn Storage>; 2],
        clock: &SharedClock,
    ) -> Result<(Arc<Self>, RecoveryReport), OpenError> {
        let opened = open::open(options, storages, clock)?;
        let [critical, normal] = opened.lanes;
        let journal = Self {
            lanes: [Arc::clone(&critical.log), Arc::clone(&normal.log)],
            meta: Mutex::new(opened.meta),
            raising: Mutex::new(()),
            threads: Mutex::default(),
            cursors: Mutex::new(()),
        };
        for lane in [critical, normal] {
            // If one cannot be started, dropping the journal ends those that were.
            let threads = Threads::start(lane, options.settings.priorities)?;
            journal.threads.lock().push(threads);
        }
        Ok((Arc::new(journal), opened.report))
    }

    /// Lets the background work of a lane that waits be done, and returns when it is: full segments
    /// are sealed, cursors stored, and what is past its retention is retired. None of it needs to be
    /// asked for; it only comes sooner.
    pub fn settle(&self, lane: Lane) {
        self.lane(lane).chores.settle();
    }

    /// How a lane stands, in detail.
    #[must_use]
    pub fn details(&self, lane: Lane) -> LaneDetails {
        let lane = self.lane(lane);
        let (queue_bytes, keys) = {
            let queue = lane.queue.lock();
            (queue.bytes, queue.known.len())
        };
        let held = lane.held.lock().clone();
        LaneDetails {
            queue_bytes,
            keys,
            segments: lane.segments.len(),
            prepared_segments: lane.shelf.len(),
            room_bytes: lane.shelf.bytes(),
            damages: lane.damages.lock().clone(),
            held_by: held.map(|held| (held.cursor, held.seq)),
            failure: lane.failure(),
        }
    }

    /// Resolves when one of the lanes commits nothing any more, with the reason; also when the
    /// journal is closed, with [`CommitErrorKind::Closed`](spica_journal::CommitErrorKind::Closed).
    #[must_use]
    pub fn failed(&self) -> Failed {
        Failed {
            lanes: [0, 1].map(|lane: usize| self.lanes[lane].watermark.reached(Seq(u64::MAX))),
        }
    }

    /// The epoch in which records are placed.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.meta.lock().epoch
    }

    /// Begins a new epoch, durably, before any record is placed in it. Records that were placed
    /// before keep theirs.
    ///
    /// # Errors
    /// If `epoch` is not after the present one, or the disk fails.
    pub fn raise_epoch(&self, epoch: Epoch) -> Result<(), EpochError> {
        let _raising = self.raising.lock();
        let present = self.epoch();
        if epoch <= present {
            return Err(EpochError::NotAfter {
                asked: epoch.0,
                present: present.0,
            });
        }
        self.store_epoch(epoch)?;
        for lane in &self.lanes {
            let mut queue = lane.queue.lock();
            queue.epoch = epoch;
            let next = queue.next;
            queue.reigns.push((epoch, next));
        }
        Ok(())
    }

    /// Whoever calls this holds `raising`.
    fn store_epoch(&self, epoch: Epoch) -> Result<(), EpochError> {
        let raised = Meta {
            epoch,
            ..*self.meta.lock()
        };
        for lane in &self.lanes {
            // One after the other: one of them is always good.
            small_files::overwrite_meta(&*lane.storage, &raised)
                .map_err(|error| EpochError::Store(error.to_string().into()))?;
        }
        *self.meta.lock() = raised;
        Ok(())
    }

    /// Closes the journal: takes no new records, makes those that wait durable, stores the cursors
    /// and ends the threads. Returns when all of it is done; a second call does nothing.
    pub fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        for lane in &self.lanes {
            lane.begin_close();
        }
        for (lane, Threads { commit, keeper }) in self.lanes.iter().zip(threads) {
            // A thread that has panicked has failed its lane: there is nothing more to close.
            let _ = commit.join();
            lane.end_close();
            lane.chores.stop();
            let _ = keeper.join();
        }
    }

    fn lane(&self, lane: Lane) -> &Arc<LaneLog> {
        &self.lanes[lane.index()]
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        self.close();
    }
}

impl Threads {
    fn start(lane: OpenedLane, priorities: Priorities) -> Result<Self, OpenError> {
        let OpenedLane {
            log,
            committer,
            keeper,
        } = lane;
        let name = log.lane;
        let preferred = name == Lane::Critical && priorities == Priorities::Auto;
        let spawn = |what: &str| std::thread::Builder::new().name(format!("{what}-{name}"));
        let keeper = spawn("keep")
            .spawn(move || keeper.run())
            .map_err(OpenError::Thread)?;
        let commit = spawn("commit")
            .spawn(move || {
                if preferred {
                    priority::prefer_this_thread();
                }
                committer.run();
            })
            .map_err(OpenError::Thread)?;
        Ok(Self { commit, keeper })
    }
}

/// Resolves when a lane commits nothing any more: see [`FileJournal::failed`].
#[derive(Debug)]
pub struct Failed {
    lanes: [Durable; 2],
}

impl Future for Failed {
    type Output = CommitError;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<CommitError> {
        for lane in &mut self.lanes {
            if let Poll::Ready(Err(error)) = Pin::new(lane).poll(cx) {
                return Poll::Ready(error);
            }
        }
        Poll::Pending
    }
}

impl LaneLog {
    fn begin_close(&self) {
        let mut queue = self.queue.lock();
        if matches!(queue.stage, Stage::Open) {
            queue.stage = Stage::Closing;
        }
        drop(queue);
        self.work.notify_all();
    }

    /// Ends all waits: nothing is committed any more.
    fn end_close(&self) {
        for watermark in [&self.watermark, &self.here, &self.staged] {
            watermark.fail(CommitError {
                lane: self.lane,
                kind: spica_journal::CommitErrorKind::Closed,
                detail: "the journal was closed".into(),
            });
        }
    }
}
