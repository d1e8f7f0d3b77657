//! A node: its parts, started in order, stopped in the opposite one.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use spica_admission::Admission;
use spica_clock::{SharedClock, SystemClock};
use spica_desk::Desk;
use spica_journal::{CommitErrorKind, SharedJournal};
use spica_journal_file::{FileJournal, Options};
use spica_link_pair::{PairHandle, Restart};
use spica_live_hub::Hub;
use spica_model::Lane;
use spica_objects::PictureStore;
use spica_role::SharedRole;
use spica_station_identicom as identicom;
use spica_views::{DeviceService, Views};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::alarms::{self, Shared};
use crate::catalogue::IdenticomCommands;
use crate::config::Config;
use crate::handling::Handling;
use crate::process::ProcessCollector;
use crate::ready::{Addresses, ReadyFile};
use crate::supervise::Supervisor;
use crate::{NodeError, duties, fetching, handling, pairing, restating};

/// How long parts that were stopped may take to let go of the journal, and how often that is looked
/// at.
const LET_GO: Duration = Duration::from_secs(5);
const LET_GO_LOOK: Duration = Duration::from_millis(1);

/// Who may use the HTTP interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Holders of tokens.
    Tokens,
    /// Everyone: for demonstrations, on loopback only.
    Open,
}

/// How a node that did not fail has ended.
#[derive(Debug)]
pub enum Ended {
    /// It was stopped.
    Stopped,
    /// Its pair wants it to begin again: see [`Node::mend`].
    Again(Restart),
}

/// A running node.
pub struct Node {
    pair: Option<Arc<PairHandle>>,
    journal: Arc<FileJournal>,
    views: Arc<Views>,
    desk: Arc<Desk>,
    handling: Handling,
    live: Arc<Hub>,
    http: spica_http::Server,
    station: identicom::Server,
    supervisor: Supervisor,
    addresses: Addresses,
    admin_token: Option<String>,
    later_token: Option<oneshot::Receiver<String>>,
    /// Makes it; waits for as long as this node does not serve.
    first_token: Option<JoinHandle<()>>,
    stop_timeout: Duration,
    clock: SharedClock,
    data_dir: PathBuf,
}

/// What is there before anything listens.
struct Foundation {
    pair: Option<PairHandle>,
    role: SharedRole,
    clock: SharedClock,
    registry: Registry,
    journal: Arc<FileJournal>,
    views: Arc<Views>,
    devices: Arc<DeviceService>,
    live: Arc<Hub>,
    pictures: PictureStore,
    admission: Arc<Mutex<Admission>>,
}

