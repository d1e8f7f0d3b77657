//! A node: its parts, started in order, stopped in the opposite one.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use spica_clock::{SharedClock, SystemClock};
use spica_desk::Desk;
use spica_journal::{CommitErrorKind, SharedJournal};
use spica_journal_file::FileJournal;
use spica_link_pair::{PairHandle, Restart};
use spica_live_hub::Hub;
use spica_model::Lane;
use spica_station_identicom as identicom;
use spica_views::Views;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::alarms::{self, Shared};
use crate::catalogue::IdenticomCommands;
use crate::config::Config;
use crate::foundation::Foundation;
use crate::handling::Handling;
use crate::ready::{Addresses, ReadyFile};
use crate::reload::{self, Reload};
use crate::supervise::Supervisor;
use crate::{
    NodeError, ReadConfig, duties, fetching, first_token, handling, mqtt, pairing, restating,
};

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
    mqtt: Option<spica_station_mqtt::Server>,
    reload: Reload,
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

impl Node {
    /// Opens the journal, builds the views and starts to listen. Blocks while the journal is
    /// recovered and replayed. Nothing listens if any of it fails.
    ///
    /// # Errors
    /// If a part cannot be opened or cannot listen.
    pub async fn start(config: Config, access: Access) -> Result<Self, NodeError> {
        Self::start_reading(config, access, None).await
    }

    /// The same of a configuration that can be read again while the node runs.
    ///
    /// # Errors
    /// As [`Node::start`].
    pub async fn start_reading(
        config: Config,
        access: Access,
        read: Option<ReadConfig>,
    ) -> Result<Self, NodeError> {
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
        let mqtt = mqtt::prepare(&config, &mut foundation.registry);
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
                let (token, task) = first_token::make(Arc::clone(&role), journal, &views, &clock);
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
        // Before the interface that shows it.
        let (mqtt, mqtt_shown) = mqtt::start(
            &config,
            access,
            mqtt,
            mqtt::Parts {
                read,
                journal: Arc::clone(&journal) as SharedJournal,
                views: Arc::clone(&views),
                devices: Arc::clone(&devices),
                role: Arc::clone(&role),
                clock: Arc::clone(&clock),
            },
        )?
        .unzip();
        let reload = reload::reloading(mqtt_shown.as_ref());
        let parts = spica_http::Parts {
            mqtt: mqtt_shown,
            journal: Arc::clone(&journal) as SharedJournal,
            views: Arc::clone(&views),
            devices: Arc::clone(&devices),
            desk: Arc::clone(&desk),
            handlers: handling.control(),
            rules: handling.rules(),
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
        let mqtt_at = mqtt.as_ref().map(spica_station_mqtt::Server::addresses);
        let mqtt_at = mqtt_at.unwrap_or_default();
        let addresses = Addresses {
            http: http.address(),
            identicom: Some(station.local_addr()),
            identicom_tls: station.tls_addr(),
            mqtt: mqtt_at.tcp,
            mqtt_tls: mqtt_at.tls,
            mqtt_websocket: mqtt_at.websocket,
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
            mqtt,
            reload,
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

    /// Reads the configuration again, and takes up what a running node can: logs what became of it.
    /// Reads files: not for a thread that others wait for.
    #[must_use]
    pub fn reloader(&self) -> Reload {
        Arc::clone(&self.reload)
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
        } else {
            // While those who are to hear it are connected. In a pair, the partner goes on.
            self.handling.leave().await;
        }
        if let Some(mqtt) = self.mqtt {
            mqtt.stop(timeout).await;
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
