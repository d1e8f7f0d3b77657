//! What the thread that folds and those who ask share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::{Mutex, RwLock};
use spica_clock::SharedClock;
use spica_journal::{CommitError, CommitErrorKind, SharedJournal, Watermark};
use spica_model::{Lane, Record, Seq, Topic};
use spica_state::StateTree;
use tokio::sync::broadcast;

use crate::folds::Folds;
use crate::watch::Watches;
use crate::{Metrics, Settings, Status};

/// What the thread and the askers share.
pub(crate) struct Shared {
    pub(crate) node: Topic,
    pub(crate) settings: Settings,
    pub(crate) journal: SharedJournal,
    pub(crate) clock: SharedClock,
    pub(crate) folds: RwLock<Folds>,
    /// How far each lane is folded; fails when the thread ends.
    pub(crate) applied: [Arc<Watermark>; 2],
    pub(crate) watches: Arc<Watches>,
    pub(crate) live: broadcast::Sender<Arc<[Record]>>,
    pub(crate) metrics: Metrics,
    pub(crate) trouble: Mutex<Status>,
    pub(crate) stopping: AtomicBool,
}

impl Shared {
    /// Views that show nothing yet.
    pub(crate) fn new(
        journal: SharedJournal,
        node: Topic,
        settings: Settings,
        clock: SharedClock,
        metrics: Metrics,
    ) -> Self {
        let (live, _) = broadcast::channel(settings.live_batches.max(1));
        Self {
            folds: RwLock::new(Folds::new(StateTree::new(settings.limits(&node)))),
            applied: Lane::ALL.map(|_| Arc::new(Watermark::new(Seq::ZERO))),
            watches: Arc::default(),
            trouble: Mutex::default(),
            stopping: AtomicBool::new(false),
            node,
            settings,
            journal,
            clock,
            live,
            metrics,
        }
    }

    /// Views that show what a checkpoint held, up to `applied` of each lane.
    pub(crate) fn showing(self, tree: StateTree, applied: [Seq; 2]) -> Self {
        let mut folds = Folds::new(tree);
        self.undecodable(folds.rebuild(&self.node));
        Self {
            folds: RwLock::new(folds),
            applied: applied.map(|seq| Arc::new(Watermark::new(seq))),
            ..self
        }
    }

    /// Counts device records that cannot be read.
    pub(crate) fn undecodable(&self, records: u64) {
        self.metrics.undecodable.inc_by(records);
        self.trouble.lock().undecodable += records;
    }

    /// Ends all waits for records of a lane that the views will never show.
    pub(crate) fn end_lane(&self, lane: Lane) {
        self.applied[lane.index()].fail(CommitError {
            lane,
            kind: CommitErrorKind::Closed,
            detail: "the views have ended".into(),
        });
    }
}
