//! Writing checkpoints, next to the thread that folds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::{io, mem};

use parking_lot::Mutex;
use spica_model::{Lane, Seq, Topic};

use super::{Job, Store};
use crate::runner::CURSOR;
use crate::views::Shared;

/// Writes one checkpoint at a time on a thread of its own, so that a slow disk delays no fold.
pub(crate) struct Writer {
    jobs: SyncSender<Job>,
    busy: Arc<AtomicBool>,
    failed: Arc<Mutex<Vec<Topic>>>,
    thread: JoinHandle<()>,
}

impl Writer {
    pub(crate) fn start(shared: Arc<Shared>, store: Arc<Store>) -> io::Result<Self> {
        let (jobs, incoming) = sync_channel::<Job>(1);
        let busy = Arc::new(AtomicBool::new(false));
        let failed = Arc::new(Mutex::new(Vec::new()));
        let (now_busy, has_failed) = (Arc::clone(&busy), Arc::clone(&failed));
        let thread = std::thread::Builder::new()
            .name("views-checkpoint".into())
            .spawn(move || {
                for job in incoming {
                    if let Err(topics) = save(&shared, &store, job) {
                        has_failed.lock().extend(topics);
                    }
                    now_busy.store(false, Ordering::Release);
                }
            })?;
        Ok(Self {
            jobs,
            busy,
            failed,
            thread,
        })
    }

    /// Whether it is still at the last checkpoint.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// The topics that could not be stored since the last call.
    pub(crate) fn failed(&self) -> Vec<Topic> {
        mem::take(&mut self.failed.lock())
    }

    /// Hands over the next checkpoint. Only when it is not busy.
    pub(crate) fn submit(&self, job: Job) {
        self.busy.store(true, Ordering::Release);
        // The thread ends only after this sender is gone.
        let _ = self.jobs.send(job);
    }

    /// Waits for the last checkpoint; the topics that could not be stored.
    pub(crate) fn finish(self) -> Vec<Topic> {
        drop(self.jobs);
        if self.thread.join().is_err() {
            tracing::error!("the thread that writes checkpoints has panicked");
        }
        mem::take(&mut self.failed.lock())
    }
}

/// Writes a checkpoint and lets the journal's retention follow. Gives back the topics if it fails.
pub(crate) fn save(shared: &Shared, store: &Store, job: Job) -> Result<(), Vec<Topic>> {
    if let Err(error) = store.save(&job) {
        let reason = error.to_string();
        tracing::warn!(
            file = %store.path().display(),
            reason,
            "the checkpoint of the views was not written; a restart replays more of the journal"
        );
        shared.metrics.checkpoint_failures.inc();
        shared.trouble.lock().checkpoint_failure = Some(reason.into());
        return Err(job.changes.into_iter().map(|change| change.topic).collect());
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
    Ok(())
}

/// Where the views' cursor stands for a checkpoint that ends at `seq`: the record there is kept,
/// since it is what ties the checkpoint to the journal.
pub(crate) const fn hold(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}
