//! The station as a whole: listening, restoring, stopping.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use spica_admission::{Admission, Refusal};
use spica_clock::SharedClock;
use spica_front::{
    Arrival, ClientRoots, Front, FrontDeps, Listen, ListenError, Pipe, Rules, Stopped, TlsFiles,
    WebSocket,
};
use spica_journal::SharedJournal;
use spica_model::{Lane, Topic};
use spica_mqtt_access::MqttControl;
use spica_mqtt_proto::Limits;
use spica_mqtt_routes::{Limits as RouteLimits, Routes, Shares};
use spica_role::SharedRole;
use spica_views::{DeviceService, Views};
use tokio_util::task::AbortOnDropHandle;

use crate::access::SharedAccess;
use crate::config::{Settings, TlsSettings};
use crate::connection::serve;
use crate::control::Control;
use crate::device::answers::{self, Answers};
use crate::gate::GateError;
use crate::metrics::Metrics;
use crate::mount::Mount;
use crate::router::Router;
use crate::station::{Made, Station};
use crate::{keeper, restore};

/// How long each step before the station may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// What the listeners are called.
const TCP: &str = "MQTT station";
const TLS: &str = "MQTT station (TLS)";
const WEB_SOCKET: &str = "MQTT station (WebSocket)";
/// Bytes of a WebSocket frame at most: packets may span frames, and frames hold many packets.
const WEB_SOCKET_FRAME_BYTES: usize = 16 << 20;
/// How often it is looked whether the views have caught up.
const LOOK: Duration = Duration::from_millis(2);

/// The parts of the node that a station works with.
pub struct Deps {
    /// Where records go.
    pub journal: SharedJournal,
    /// What is retained and kept.
    pub views: Arc<Views>,
    /// Who writes what becomes of commands to devices.
    pub devices: Arc<DeviceService>,
    /// Whether this node serves.
    pub role: SharedRole,
    /// Who decides about new connections.
    pub admission: Arc<Mutex<Admission>>,
    /// The time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: Metrics,
    /// Who may come, and what they may do.
    pub access: SharedAccess,
    /// The node below which the topics are.
    pub node: Topic,
    /// The directory from which relative paths of the settings count.
    pub base: PathBuf,
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// Where a station listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Addresses {
    /// Over TCP.
    pub tcp: Option<SocketAddr>,
    /// With TLS.
    pub tls: Option<SocketAddr>,
    /// Over WebSocket.
    pub websocket: Option<SocketAddr>,
}

/// Why a station cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on, or certificates cannot be used.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Who may come cannot be decided.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The system gives no thread.
    #[error("the MQTT station gets no thread from the system: {0}")]
    Thread(std::io::Error),
}

impl StartError {
    /// Whether an address cannot be listened on.
    #[must_use]
    pub const fn is_address(&self) -> bool {
        matches!(self, Self::Listen(ListenError::Bind { .. }))
    }
}

/// A running station.
#[derive(Debug)]
pub struct Server {
    station: Arc<Station>,
    front: Front,
    addresses: Addresses,
    router: Arc<Mutex<Option<JoinHandle<()>>>>,
    _keeper: AbortOnDropHandle<()>,
    _answers: AbortOnDropHandle<()>,
    _opener: AbortOnDropHandle<()>,
}

