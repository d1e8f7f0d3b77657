//! What the hub counts.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters and gauges of live sessions.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) sessions: Gauge,
}

impl Metrics {
    /// Makes them known to `registry`, with names that begin with `live_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("live");
        registry.register("sessions", "Sessions open", self.sessions.clone());
    }
}
