//! The running handlers of a node.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use spica_clock::SharedClock;
use spica_handler::{Factory, TroubleSink, is_name};
use spica_journal::{CursorStatus, SharedJournal};
use spica_model::{Lane, Topic};
use spica_role::SharedRole;

use crate::backlog::Backlog;
use crate::letters::Letters;
use crate::post::{Base, Crew, Post};
use crate::records::Scribe;
use crate::standing::Standing;
use crate::supervisor::Supervisor;
use crate::trouble::Teller;
use crate::watch::Watch;
use crate::{Metrics, Settings};

/// Consumers of the journal that keep their place elsewhere than in a cursor.
pub trait Marks: Send + Sync + 'static {
    /// How far each of them has come.
    fn marks(&self) -> Vec<CursorStatus>;
}

/// There are none.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoMarks;

impl Marks for NoMarks {
    fn marks(&self) -> Vec<CursorStatus> {
        Vec::new()
    }
}

/// What handlers work with.
pub struct Parts {
    /// What they consume, and where their letters go.
    pub journal: SharedJournal,
    /// The node's `state` topics.
    pub standing: Arc<dyn Standing>,
    /// Whether the node serves.
    pub role: SharedRole,
    /// Time.
    pub clock: SharedClock,
    /// The node's own topic.
    pub node: Topic,
    /// Where trouble is told. On a passive, too: who listens decides what becomes of it.
    pub troubles: Arc<dyn TroubleSink>,
    /// The directory whose disk is watched.
    pub data_dir: PathBuf,
    /// Consumers that the watch over the backlog sees beside the journal's cursors.
    pub marks: Arc<dyn Marks>,
    /// Where they count and measure.
    pub metrics: Metrics,
}

/// Why handlers cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A name that cannot be one.
    #[error("{0:?} cannot be the name of a handler: 1 to 48 of a-z, 0-9 and - are allowed")]
    Name(String),
    /// Two of the same name.
    #[error("there are two handlers of the name {0:?}")]
    Twice(String),
    /// No thread.
    #[error("the thread that looks after handlers cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// The running handlers of a node. Dropping it stops them.
pub struct Handlers {
    pub(crate) base: Arc<Base>,
    pub(crate) crews: Vec<(Arc<Crew>, Vec<Arc<Post>>)>,
    backlog: Arc<Mutex<Backlog>>,
    metrics: Metrics,
    supervisor: Mutex<Option<JoinHandle<()>>>,
}

impl Handlers {
    /// Starts the handlers of `factories`, each when the node serves, or at once if it runs
    /// everywhere. Returns without waiting for any of them.
    ///
    /// # Errors
    /// If a name is wrong or used twice, or no thread can be started.
    pub fn start(
        settings: Settings,
        parts: Parts,
        factories: Vec<Arc<dyn Factory>>,
    ) -> Result<Arc<Self>, StartError> {
        let now = parts.clock.monotonic();
        let watch = Watch::new(
            settings.watch.clone(),
            parts.data_dir,
            parts.marks,
            parts.metrics.clone(),
            now,
        );
        let base = Arc::new(Base {
            scribe: Scribe {
                journal: Arc::clone(&parts.journal),
                clock: Arc::clone(&parts.clock),
                node: parts.node,
            },
            settings,
            journal: parts.journal,
            clock: parts.clock,
            standing: parts.standing,
            serving: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
        });
        let crews = crews(&base, factories, &parts.metrics)?;
        let backlog = Arc::new(Mutex::new(Backlog::default()));
        let supervisor = Supervisor::new(
            Arc::clone(&base),
            parts.role,
            crews.clone(),
            Teller::new(parts.troubles),
            watch,
            Arc::clone(&backlog),
        );
        let thread = std::thread::Builder::new().name("handlers".into());
        let thread = thread.spawn(move || supervisor.run())?;
        Ok(Arc::new(Self {
            base,
            crews,
            backlog,
            metrics: parts.metrics,
            supervisor: Mutex::new(Some(thread)),
        }))
    }

    /// What the watch over the backlog last saw.
    #[must_use]
    pub fn backlog(&self) -> Backlog {
        self.backlog.lock().clone()
    }

    /// What they count, to be registered once.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Lets every handler keep what it did, and ends the threads; blocks until they are gone, but no
    /// longer than `hang_after`. Calling it again does nothing.
    pub fn stop(&self) {
        let Some(thread) = self.supervisor.lock().take() else {
            return;
        };
        self.base.stopping.store(true, Ordering::Release);
        thread.thread().unpark();
        if thread.join().is_err() {
            tracing::error!("the thread that looks after handlers has panicked");
        }
    }

    /// The supervisor looks now: something has changed.
    pub(crate) fn nudge(&self) {
        if let Some(thread) = &*self.supervisor.lock() {
            thread.thread().unpark();
        }
    }
}

type Crews = Vec<(Arc<Crew>, Vec<Arc<Post>>)>;

fn crews(
    base: &Arc<Base>,
    factories: Vec<Arc<dyn Factory>>,
    metrics: &Metrics,
) -> Result<Crews, StartError> {
    let mut crews = Crews::new();
    for factory in factories {
        let name = factory.name().to_owned();
        if !is_name(&name) {
            return Err(StartError::Name(name));
        }
        if crews.iter().any(|(crew, _)| crew.name == name) {
            return Err(StartError::Twice(name));
        }
        // Critical first, whatever the factory says.
        let lanes = Lane::ALL
            .into_iter()
            .filter(|lane| factory.lanes().contains(lane));
        let lanes: Vec<Lane> = lanes.collect();
        let crew = Arc::new(Crew {
            name,
            factory,
            letters: Letters::default(),
        });
        let post = |lane| {
            let metrics = metrics.of(&crew.name, lane);
            Arc::new(Post::new(
                Arc::clone(base),
                Arc::clone(&crew),
                lane,
                metrics,
            ))
        };
        let posts = lanes.into_iter().map(post).collect();
        crews.push((crew, posts));
    }
    crews.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    Ok(crews)
}

impl Drop for Handlers {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self
            .crews
            .iter()
            .map(|(crew, _)| crew.name.as_str())
            .collect();
        f.debug_struct("Handlers")
            .field("names", &names)
            .finish_non_exhaustive()
    }
}
