//! The pair as the rest of the node sees it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::JoinHandle;

use parking_lot::Mutex;
use spica_clock::SharedClock;
use spica_journal_file::{Acknowledge, FileJournal};
use spica_model::{Epoch, Lane, Seq, Topic};
use spica_objects::PictureStore;
use spica_pair::{Facts, Pair, Reason};
use spica_pair_proto::{Hello, OLDEST, VERSION};
use spica_role::SharedRole;
use spica_trust::IdentityHolder;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::actor::{Actor, Input, Parts};
use crate::config::Settings;
use crate::dial::Dialer;
use crate::link::{Greeting, LinkDeps};
use crate::memory::{Memory, MemoryError};
use crate::metrics::Metrics;
use crate::notices::Notices;
use crate::pictures::PairShare;
use crate::reentry::{Counter, Shelf, Shows};
use crate::role::PairRole;
use crate::scribe::Scribe;
use crate::witness::Asker;

/// What may wait for the actor. Votes beyond it are not counted, everything else waits.
const INPUTS: usize = 1_024;

/// What the pair needs of its node.
pub struct Deps {
    /// The journal.
    pub journal: Arc<FileJournal>,
    /// The clock.
    pub clock: SharedClock,
    /// The node's path, which both nodes of the pair have.
    pub node: Topic,
    /// Where `pair.state` is.
    pub data_dir: PathBuf,
    /// Where the journal is.
    pub journal_dir: PathBuf,
    /// The pictures.
    pub pictures: PictureStore,
    /// What the views of the journal show.
    pub shows: Arc<dyn Shows>,
    /// What relative paths of certificates count from.
    pub base: PathBuf,
    /// The first damaged record of each lane, critical first: only the partner can make it good.
    pub damaged: [Option<Seq>; 2],
}

/// Why the node must begin again, and what is to be done before it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    Again(Reason),
    /// What stands after `common` must be put aside.
    Cut {
        /// The lane.
        lane: Lane,
        /// The last place that both journals have in common.
        common: Seq,
    },
    /// The lane must begin anew at `first`.
    Anew {
        /// The lane.
        lane: Lane,
        /// The oldest record that the active has.
        first: Seq,
        /// Which epochs began where in the active's lane.
        reigns: Vec<(Epoch, Seq)>,
    },
}

