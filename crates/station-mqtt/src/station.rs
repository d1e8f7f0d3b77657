//! What all parts of the station share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use spica_clock::SharedClock;
use spica_journal::{SharedJournal, Watermark};
use spica_model::{Lane, Seq, Timestamp};
use spica_mqtt::SessionLimits;
use spica_mqtt_proto::Limits;
use spica_mqtt_routes::Routes;
use spica_role::SharedRole;
use spica_views::{DeviceService, Views};
use tokio::sync::watch;

use crate::access::SharedAccess;
use crate::device::answers::Answers;
use crate::metrics::Metrics;
use crate::mount::Mount;
use crate::orders::Orders;
use crate::statistics::Statistics;
use crate::table::Table;

/// What all parts of the station share.
pub(crate) struct Station {
    pub(crate) journal: SharedJournal,
    pub(crate) views: Arc<Views>,
    pub(crate) devices: Arc<DeviceService>,
    /// What devices answer to their commands.
    pub(crate) answers: Answers,
    /// How often what a device publishes is recorded as a check-in.
    pub(crate) check_in_every_ms: u64,
    pub(crate) clock: SharedClock,
    pub(crate) role: SharedRole,
    pub(crate) metrics: Metrics,
    pub(crate) access: SharedAccess,
    pub(crate) mount: Mount,
    pub(crate) watermarks: [Arc<Watermark>; 2],
    pub(crate) limits: SessionLimits,
    pub(crate) packets: Limits,
    pub(crate) routes: RwLock<Routes>,
    pub(crate) sessions: Table,
    pub(crate) orders: Orders,
    /// Up to where each lane has been given to the live sessions.
    routed: [AtomicU64; 2],
    next_connection: AtomicU64,
    /// What is said of it below `$SYS`.
    pub(crate) statistics: Statistics,
    /// The listeners by name, and their ports.
    ports: OnceLock<Vec<(&'static str, u16)>>,
    pub(crate) stopping: AtomicBool,
    /// Client ids whose records are to be deleted when the journal has room.
    pub(crate) unforgotten: Mutex<Vec<Arc<str>>>,
    /// Milliseconds count from here.
    start: Instant,
    /// Whether the sessions that are kept are there.
    pub(crate) ready: watch::Sender<bool>,
}

impl std::fmt::Debug for Station {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Station").finish_non_exhaustive()
    }
}

/// What a station is made of.
pub(crate) struct Made {
    pub(crate) journal: SharedJournal,
    pub(crate) views: Arc<Views>,
    pub(crate) devices: Arc<DeviceService>,
    pub(crate) answers: Answers,
    pub(crate) check_in_every_ms: u64,
    pub(crate) clock: SharedClock,
    pub(crate) role: SharedRole,
    pub(crate) metrics: Metrics,
    pub(crate) access: SharedAccess,
    pub(crate) mount: Mount,
    pub(crate) limits: SessionLimits,
    pub(crate) packets: Limits,
    pub(crate) routes: Routes,
}

impl Station {
    pub(crate) fn new(made: Made) -> Self {
        let clock = Arc::clone(&made.clock);
        Self {
            watermarks: Lane::ALL.map(|lane| made.journal.watermark(lane)),
            routed: Lane::ALL.map(|_| AtomicU64::new(0)),
            journal: made.journal,
            views: made.views,
            devices: made.devices,
            answers: made.answers,
            check_in_every_ms: made.check_in_every_ms,
            clock: made.clock,
            role: made.role,
            metrics: made.metrics,
            access: made.access,
            mount: made.mount,
            limits: made.limits,
            packets: made.packets,
            routes: RwLock::new(made.routes),
            sessions: Table::default(),
            orders: Orders::default(),
            next_connection: AtomicU64::new(1),
            statistics: Statistics::default(),
            ports: OnceLock::new(),
            stopping: AtomicBool::new(false),
            unforgotten: Mutex::default(),
            start: clock.monotonic(),
            ready: watch::Sender::new(false),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// Milliseconds since the station began.
    pub(crate) fn now_ms(&self) -> u64 {
        let since = self.clock.monotonic().saturating_duration_since(self.start);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// Says at which ports the listeners are; once.
    pub(crate) fn set_ports(&self, ports: Vec<(&'static str, u16)>) {
        // Said once, by whoever has made the listeners.
        let _ = self.ports.set(ports);
    }

    /// The port of a listener.
    pub(crate) fn port_of(&self, listener: &str) -> Option<u16> {
        let mut ports = self.ports.get()?.iter();
        ports
            .find(|(name, _)| *name == listener)
            .map(|(_, port)| *port)
    }

    /// A number that no connection has had.
    pub(crate) fn connection_id(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    /// How many connections were let in.
    pub(crate) fn connections(&self) -> u64 {
        self.next_connection.load(Ordering::Relaxed) - 1
    }

    /// Up to where each lane has been given to the live sessions, critical lane first.
    pub(crate) fn routed(&self) -> [Seq; 2] {
        Lane::ALL.map(|lane| Seq(self.routed[lane.index()].load(Ordering::Acquire)))
    }

    /// The router has given everything up to this place.
    pub(crate) fn set_routed(&self, lane: Lane, seq: Seq) {
        self.routed[lane.index()].store(seq.0, Ordering::Release);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}
