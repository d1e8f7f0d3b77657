//! The MQTT station of a node.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use spica_admission::Admission;
use spica_clock::SharedClock;
use spica_journal::SharedJournal;
use spica_role::SharedRole;
use spica_station_mqtt as mqtt;
use spica_views::Views;

use crate::config::Config;
use crate::{Access, NodeError};

/// The parts that the station works with.
pub(crate) struct Parts {
    pub(crate) journal: SharedJournal,
    pub(crate) views: Arc<Views>,
    pub(crate) role: SharedRole,
    pub(crate) clock: SharedClock,
    pub(crate) metrics: mqtt::Metrics,
}

/// Starts the station, if it is wanted.
pub(crate) fn start(
    config: &Config,
    access: Access,
    parts: Parts,
) -> Result<Option<mqtt::Server>, NodeError> {
    let Some(settings) = &config.mqtt else {
        return Ok(None);
    };
    let _ = access;
    let deps = mqtt::Deps {
        journal: parts.journal,
        views: parts.views,
        role: parts.role,
        admission: Arc::new(Mutex::new(Admission::new(
            config.identicom.admission.limits(),
        ))),
        clock: parts.clock,
        metrics: parts.metrics,
        access: Arc::new(mqtt::Open),
        node: config.node.path.clone(),
        base: PathBuf::new(),
    };
    Ok(Some(mqtt::Server::start(settings, deps)?))
}