/// Why the pair cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A certificate or key.
    #[error("the pair's certificates: {0}")]
    Trust(#[from] spica_trust::LoadError),
    /// The certificate is for another node.
    #[error(
        "the certificate is that of {found}, but this node is {wanted}: issue one with `spica ca \
         issue`"
    )]
    Identity {
        /// Whose it is.
        found: String,
        /// Whose it must be.
        wanted: String,
    },
    /// The witness.
    #[error("the pair's witness: {0}")]
    Witness(#[from] spica_witness::OpenError),
    /// What was remembered.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// The times do not fit together.
    #[error("[pair]: {0}")]
    Config(#[from] spica_pair::ConfigError),
    /// The link's address.
    #[error("the pair's link cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// No thread.
    #[error("the pair's thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The running pair. Dropping it stops it.
pub struct PairHandle {
    role: SharedRole,
    pictures: PairShare,
    inputs: mpsc::Sender<Input>,
    metrics: Metrics,
    restart: watch::Receiver<Option<Restart>>,
    address: SocketAddr,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl PairHandle {
    /// Begins to be one of a pair. Until it is decided who is active, the journal takes nothing in.
    ///
    /// # Errors
    /// If a certificate, the witness, the address or the file of what was remembered is not as it
    /// must be.
    pub fn start(settings: &Settings, deps: Deps) -> Result<Self, StartError> {
        let core = settings.core();
        core.validate()?;
        let memory = Memory::new(&deps.data_dir);
        let remembered = memory.load()?;
        let identity = identity(settings, &deps)?;
        let witness = settings
            .witness
            .as_ref()
            .map(spica_witness::open)
            .transpose()?;
        let listen = |source| StartError::Listen {
            address: settings.listen,
            source,
        };
        let listener = std::net::TcpListener::bind(settings.listen).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        deps.journal.take_own(false);
        deps.journal.set_acknowledge(Acknowledge::Never);
        let origin = deps.clock.monotonic();
        let facts = Facts {
            durable: remembered.durable(),
            epoch: deps.journal.epoch(),
            ends: Lane::ALL.map(|lane| deps.journal.history(lane).last),
            sound: deps.damaged == [None; 2] && !remembered.lacks,
        };
        let pair = Pair::new(core, facts, std::time::Duration::ZERO);
        let (inputs, received) = mpsc::channel(INPUTS);
        let (restart_tx, restart) = watch::channel(None);
        let linked = Arc::new(AtomicBool::new(false));
        let metrics = Metrics::default();
        let dialer = Arc::new(Dialer {
            greeting: greeting(settings, &deps),
            identity: Arc::new(identity),
            metrics: metrics.clone(),
            inputs: inputs.clone(),
            linked: Arc::clone(&linked),
            next_id: AtomicU64::new(1),
        });
        let link = LinkDeps {
            journal: Arc::clone(&deps.journal),
            inputs: inputs.clone(),
            silence: settings.dead_after.as_duration() * 5,
            compress: settings.compress,
            counter: Counter {
                journal: Arc::clone(&deps.journal),
                shows: Arc::clone(&deps.shows),
                node: deps.node.clone(),
                clock: Arc::clone(&deps.clock),
                metrics: metrics.clone(),
            },
            metrics: metrics.clone(),
            pictures: deps.pictures.clone(),
        };
        let (present, link_now) = watch::channel(None);
        let name: Arc<str> = deps.node.as_str().into();
        let notices = Notices::new(Arc::clone(&deps.journal), deps.node);
        let scribe = Scribe::start(
            Arc::clone(&deps.journal),
            memory,
            remembered,
            inputs.clone(),
        )
        .map_err(StartError::Thread)?;
        let asker = Asker::new(witness, name, inputs.clone());
        let parts = Parts {
            journal: deps.journal,
            clock: deps.clock,
            origin,
            scribe,
            damaged: deps.damaged,
            notices,
            asker,
            link,
            shelf: Shelf::new(&deps.journal_dir),
            present,
            linked,
            stuck_after: settings.stuck_after.as_duration(),
            restart: restart_tx,
        };
        let (actor, shown) = Actor::new(pair, parts);
        let (partner, heartbeat) = (settings.partner.clone(), settings.heartbeat.as_duration());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(StartError::Thread)?;
        let run = move || {
            runtime.block_on(async move {
                match TcpListener::from_std(listener) {
                    Ok(listener) => drop(tokio::spawn(Arc::clone(&dialer).listen(listener))),
                    Err(error) => tracing::error!("the pair's link cannot listen: {error}"),
                }
                tokio::spawn(Arc::clone(&dialer).watch_identity());
                tokio::spawn(dialer.dial(partner, heartbeat));
                actor.run(received).await;
            });
        };
        let thread = std::thread::Builder::new().name("pair".into());
        let thread = thread.spawn(run).map_err(StartError::Thread)?;
        Ok(Self {
            pictures: PairShare {
                shown: shown.clone(),
                present: link_now,
            },
            role: Arc::new(PairRole {
                shown,
                inputs: inputs.clone(),
            }),
            inputs,
            metrics,
            restart,
            address,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The node's role, for its other parts.
    #[must_use]
    pub fn role(&self) -> SharedRole {
        Arc::clone(&self.role)
    }

    /// Pictures to and from the partner.
    #[must_use]
    pub fn pictures(&self) -> PairShare {
        self.pictures.clone()
    }

    /// What it counts.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Where the link listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Resolves when the node must begin again.
    pub async fn restart(&self) -> Restart {
        let mut restart = self.restart.clone();
        loop {
            if let Some(restart) = &*restart.borrow_and_update() {
                return restart.clone();
            }
            if restart.changed().await.is_err() {
                // The actor only ends when it is stopped.
                return std::future::pending().await;
            }
        }
    }

    /// Hands over to the partner if it is complete, says farewell and ends the thread. Blocks until
    /// that is done.
    pub fn stop(&self) {
        self.end(Input::Stop);
    }

    /// Ends the thread without handing over and without a word, as a crash would. Blocks until that
    /// is done.
    pub fn abandon(&self) {
        self.end(Input::Abandon);
    }

    fn end(&self, input: Input) {
        let Some(thread) = self.thread.lock().take() else {
            return;
        };
        // An actor that is gone needs no telling; one whose inbox is full will have room soon.
        let _ = futures::executor::block_on(self.inputs.send(input));
        if thread.join().is_err() {
            tracing::error!("the pair's thread has panicked");
        }
    }
}

impl Drop for PairHandle {
    fn drop(&mut self) {
        self.stop();
    }
}

fn identity(settings: &Settings, deps: &Deps) -> Result<IdentityHolder, StartError> {
    let credentials = settings.tls.credentials(&deps.base);
    let holder = IdentityHolder::open(credentials, Arc::clone(&deps.clock))?;
    let own = holder.current().own().clone();
    let side = settings.side.side().as_str();
    let right = own.node == deps.node && own.side.is_some_and(|own| own.as_str() == side);
    if !right {
        return Err(StartError::Identity {
            found: own.to_uri(),
            wanted: format!("{}, the {side} of a pair", deps.node),
        });
    }
    Ok(holder)
}

fn greeting(settings: &Settings, deps: &Deps) -> Greeting {
    let (number, topology) = settings.topology(deps.node.as_str());
    Greeting {
        hello: Hello {
            oldest: OLDEST,
            newest: VERSION,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            name: deps.node.to_string(),
            side: settings.side.side().as_str().to_owned(),
            topology: number,
            http: settings.http.clone(),
            lane_keys: Lane::ALL.map(|lane| deps.journal.lane_key(lane)),
        },
        topology,
    }
}
