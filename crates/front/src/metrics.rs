//! What is counted of connections.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The label of what is counted per reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByReason {
    reason: &'static str,
}

/// A counter per reason.
pub(crate) type Reasons = Family<ByReason, Counter>;

/// The counters and gauges of a station's connections. Clones count together.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) open: Gauge,
    pub(crate) connections: Counter,
    pub(crate) refused: Reasons,
    pub(crate) accept_errors: Counter,
    pub(crate) closed: Reasons,
    pub(crate) proxy_errors: Counter,
    pub(crate) tls_errors: Counter,
    pub(crate) upgrade_errors: Counter,
}

/// Counts one more for `reason`.
pub(crate) fn count(family: &Reasons, reason: &'static str) {
    count_many(family, reason, 1);
}

/// Counts so many more for `reason`.
pub(crate) fn count_many(family: &Reasons, reason: &'static str, more: u64) {
    family.get_or_create(&ByReason { reason }).inc_by(more);
}

impl Metrics {
    /// Makes them known to `registry`, which is the station's: its prefix is theirs, as in
    /// `identicom_connections_open`.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "connections_open",
            "Connections open now",
            self.open.clone(),
        );
        registry.register(
            "connections",
            "Connections admitted",
            self.connections.clone(),
        );
        registry.register(
            "connections_refused",
            "Connections closed unheard",
            self.refused.clone(),
        );
        registry.register(
            "accept_errors",
            "Rests since the system could not accept",
            self.accept_errors.clone(),
        );
        registry.register(
            "connections_closed",
            "Connections ended",
            self.closed.clone(),
        );
        registry.register(
            "proxy_errors",
            "Balancer connections without a valid PROXY header",
            self.proxy_errors.clone(),
        );
        registry.register(
            "tls_errors",
            "TLS handshakes that failed",
            self.tls_errors.clone(),
        );
    }

    /// Makes known what only a station with WebSocket listeners counts.
    pub fn register_web_sockets(&self, registry: &mut Registry) {
        registry.register(
            "upgrade_errors",
            "Requests on WebSocket listeners that were answered with an error",
            self.upgrade_errors.clone(),
        );
    }
}
