//! Writing checkpoints, next to the thread that folds.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use spica_model::{Lane, Seq};

use super::{Job, Store};
use crate::runner::CURSOR;
use crate::shared::Shared;

/// Writes one checkpoint at a time on a thread of its own, so that a slow disk delays no fold.
pub(crate) struct Writer {
    jobs: SyncSender<Job>,
    busy: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub(crate) fn start(shared: Arc<Shared>, store: Arc<Store>) -> io::Result<Self> {
        let (jobs, incoming) = sync_channel::<Job>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let now_busy = Arc::clone(&busy);
        let thread = std::thread::Builder::new()
            .name("views-checkpoint".into())
            .spawn(move || {
                for job in incoming {
                    let _free = FreeOnDrop(&now_busy);
                    save_or_say(&shared, &store, &job);
                }
            })?;
        Ok(Self { jobs, busy, thread })
    }

    /// Whether it is still at the last checkpoint.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Hands over the next checkpoint. Only when it is not busy.
    pub(crate) fn submit(&self, job: Job) {
        self.busy.store(true, Ordering::Release);
        // The thread ends only after this sender is gone.
        let _ = self.jobs.send(job);
    }

    /// Waits until the last checkpoint is written.
    pub(crate) fn finish(self) {
        drop(self.jobs);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes checkpoints has panicked");
        }
    }
}

/// Lets the next checkpoint come, however this one ended.
struct FreeOnDrop<'a>(&'a AtomicBool);

impl Drop for FreeOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// As [`save`]; a panic of the database on bytes it does not understand is a failure like others (the
/// store has let go of the database by then, and wants everything next time).
fn save_or_say(shared: &Shared, store: &Store, job: &Job) {
    let saved = catch_unwind(AssertUnwindSafe(|| save(shared, store, job)));
    if saved.is_err() {
        tracing::error!(
            "the database of the checkpoint has panicked; the journal still has all of it"
        );
        shared.metrics.checkpoint_failures.inc();
        let reason = "the database has panicked";
        shared.trouble.lock().checkpoint_failure = Some(reason.into());
    }
}

/// Writes a checkpoint and lets the journal's retention follow. If it fails, the store wants
/// everything next time.
pub(crate) fn save(shared: &Shared, store: &Store, job: &Job) {
    if let Err(error) = store.save(job) {
        let reason = error.to_string();
        tracing::warn!(
            file = %store.path().display(),
            reason,
            "the checkpoint of the views was not written; a restart replays more of the journal"
        );
        shared.metrics.checkpoint_failures.inc();
        shared.trouble.lock().checkpoint_failure = Some(reason.into());
        return;
    }
    shared.metrics.checkpoints.inc();
    shared
        .metrics
        .checkpoint_topics
        .inc_by(job.changes.len() as u64);
    shared.trouble.lock().checkpoint_failure = None;
    for lane in Lane::ALL {
        let hold = hold(job.marks[lane.index()].seq);
        if let Err(error) = shared.journal.advance_cursor(CURSOR, lane, hold) {
            tracing::warn!(%lane, %error, "the journal's retention is held back by the views");
        }
    }
}

/// Where the views' cursor stands for a checkpoint that ends at `seq`: the record there is kept,
/// since it is what ties the checkpoint to the journal.
pub(crate) const fn hold(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}