impl Node {
    /// Opens the journal, builds the views and starts to listen. Blocks while the journal is
    /// recovered and replayed. Nothing listens if any of it fails.
    ///
    /// # Errors
    /// If a part cannot be opened or cannot listen.
    pub async fn start(config: Config, access: Access) -> Result<Self, NodeError> {
        let data_dir = config.node.data_dir.as_path().to_owned();
        let mut foundation = Foundation::lay(&config, &data_dir)?;
        let mut supervisor = Supervisor::new(&mut foundation.registry);
        let profile = config
            .identicom
            .load_profile(&PathBuf::new())
            .map_err(|error| NodeError::part("Identicom station", error))?;
        let station_metrics = identicom::Metrics::default();
        let desk_metrics = spica_desk::Metrics::default();
        desk_metrics.register(&mut foundation.registry);
        let handler_metrics = handling::metrics(&mut foundation.registry);
        let http_metrics = foundation.register(&station_metrics);
        let Foundation {
            pair,
            role,
            clock,
            registry,
            journal,
            views,
            devices,
            live,
            pictures,
            admission,
        } = foundation;
        let (mut later_token, mut token_task) = (None, None);
        let admin_token = match (access, &pair) {
            (Access::Open, _) => None,
            (Access::Tokens, None) => spica_http::bootstrap(&*journal, &views, &*clock)
                .await
                .map_err(|error| NodeError::part("HTTP interface", error))?,
            (Access::Tokens, Some(_)) => {
                let journal = Arc::clone(&journal) as SharedJournal;
                let (token, task) = first_token(Arc::clone(&role), journal, &views, &clock);
                (later_token, token_task) = (Some(token), Some(task));
                None
            }
        };
        duties::start(
            &mut supervisor,
            &role,
            &journal,
            &devices,
            &pictures,
            &clock,
        );
        restating::start(&mut supervisor, &role, &views);
        fetching::start(
            &mut supervisor,
            pair.as_ref(),
            &journal,
            &config.node.path,
            &pictures,
            &data_dir,
        );
        let shared = Shared {
            journal: Arc::clone(&journal) as SharedJournal,
            views: Arc::clone(&views),
            role: Arc::clone(&role),
            clock: Arc::clone(&clock),
        };
        let desk = alarms::start_desk(&config, &profile, &shared, desk_metrics)?;
        let handling = Handling::start(
            &config,
            &shared,
            &pictures,
            desk.reporter(),
            handler_metrics,
        )?;
        handling.duties(&mut supervisor, &shared);
        let parts = spica_http::Parts {
            journal: Arc::clone(&journal) as SharedJournal,
            views: Arc::clone(&views),
            devices: Arc::clone(&devices),
            desk: Arc::clone(&desk),
            handlers: handling.control(),
            history: Arc::clone(&handling.history),
            media: handling.media.clone(),
            role: Arc::clone(&role),
            pictures: pictures.clone(),
            stations: Arc::clone(&admission),
            commands: Arc::new(IdenticomCommands(Arc::clone(&profile))),
            live: Arc::clone(&live),
            clock: Arc::clone(&clock),
            metrics: http_metrics,
            registry: Arc::new(registry),
            open: access == Access::Open,
        };
        let http = spica_http::Server::start(config.http.clone(), parts).await?;
        let deps = identicom::Deps {
            journal: Arc::clone(&journal) as SharedJournal,
            views: Arc::clone(&views),
            devices,
            role: Arc::clone(&role),
            pictures,
            admission,
            clock: Arc::clone(&clock),
            metrics: station_metrics,
            profile,
            node: config.node.path.clone(),
            base: PathBuf::new(),
        };
        let station = identicom::Server::start(&config.identicom, deps)?;
        let addresses = Addresses {
            http: http.address(),
            identicom: Some(station.local_addr()),
            identicom_tls: station.tls_addr(),
            pair: pair.as_ref().map(PairHandle::address),
        };
        let admin_token = admin_token.map(|secret| secret.reveal());
        let stop_timeout = config.node.stop_timeout.into();
        Ok(Self {
            pair: pair.map(Arc::new),
            journal,
            views,
            desk,
            handling,
            live,
            http,
            station,
            supervisor,
            addresses,
            admin_token,
            later_token,
            first_token: token_task,
            stop_timeout,
            clock,
            data_dir,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The first admin token, if this start made it; only the first call gives it.
    pub fn take_admin_token(&mut self) -> Option<String> {
        self.admin_token.take()
    }

    /// The first admin token of a pair, which the node that becomes active first makes; the sender
    /// is dropped if there is none to make. Only the first call gives it.
    pub const fn take_later_token(&mut self) -> Option<oneshot::Receiver<String>> {
        self.later_token.take()
    }

    /// Does to the journal of a node that has ended what its pair wants, before it is started again.
    ///
    /// # Errors
    /// If the journal cannot be changed.
    pub fn mend(config: &Config, restart: &Restart) -> Result<(), NodeError> {
        let clock: SharedClock = Arc::new(SystemClock);
        pairing::mend(config.node.data_dir.as_path(), restart, &clock)
    }

    /// Serves until `stop` resolves, then stops in order; or until the journal fails, or the pair
    /// wants the node to begin again.
    ///
    /// # Errors
    /// If the ready file cannot be written, or the journal failed. Nothing acknowledged is lost.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<Ended, NodeError> {
        let ready = ReadyFile::write(&self.data_dir, &self.addresses, self.clock.wall())
            .map_err(|source| NodeError::data_dir(&self.data_dir, source))?;
        let Addresses {
            http, identicom, ..
        } = &self.addresses;
        tracing::info!(%http, identicom = ?identicom, "serving");
        notify(&[sd_notify::NotifyState::Ready]);
        let ended = tokio::select! {
            biased;
            error = self.journal.failed() => Some(NodeError::Commit(error)),
            reason = self.views.ended() => Some(NodeError::ViewsEnded(reason)),
            () = self.live.ended() => Some(NodeError::LiveEnded),
            restart = restart_of(self.pair.as_deref()) => {
                tracing::info!(?restart, "the pair wants this node to begin again");
                drop(ready);
                self.stop(Duration::ZERO).await?;
                return Ok(Ended::Again(restart));
            }
            () = stop => None,
        };
        notify(&[sd_notify::NotifyState::Stopping]);
        drop(ready);
        let Some(error) = ended else {
            let timeout = self.stop_timeout;
            self.stop(timeout).await?;
            return Ok(Ended::Stopped);
        };
        tracing::error!(%error, "the node ends by itself");
        // Whoever waits for an acknowledgement is refused at once; there is nothing to finish.
        // The first error is the cause: one while closing adds nothing.
        let _ = self.stop(Duration::ZERO).await;
        Err(error)
    }

    /// Stations first, so that what they took is still served; the journal last.
    async fn stop(self, timeout: Duration) -> Result<(), NodeError> {
        if let Some(pair) = self.pair {
            // While everything still runs: the partner takes over with all that was acknowledged.
            let handed = off_worker(move || pair.stop()).await;
            handed.map_err(|panic| NodeError::part("pair", panic))?;
        }
        let stopped = self.station.stop(timeout).await;
        let dropped = self.http.stop().await;
        let (desk, handling) = (self.desk, self.handling);
        let ended = off_worker(move || {
            handling.stop();
            desk.stop();
        });
        ended
            .await
            .map_err(|panic| NodeError::part("alarm desk", panic))?;
        self.supervisor.stop().await;
        if let Some(task) = self.first_token {
            task.abort();
            // Done, or cut off: either way it holds nothing any more.
            let _ = task.await;
        }
        let held = Arc::downgrade(&self.journal);
        let (live, views, journal) = (self.live, self.views, self.journal);
        let closed = off_worker(move || {
            live.stop();
            drop(live);
            views.stop();
            journal.close();
            Lane::ALL
                .into_iter()
                .find_map(|lane| journal.details(lane).failure)
        });
        let failure = closed
            .await
            .map_err(|panic| NodeError::part("shutdown", panic))?;
        let_go(&held).await;
        tracing::info!(
            dialogues_finished = stopped.finished,
            dialogues_cut = stopped.cut,
            requests_dropped = dropped,
            "stopped"
        );
        match failure {
            Some(error) if error.kind != CommitErrorKind::Closed => Err(NodeError::Commit(error)),
            _ => Ok(()),
        }
    }
}

impl Foundation {
    fn lay(config: &Config, data_dir: &Path) -> Result<Self, NodeError> {
        let clock: SharedClock = Arc::new(SystemClock);
        std::fs::create_dir_all(data_dir)
            .and_then(|()| ReadyFile::clear(data_dir))
            .map_err(|source| NodeError::data_dir(data_dir, source))?;
        let mut registry = Registry::with_prefix("spica");
        registry.register_collector(Box::new(ProcessCollector));
        let options = Options {
            settings: config.journal.clone(),
            ..Options::default()
        };
        options.metrics.register(&mut registry);
        let (journal, report) = pairing::open_journal(config, &options, data_dir, &clock)?;
        for lane in &report.lanes {
            if lane.damaged.is_empty() && lane.notes.is_empty() {
                tracing::info!("journal, {lane}");
            } else {
                tracing::error!("journal, {lane}");
            }
        }
        let views = Views::start(
            Arc::clone(&journal) as SharedJournal,
            config.node.path.clone(),
            config.views.clone(),
            &data_dir.join("views.redb"),
            Arc::clone(&clock),
        )?;
        views.metrics().register(&mut registry);
        let live = Hub::start(
            Arc::clone(&journal) as SharedJournal,
            Arc::clone(&views),
            Arc::clone(&clock),
            config.live.clone(),
        )
        .map_err(|error| NodeError::part("live sessions", error))?;
        live.metrics().register(&mut registry);
        let pictures = open_pictures(config, data_dir)?;
        let (pair, role) = pairing::start(
            config, data_dir, &journal, &views, &pictures, &report, &clock,
        )?;
        let shared: SharedJournal = Arc::clone(&journal) as SharedJournal;
        let devices = DeviceService::new(shared, Arc::clone(&views), Arc::clone(&clock));
        Ok(Self {
            pair,
            role,
            pictures,
            admission: Arc::new(Mutex::new(Admission::new(
                config.identicom.admission.limits(),
            ))),
            devices: Arc::new(devices),
            live,
            clock,
            registry,
            journal,
            views,
        })
    }

    /// Makes the metrics of what listens known, and gives those of HTTP.
    fn register(&mut self, station: &identicom::Metrics) -> spica_http::Metrics {
        station.register(&mut self.registry);
        identicom::AdmissionCollector::register(Arc::clone(&self.admission), &mut self.registry);
        if let Some(pair) = &self.pair {
            pair.metrics().register(&mut self.registry);
            spica_http::PairCollector::register(Arc::clone(&self.role), &mut self.registry);
        }
        spica_http::Metrics::register(&mut self.registry)
    }
}

fn open_pictures(config: &Config, data_dir: &Path) -> Result<PictureStore, NodeError> {
    let location = match &config.objects.location {
        Some(location) => location.as_path().to_owned(),
        None => data_dir.join("pictures"),
    };
    let incoming = data_dir.join("incoming");
    PictureStore::open_with(
        &location.to_string_lossy(),
        &incoming,
        config.objects.limits(),
        &config.objects.s3,
    )
    .map_err(|error| NodeError::part("picture store", error))
}

/// The first admin token of a pair: made when this node becomes active, if there is none.
fn first_token(
    role: SharedRole,
    journal: SharedJournal,
    views: &Arc<Views>,
    clock: &SharedClock,
) -> (oneshot::Receiver<String>, JoinHandle<()>) {
    let (made, token) = oneshot::channel();
    let (views, clock) = (Arc::clone(views), Arc::clone(clock));
    let task = tokio::spawn(async move {
        role.began().await;
        match spica_http::bootstrap(&*journal, &views, &*clock).await {
            // Who started the node is gone, or wants no token.
            Ok(Some(secret)) => drop(made.send(secret.reveal())),
            Ok(None) => {}
            Err(error) => tracing::warn!("the first admin token cannot be made: {error}"),
        }
    });
    (token, task)
}

/// Waits until nobody holds the journal any more, and with it its lock: connections that were just
/// cut off do for a moment, and the node may want to begin again at once.
async fn let_go(held: &Weak<FileJournal>) {
    let free = async {
        while held.strong_count() > 0 {
            tokio::time::sleep(LET_GO_LOOK).await;
        }
    };
    if tokio::time::timeout(LET_GO, free).await.is_err() {
        tracing::error!("a part of the node that was stopped still holds the journal");
    }
}

async fn restart_of(pair: Option<&PairHandle>) -> Restart {
    match pair {
        Some(pair) => pair.restart().await,
        None => std::future::pending().await,
    }
}

/// Runs what waits for disks and threads while a node stops.
#[expect(
    clippy::disallowed_methods,
    reason = "the last things a node does, once each"
)]
fn off_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    tokio::task::spawn_blocking(work)
}

/// Tells systemd, if it listens.
fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd does not listen");
    }
}

impl NodeError {
    fn data_dir(path: &Path, source: io::Error) -> Self {
        Self::DataDir {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn part(
        part: &'static str,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Part {
            part,
            source: Box::new(error),
        }
    }
}
