//! What the connections of a station share.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use parking_lot::Mutex;
use spica_admission::{Admission, Offence, Refusal, Slot};
use spica_clock::SharedClock;
use spica_identicom_proto::profile::Profile;
use spica_journal::{CommitError, SharedJournal, SubmitError, Watermark};
use spica_model::{Lane, Topic};
use spica_objects::PictureStore;
use spica_role::SharedRole;
use spica_views::{DeviceService, Views};

use crate::metrics::{Metrics, count};
use crate::stop::Stop;

/// The parts of the node that a station works with.
#[derive(Clone)]
pub struct Deps {
    /// Where records go.
    pub journal: SharedJournal,
    /// What is known about devices.
    pub views: Arc<Views>,
    /// Who writes what becomes of commands.
    pub devices: Arc<DeviceService>,
    /// Whether this node serves: one of a pair only does while it is active.
    pub role: SharedRole,
    /// Where pictures go.
    pub pictures: PictureStore,
    /// Who decides about new connections; shared with whoever bans by hand.
    pub admission: Arc<Mutex<Admission>>,
    /// The time.
    pub clock: SharedClock,
    /// What is counted.
    pub metrics: Metrics,
    /// What the codes of the devices mean: [`crate::Settings::load_profile`].
    pub profile: Arc<Profile>,
    /// The node below which the devices' topics are.
    pub node: Topic,
    /// The directory from which relative paths of the settings count.
    pub base: PathBuf,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps")
            .field("node", &self.node)
            .finish_non_exhaustive()
    }
}

/// The same, with what the server adds.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) deps: Deps,
    pub(crate) watermarks: [Arc<Watermark>; 2],
    pub(crate) balancers: Vec<IpNet>,
    pub(crate) stop: Stop,
}

impl Shared {
    pub(crate) fn new(deps: Deps, balancers: Vec<IpNet>) -> Self {
        Self {
            watermarks: Lane::ALL.map(|lane| deps.journal.watermark(lane)),
            balancers,
            stop: Stop::default(),
            deps,
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.deps.metrics
    }

    pub(crate) fn is_balancer(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.balancers.iter().any(|net| net.contains(&ip))
    }

    /// How long a connection may take before its device has said who it is.
    pub(crate) fn handshake_timeout(&self) -> Duration {
        self.deps.profile.timeouts.idle
    }
}

/// The journal takes or commits nothing more; why is the node's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JournalFailed;

impl From<SubmitError> for JournalFailed {
    fn from(error: SubmitError) -> Self {
        if let SubmitError::Limit(error) = error {
            tracing::error!(%error, "a record of the station is refused: this is a fault of Spica");
        }
        Self
    }
}

impl From<CommitError> for JournalFailed {
    fn from(_: CommitError) -> Self {
        Self
    }
}

/// An admitted connection: it gives its slot back and counts itself out when it ends, however it
/// ends.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) shared: Arc<Shared>,
    /// Where the device dials from: the peer, or whom its balancer names.
    pub(crate) remote: SocketAddr,
    /// None while a balancer has not said for whom it speaks; offences are not its own then.
    source: Option<IpAddr>,
    slot: Option<Slot>,
}

impl Connection {
    /// Asks for a slot for a connection from `peer`.
    pub(crate) fn admit(shared: &Arc<Shared>, peer: SocketAddr) -> Result<Self, Refusal> {
        let now = shared.deps.clock.monotonic();
        let is_balancer = shared.is_balancer(peer.ip());
        let mut admission = shared.deps.admission.lock();
        let slot = if is_balancer {
            admission.admit_balancer(now)
        } else {
            admission.admit(now, peer.ip())
        };
        drop(admission);
        let slot =
            slot.inspect_err(|refusal| count(&shared.metrics().refused, refusal.as_str()))?;
        shared.metrics().connections.inc();
        shared.metrics().open.inc();
        Ok(Self {
            shared: Arc::clone(shared),
            remote: peer,
            source: (!is_balancer).then(|| peer.ip()),
            slot: Some(slot),
        })
    }

    /// The balancer speaks for `client`.
    pub(crate) fn name(&mut self, client: SocketAddr) -> Result<(), Refusal> {
        let Some(slot) = self.slot.take() else {
            return Ok(());
        };
        let now = self.shared.deps.clock.monotonic();
        let named = self
            .shared
            .deps
            .admission
            .lock()
            .name(now, slot, client.ip());
        let slot = named.inspect_err(|refusal| {
            count(&self.shared.metrics().refused, refusal.as_str());
        })?;
        (self.slot, self.remote, self.source) = (Some(slot), client, Some(client.ip()));
        Ok(())
    }

    /// Notes that its device was accepted.
    pub(crate) fn good(&self) {
        if let Some(source) = self.source {
            let now = self.shared.deps.clock.monotonic();
            self.shared.deps.admission.lock().good(now, source);
        }
    }

    /// Notes an offence.
    pub(crate) fn offence(&self, offence: Offence) {
        let Some(source) = self.source else {
            return;
        };
        let now = self.shared.deps.clock.monotonic();
        let banned = self
            .shared
            .deps
            .admission
            .lock()
            .offence(now, source, offence);
        if banned {
            tracing::warn!(%source, last = offence.as_str(), "a source is banned for its offences");
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            let now = self.shared.deps.clock.monotonic();
            self.shared.deps.admission.lock().release(now, slot);
        }
        self.shared.metrics().open.dec();
    }
}
