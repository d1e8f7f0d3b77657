//! The MQTT station of a node.

use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use spica_admission::Admission;
use spica_clock::SharedClock;
use spica_http::{MqttParts, holder, holder_by_id};
use spica_journal::SharedJournal;
use spica_role::SharedRole;
use spica_station_mqtt as mqtt;
use spica_views::{DeviceService, Views};

use crate::config::Config;
use crate::{Access, NodeError, ReadConfig, reload};

/// What is there before the station starts, if it is wanted.
pub(crate) struct Prepared {
    settings: mqtt::Settings,
    metrics: mqtt::Metrics,
    admission: Arc<Mutex<Admission>>,
}

/// The parts that the station works with.
pub(crate) struct Parts {
    /// Reads the configuration again, if it can be read.
    pub(crate) read: Option<ReadConfig>,
    pub(crate) journal: SharedJournal,
    pub(crate) views: Arc<Views>,
    pub(crate) devices: Arc<DeviceService>,
    pub(crate) role: SharedRole,
    pub(crate) clock: SharedClock,
}

/// The node's tokens.
struct Tokens(Arc<Views>);

impl mqtt::Tokens for Tokens {
    fn holder(&self, token: &str) -> Option<mqtt::Holder> {
        holder(&self.0, token).map(shown)
    }

    fn by_id(&self, id: &str) -> Option<mqtt::Holder> {
        holder_by_id(&self.0, id).map(shown)
    }
}

fn shown(holder: spica_http::Holder) -> mqtt::Holder {
    mqtt::Holder {
        id: holder.id,
        name: holder.name,
        role: holder.role.as_str().to_owned(),
        serial: holder.serial,
    }
}

/// Makes what the station counts known, if it is wanted.
pub(crate) fn prepare(config: &Config, registry: &mut Registry) -> Option<Prepared> {
    let settings = config.mqtt.clone()?;
    let metrics = mqtt::Metrics::default();
    metrics.register(registry);
    let admission = Arc::new(Mutex::new(Admission::new(settings.admission.limits())));
    let below = registry.sub_registry_with_prefix("mqtt");
    spica_front::AdmissionCollector::register(Arc::clone(&admission), below);
    Some(Prepared {
        settings,
        metrics,
        admission,
    })
}

/// Starts the station, if it is wanted; with what the HTTP interface shows of it.
pub(crate) fn start(
    config: &Config,
    access: Access,
    prepared: Option<Prepared>,
    parts: Parts,
) -> Result<Option<(mqtt::Server, MqttParts)>, NodeError> {
    let Some(prepared) = prepared else {
        return Ok(None);
    };
    let gate = mqtt::GateDeps {
        views: Arc::clone(&parts.views),
        tokens: Arc::new(Tokens(Arc::clone(&parts.views))),
        clock: Arc::clone(&parts.clock),
        metrics: prepared.metrics.clone(),
        open: access == Access::Open,
        base: PathBuf::new(),
    };
    let gate = mqtt::Gate::new(&prepared.settings.access, gate).map_err(mqtt::StartError::from)?;
    let gate = match parts.read {
        Some(read) => gate.rereading(reload::settings(config, read)),
        None => gate,
    };
    let deps = mqtt::Deps {
        journal: parts.journal,
        views: parts.views,
        devices: parts.devices,
        role: parts.role,
        admission: Arc::clone(&prepared.admission),
        clock: parts.clock,
        metrics: prepared.metrics,
        access: Arc::new(gate),
        node: config.node.path.clone(),
        base: PathBuf::new(),
    };
    let server = mqtt::Server::start(&prepared.settings, deps)?;
    let shown = MqttParts {
        control: server.control(),
        admission: prepared.admission,
    };
    Ok(Some((server, shown)))
}
