//! The handle by which everyone asks the views.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use parking_lot::Mutex;
use spica_clock::SharedClock;
use spica_devices::{Command, Device, Serial};
use spica_journal::{CommitError, SharedJournal};
use spica_model::{Lane, Record, Seq, Topic};
use tokio::sync::broadcast;

use crate::checkpoint;
use crate::folds::Folds;
use crate::runner::Runner;
use crate::shared::Shared;
use crate::{DeviceWatch, Metrics, OpenError, Settings, Status};

/// The running views of a node. Shared as `Arc<Views>`; asking takes a short read lock.
pub struct Views {
    pub(crate) shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Views {
    /// Loads the checkpoint at `checkpoint` (a file; created if it is not there), replays the
    /// journal's tail up to what is durable now, and follows it from then on, on a thread of its
    /// own. Blocks for as long as the replay takes. A checkpoint that is damaged, of another version
    /// or of another journal is renamed to `….discarded`, and everything that the journal still has
    /// is replayed.
    ///
    /// # Errors
    /// If the checkpoint's file or the journal cannot be read or written, or the thread cannot be
    /// started.
    pub fn start(
        journal: SharedJournal,
        node: Topic,
        settings: Settings,
        checkpoint: &Path,
        clock: SharedClock,
    ) -> Result<Arc<Self>, OpenError> {
        // The longest serial there is: if its topics fit, all do.
        spica_devices::DeviceTopics::new(&node, &Serial::LONGEST)?;
        let metrics = Metrics::default();
        let (store, loaded) =
            checkpoint::open(checkpoint, &*journal, settings.limits(&node), &metrics)?;
        let from = loaded.marks.each_ref().map(|mark| mark.seq);
        let shared = Shared::new(journal, node, settings, clock, metrics);
        let shared = Arc::new(shared.showing(loaded.tree, from));
        let mut runner = Runner::new(Arc::clone(&shared), store, loaded.marks)?;
        let began = shared.clock.monotonic();
        runner.catch_up()?;
        let views = Self {
            shared: Arc::clone(&shared),
            thread: Mutex::default(),
        };
        tracing::info!(
            topics = views.topics(),
            devices = views.device_count(),
            checkpoint = ?from,
            applied = ?views.status().applied,
            took = ?shared.clock.monotonic().saturating_duration_since(began),
            "the views are up"
        );
        let thread = std::thread::Builder::new().name("views".into());
        *views.thread.lock() = Some(thread.spawn(move || runner.run())?);
        Ok(Arc::new(views))
    }

    /// The node whose views these are.
    #[must_use]
    pub fn node(&self) -> &Topic {
        &self.shared.node
    }

    /// The settings the views run with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// What the views count, to be registered once.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// Resolves when the views show the record at `seq` of `lane` and all before it (read your
    /// writes), or when they have ended and never will. Safe to cancel.
    pub async fn applied(&self, lane: Lane, seq: Seq) {
        // Who wants to know whether the views have ended asks `status`.
        let _ = self.try_applied(lane, seq).await;
    }

    /// As [`Views::applied`], and says if the views have ended before they got there.
    pub(crate) async fn try_applied(&self, lane: Lane, seq: Seq) -> Result<(), CommitError> {
        self.shared.applied[lane.index()].reached(seq).await
    }

    /// Resolves when the views follow a lane no more, with the reason: what they show from then on
    /// is old. Also when they are stopped.
    pub async fn ended(&self) -> Arc<str> {
        let [critical, normal] =
            [0, 1].map(|lane: usize| self.shared.applied[lane].reached(Seq(u64::MAX)));
        // Neither is ever reached, so each resolves with the end of its lane.
        tokio::select! {
            _ = critical => {}
            _ = normal => {}
        }
        let failure = self.shared.trouble.lock().failure.clone();
        failure.unwrap_or_else(|| "they were stopped, or their thread has panicked".into())
    }

    /// A registered device.
    #[must_use]
    pub fn device(&self, serial: &Serial) -> Option<Arc<Device>> {
        self.read(|folds| folds.registry.get(serial).cloned())
    }

    /// Registered devices in the order of their serials: at most `limit`, from the one after the
    /// text `after` on, which need not be a serial.
    #[must_use]
    pub fn devices(&self, after: Option<&str>, limit: usize) -> Vec<Arc<Device>> {
        // A text that is no serial still has a place in the order, found by looking at all.
        let from = after.and_then(|after| Serial::new(after).ok());
        let behind = |device: &&Arc<Device>| after.is_some_and(|a| device.serial.as_str() <= a);
        self.read(|folds| {
            let devices = folds.registry.after(from).skip_while(behind);
            devices.take(limit).cloned().collect()
        })
    }

    /// How many devices are registered.
    #[must_use]
    pub fn device_count(&self) -> usize {
        self.read(|folds| folds.registry.len())
    }

    /// The commands that are to go out to a device now: queued, or sent without an answer, and not
    /// expired. Those that acknowledge an alert first, then oldest first.
    #[must_use]
    pub fn pending_commands(&self, serial: &Serial) -> Vec<Arc<Command>> {
        let now = self.shared.clock.wall();
        self.read(|folds| folds.commands.pending(serial, now))
    }

    /// All kept commands of a device, newest first.
    #[must_use]
    pub fn commands(&self, serial: &Serial) -> Vec<Arc<Command>> {
        self.read(|folds| folds.commands.newest_first(serial).cloned().collect())
    }

    /// One kept command of a device.
    #[must_use]
    pub fn command(&self, serial: &Serial, id: u16) -> Option<Arc<Command>> {
        self.read(|folds| folds.commands.get(serial, id).cloned())
    }

    /// Watches a device's registration and commands; it need not be registered.
    #[must_use]
    pub fn watch_device(&self, serial: &Serial) -> DeviceWatch {
        self.shared.watches.watch(*serial)
    }

    /// Every batch of records that is folded from now on, in the order in which it was. Who asks the
    /// views after this call and then listens misses nothing, but may see some records twice. A slow
    /// listener is told by the channel how many batches it missed.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<[Record]>> {
        self.shared.live.subscribe()
    }

    /// How the views stand.
    #[must_use]
    pub fn status(&self) -> Status {
        let applied = self.shared.applied.each_ref().map(|mark| mark.durable());
        let behind = Lane::ALL.map(|lane| {
            let durable = self.shared.journal.status(lane).durable;
            durable.0.saturating_sub(applied[lane.index()].0)
        });
        Status {
            applied,
            behind,
            over_limit: self.read(|folds| folds.tree.over_limit()),
            ..self.shared.trouble.lock().clone()
        }
    }

    /// Writes the final checkpoint and ends the thread; blocks until both are done. The views still
    /// answer, but show nothing new. Calling it again does nothing.
    pub fn stop(&self) {
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        self.shared.stopping.store(true, Ordering::Release);
        thread.thread().unpark();
        if thread.join().is_err() {
            tracing::error!("the views' thread has panicked: the last checkpoint is an older one");
        }
    }

    pub(crate) fn read<T>(&self, ask: impl FnOnce(&Folds) -> T) -> T {
        ask(&self.shared.folds.read())
    }
}

impl Drop for Views {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Views {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Views")
            .field("node", &self.shared.node)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
