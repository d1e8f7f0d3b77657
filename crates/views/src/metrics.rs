//! What the views count.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use spica_model::Lane;

/// The label of what is counted per lane.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByLane {
    lane: &'static str,
}

impl From<Lane> for ByLane {
    fn from(lane: Lane) -> Self {
        Self {
            lane: lane.as_str(),
        }
    }
}

/// The counters and gauges of the views.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) applied: Family<ByLane, Counter>,
    pub(crate) gap_records: Family<ByLane, Counter>,
    pub(crate) damaged_records: Family<ByLane, Counter>,
    pub(crate) undecodable: Counter,
    restated: Family<ByLane, Counter>,
    restated_bytes: Family<ByLane, Counter>,
    pub(crate) over_limit: Counter,
    pub(crate) topics: Gauge,
    pub(crate) tombstones: Gauge,
    pub(crate) bytes: Gauge,
    pub(crate) devices: Gauge,
    pub(crate) commands: Gauge,
    pub(crate) commands_unsettled: Gauge,
    pub(crate) watched_devices: Gauge,
    pub(crate) checkpoints: Counter,
    pub(crate) checkpoint_failures: Counter,
    pub(crate) checkpoint_topics: Counter,
    pub(crate) checkpoints_discarded: Counter,
}

impl Metrics {
    /// Makes them known to `registry`, with names that begin with `views_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("views");
        self.register_folding(registry);
        self.register_contents(registry);
        self.register_checkpoints(registry);
    }

    /// Counts durable copies.
    pub(crate) fn restated(&self, lane: Lane, copies: usize, bytes: usize) {
        let count = |family: &Family<ByLane, Counter>, n: usize| {
            family.get_or_create(&lane.into()).inc_by(n as u64);
        };
        count(&self.restated, copies);
        count(&self.restated_bytes, bytes);
    }

    fn register_folding(&self, registry: &mut Registry) {
        let mut lanes = |name: &str, help: &str, metric: &Family<ByLane, Counter>| {
            registry.register(name, help, metric.clone());
        };
        lanes("records", "Records folded", &self.applied);
        lanes(
            "gap_records",
            "Records gone before they were folded",
            &self.gap_records,
        );
        lanes(
            "damaged_records",
            "Records damaged on disk",
            &self.damaged_records,
        );
        // Shown from the beginning: nothing restated for long is worth a look, too.
        for lane in Lane::ALL {
            self.restated(lane, 0, 0);
        }
        lanes(
            "restated",
            "Records appended again before retention removed them",
            &self.restated,
        );
        lanes(
            "restated_bytes",
            "Payload bytes of records appended again",
            &self.restated_bytes,
        );
        let mut counter = |name: &str, help: &str, metric: &Counter| {
            registry.register(name, help, metric.clone());
        };
        counter(
            "undecodable",
            "Device records whose payload is none",
            &self.undecodable,
        );
        counter(
            "over_limit",
            "Records left out of a full state tree",
            &self.over_limit,
        );
    }

    fn register_contents(&self, registry: &mut Registry) {
        let mut gauge = |name: &str, help: &str, metric: &Gauge| {
            registry.register(name, help, metric.clone());
        };
        gauge("topics", "Topics with a value", &self.topics);
        gauge("tombstones", "Tombstones remembered", &self.tombstones);
        gauge(
            "state_bytes",
            "Memory of the state tree, about",
            &self.bytes,
        );
        gauge("devices", "Devices registered", &self.devices);
        gauge("commands", "Commands kept", &self.commands);
        gauge(
            "commands_unsettled",
            "Commands queued or sent",
            &self.commands_unsettled,
        );
        gauge(
            "watched_devices",
            "Devices that a connection watches",
            &self.watched_devices,
        );
    }

    fn register_checkpoints(&self, registry: &mut Registry) {
        let mut counter = |name: &str, help: &str, metric: &Counter| {
            registry.register(name, help, metric.clone());
        };
        counter("checkpoints", "Checkpoints written", &self.checkpoints);
        counter(
            "checkpoint_failures",
            "Checkpoints that failed",
            &self.checkpoint_failures,
        );
        counter(
            "checkpoint_topics",
            "Topics written to checkpoints",
            &self.checkpoint_topics,
        );
        counter(
            "checkpoints_discarded",
            "Checkpoints set aside at a start",
            &self.checkpoints_discarded,
        );
    }
}
