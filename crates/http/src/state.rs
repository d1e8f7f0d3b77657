//! What every handler shares.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use spica_admission::{Admission, Offence};
use spica_cases::Topics;
use spica_clock::SharedClock;
use spica_desk::Desk;
use spica_handler::HandlerControl;
use spica_history::History;
use spica_journal::SharedJournal;
use spica_live_hub::Hub;
use spica_media::Media;
use spica_model::{Timestamp, Topic};
use spica_mqtt_access::MqttControl;
use spica_objects::PictureStore;
use spica_role::SharedRole;
use spica_rules::RulesControl;
use spica_views::{DeviceService, Views};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::auth::Identity;
use crate::buffers::Buffers;
use crate::command_call::CommandCatalogue;
use crate::config::Settings;
use crate::facts::{Author, Fact};
use crate::guard::RequestIds;
use crate::metrics::Metrics;
use crate::offload::Offload;
use crate::problem::{Problem, ProblemKind};
use crate::sessions::Sessions;

/// The MQTT station.
#[derive(Clone)]
pub struct MqttParts {
    /// Its clients and sessions.
    pub control: Arc<dyn MqttControl>,
    /// Who may connect to it: bans by hand hold there, too.
    pub admission: Arc<Mutex<Admission>>,
}

/// The parts of a node that this interface speaks to.
#[derive(Clone)]
pub struct Parts {
    /// The journal.
    pub journal: SharedJournal,
    /// The views that follow it.
    pub views: Arc<Views>,
    /// The writer of device records.
    pub devices: Arc<DeviceService>,
    /// Whether this node serves: one of a pair only does while it is active.
    pub role: SharedRole,
    /// The alarm desk.
    pub desk: Arc<Desk>,
    /// The handlers.
    pub handlers: Arc<dyn HandlerControl>,
    /// The rules, if there are any.
    pub rules: Option<Arc<dyn RulesControl>>,
    /// The index of the journal.
    pub history: Arc<History>,
    /// The index of the pictures.
    pub media: Media,
    /// The pictures.
    pub pictures: PictureStore,
    /// Who may connect to the stations: bans by hand hold there and here.
    pub stations: Arc<Mutex<Admission>>,
    /// The commands that devices understand.
    pub commands: Arc<dyn CommandCatalogue>,
    /// What live sessions see.
    pub live: Arc<Hub>,
    /// The MQTT station, if there is one.
    pub mqtt: Option<MqttParts>,
    /// The time.
    pub clock: SharedClock,
    /// What this interface counts.
    pub metrics: Metrics,
    /// Everything that the node counts, for `/metrics`.
    pub registry: Arc<Registry>,
    /// Whether every request is an admin's. For a demo on loopback only.
    pub open: bool,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

/// The shared state; cheap to clone.
#[derive(Clone)]
pub(crate) struct App(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) settings: Settings,
    pub(crate) parts: Parts,
    /// When the interface was put together.
    pub(crate) started: Timestamp,
    /// The node's topics that are not for everyone.
    pub(crate) names: Names,
    /// Who may connect to this interface.
    pub(crate) admission: Mutex<Admission>,
    /// Memory for bodies.
    pub(crate) buffers: Buffers,
    /// Places for reads from disk.
    pub(crate) offload: Offload,
    /// Places for requests.
    pub(crate) requests: Arc<Semaphore>,
    /// Places for live streams.
    pub(crate) streams: Arc<Semaphore>,
    /// Live sessions.
    pub(crate) sessions: Sessions,
    /// Places for exports of history.
    pub(crate) exports: Arc<Semaphore>,
    /// Names for requests.
    pub(crate) request_ids: RequestIds,
    /// Cancelled when the interface stops.
    pub(crate) stopping: CancellationToken,
    /// The OpenAPI document.
    pub(crate) openapi: bytes::Bytes,
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    pub(crate) fn new(
        settings: Settings,
        parts: Parts,
        openapi: bytes::Bytes,
        stopping: CancellationToken,
    ) -> Self {
        let names = Names::new(parts.views.node().clone());
        Self(Arc::new(Inner {
            admission: Mutex::new(Admission::new(settings.admission())),
            buffers: Buffers::new(settings.bodies_limit.as_usize()),
            offload: Offload::new(settings.history_reads, settings.request_timeout.into()),
            requests: Arc::new(Semaphore::new(settings.max_requests)),
            streams: Arc::new(Semaphore::new(settings.max_streams)),
            sessions: Sessions::default(),
            exports: Arc::new(Semaphore::new(settings.max_exports)),
            request_ids: RequestIds::new(),
            started: parts.clock.wall(),
            settings,
            parts,
            names,
            stopping,
            openapi,
        }))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.parts.clock.wall()
    }

    pub(crate) fn monotonic(&self) -> Instant {
        self.parts.clock.monotonic()
    }

    /// Counts a request without a valid token against its source.
    pub(crate) fn bad_token(&self, source: Option<IpAddr>) {
        self.parts.metrics.bad_tokens.inc();
        let Some(source) = source else { return };
        let banned = self
            .admission
            .lock()
            .offence(self.monotonic(), source, Offence::BadToken);
        if banned {
            tracing::warn!(%source, "banned from HTTP for too many requests without a valid token");
        }
    }

    /// Who does something now.
    pub(crate) fn author(&self, identity: &Identity) -> Author {
        Author {
            by: identity.by(),
            at: self.now(),
        }
    }

    /// The audit record of what `author` does.
    pub(crate) fn audit(
        &self,
        author: &Author,
        what: &str,
        action: &str,
        target: &str,
        detail: serde_json::Value,
    ) -> Result<Fact, Problem> {
        let fact = author.audit(&self.names.node, what, action, target, detail);
        fact.map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))
    }
}

/// Topics below the node's path that have a meaning of their own.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    /// The node's path.
    pub(crate) node: Topic,
    /// `<node>/devices`.
    pub(crate) devices: String,
    /// Where cases stand.
    pub(crate) alarms: Topics,
    /// `<node>/system`: hidden from all but admins.
    pub(crate) system: String,
}

impl Names {
    pub(crate) fn new(node: Topic) -> Self {
        Self {
            devices: format!("{node}/{}", spica_devices::DEVICES),
            alarms: Topics::new(node.clone()),
            system: format!("{node}/system"),
            node,
        }
    }
}
