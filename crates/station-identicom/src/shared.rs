//! What the connections of the station share.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use spica_admission::Admission;
use spica_clock::SharedClock;
use spica_identicom_proto::profile::Profile;
use spica_journal::{CommitError, SharedJournal, SubmitError, Watermark};
use spica_model::{Lane, Topic};
use spica_objects::PictureStore;
use spica_role::SharedRole;
use spica_views::{DeviceService, Views};

use crate::metrics::Metrics;

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
}

impl Shared {
    pub(crate) fn new(deps: Deps) -> Self {
        Self {
            watermarks: Lane::ALL.map(|lane| deps.journal.watermark(lane)),
            deps,
        }
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.deps.metrics
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