impl Server {
    /// Starts to listen; clients are answered when the sessions that were kept are there. To be
    /// called in a tokio runtime with time and I/O.
    ///
    /// # Errors
    /// If an address cannot be listened on, or certificate and key cannot be used.
    pub fn start(settings: &Settings, deps: Deps) -> Result<Self, StartError> {
        let limits = settings.sessions.limits();
        let front = Front::new(
            FrontDeps {
                admission: Arc::clone(&deps.admission),
                role: Arc::clone(&deps.role),
                clock: Arc::clone(&deps.clock),
                metrics: deps.metrics.front.clone(),
            },
            Rules {
                balancers: settings.proxy_protocol_from.clone(),
                patience: PATIENCE,
                gone: "client-closed",
                greets_when_passive: true,
            },
        );
        let (answers, answered) = Answers::new();
        let settling = answers::run(answered, Arc::clone(&deps.devices), deps.metrics.clone());
        let station = Arc::new(Station::new(Made {
            journal: deps.journal,
            views: deps.views,
            devices: deps.devices,
            answers,
            check_in_every_ms: settings.devices.check_in_every_ms(),
            clock: deps.clock,
            role: deps.role,
            metrics: deps.metrics,
            access: deps.access,
            mount: Mount::new(deps.node),
            packets: Limits {
                packet_bytes: limits.packet_bytes.get(),
                ..Limits::default()
            },
            limits,
            routes: Routes::new(RouteLimits::default(), Shares::default()),
        }));
        let addresses = listen(&front, &station, settings, &deps.base)?;
        let router = Arc::new(Mutex::new(None));
        let opener = tokio::spawn(open(Arc::clone(&station), Arc::clone(&router)));
        let keeper = tokio::spawn(keeper::run(Arc::clone(&station)));
        let settling = tokio::spawn(settling);
        Ok(Self {
            station,
            front,
            addresses,
            router,
            _keeper: AbortOnDropHandle::new(keeper),
            _answers: AbortOnDropHandle::new(settling),
            _opener: AbortOnDropHandle::new(opener),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// What operators see of it, and what they may do.
    #[must_use]
    pub fn control(&self) -> Arc<dyn MqttControl> {
        Arc::new(Control(Arc::clone(&self.station)))
    }

    /// Takes a client in memory as if it had come from `remote`.
    ///
    /// # Errors
    /// If admission refuses it.
    pub fn attach(&self, pipe: Pipe, remote: SocketAddr) -> Result<(), Refusal> {
        let station = Arc::clone(&self.station);
        let serve = move |arrival: Arrival| serve(Arc::clone(&station), arrival);
        self.front.attach(pipe, remote, serve)
    }

    /// How many clients are connected.
    #[must_use]
    pub fn connected(&self) -> usize {
        self.station.sessions.connected()
    }

    /// Stops: tells the clients, writes down how their sessions stand.
    pub async fn stop(self, deadline: Duration) -> Stopped {
        let stopped = self.front.stop(deadline).await;
        self.station.stopping.store(true, Ordering::Release);
        self.station.orders.wake();
        let router = self.router.lock().take();
        if let Some(router) = router
            && router.join().is_err()
        {
            tracing::error!("the thread of the MQTT station has panicked");
        }
        stopped
    }
}

fn listen(
    front: &Front,
    station: &Arc<Station>,
    settings: &Settings,
    base: &std::path::Path,
) -> Result<Addresses, ListenError> {
    let on = |listen: Listen| {
        let station = Arc::clone(station);
        front.listen(listen, move |arrival: Arrival| {
            serve(Arc::clone(&station), arrival)
        })
    };
    let plain = |name, address| Listen {
        name,
        address,
        tls: None,
        web_socket: None,
    };
    let tcp = settings.listen.map(|address| on(plain(TCP, address)));
    let websocket = settings.websocket.map(|address| {
        on(Listen {
            web_socket: Some(WebSocket {
                path: "/mqtt".into(),
                protocols: &["mqtt", "mqttv3.1"],
                frame_bytes: WEB_SOCKET_FRAME_BYTES,
            }),
            ..plain(WEB_SOCKET, address)
        })
    });
    let tls = settings.tls.as_ref().map(|tls| {
        on(Listen {
            tls: Some(files(tls, base)),
            ..plain(TLS, tls.listen)
        })
    });
    let addresses = Addresses {
        tcp: tcp.transpose()?,
        tls: tls.transpose()?,
        websocket: websocket.transpose()?,
    };
    let named = [
        (TCP, addresses.tcp),
        (TLS, addresses.tls),
        (WEB_SOCKET, addresses.websocket),
    ];
    let ports = named.into_iter();
    let ports = ports.filter_map(|(name, address)| Some((name, address?.port())));
    station.set_ports(ports.collect());
    Ok(addresses)
}

fn files(tls: &TlsSettings, base: &std::path::Path) -> TlsFiles {
    TlsFiles {
        certificate: tls.certificate.resolve(base),
        key: tls.key.resolve(base),
        clients: tls.client_roots.as_ref().map(|roots| ClientRoots {
            roots: roots.resolve(base),
            revoked: None,
            are_required: tls.client_certificate_required,
        }),
    }
}

/// Puts back the sessions when the node serves and shows all that was placed before, and begins to
/// route.
async fn open(station: Arc<Station>, router: Arc<Mutex<Option<JoinHandle<()>>>>) {
    station.role.began().await;
    let goal = Lane::ALL.map(|lane| station.journal.status(lane).last);
    loop {
        let applied = station.views.status().applied;
        if Lane::ALL
            .iter()
            .all(|lane| applied[lane.index()] >= goal[lane.index()])
        {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    let mut made = Router::new(Arc::clone(&station));
    let sessions = restore::restore(&station);
    made.restore_groups();
    let thread = std::thread::Builder::new()
        .name("mqtt-router".into())
        .spawn(move || made.run());
    match thread {
        Ok(thread) => *router.lock() = Some(thread),
        Err(error) => {
            tracing::error!(%error, "the MQTT station gets no thread from the system");
            return;
        }
    }
    if sessions > 0 {
        tracing::info!(sessions, "MQTT sessions are back");
    }
    station.ready.send_replace(true);
}
