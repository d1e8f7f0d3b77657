//! What bridges count.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByBridge {
    bridge: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByLink {
    bridge: String,
    link: String,
}

/// The counters of bridges: one set for each that is configured.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    sent: Family<ByBridge, Counter>,
    taken: Family<ByBridge, Counter>,
    circles: Family<ByBridge, Counter>,
    refused: Family<ByBridge, Counter>,
    expired: Family<ByBridge, Counter>,
    connected: Family<ByLink, Gauge>,
}

/// Those of one bridge.
#[derive(Debug, Clone)]
pub(crate) struct OfBridge {
    pub(crate) sent: Counter,
    pub(crate) taken: Counter,
    pub(crate) circles: Counter,
    pub(crate) refused: Counter,
    pub(crate) expired: Counter,
}

impl Metrics {
    /// Makes them known to `registry`, with names that begin with `bridge_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("bridge");
        for (name, help, family) in [
            (
                "sent",
                "Records that the other side has acknowledged",
                &self.sent,
            ),
            (
                "taken",
                "Messages of the other side that are durable here",
                &self.taken,
            ),
            (
                "circles",
                "Records and messages that went no further since they had been there",
                &self.circles,
            ),
            (
                "refused",
                "Messages of the other side that can be no record, and were dropped",
                &self.refused,
            ),
            (
                "expired",
                "Records that were not sent since their time was over",
                &self.expired,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "connected",
            "1 while this connection (in-normal, out-critical and so on) stands, 0 while it does not",
            self.connected.clone(),
        );
    }

    pub(crate) fn of(&self, bridge: &str) -> OfBridge {
        let labels = ByBridge {
            bridge: bridge.to_owned(),
        };
        OfBridge {
            sent: self.sent.get_or_create(&labels).clone(),
            taken: self.taken.get_or_create(&labels).clone(),
            circles: self.circles.get_or_create(&labels).clone(),
            refused: self.refused.get_or_create(&labels).clone(),
            expired: self.expired.get_or_create(&labels).clone(),
        }
    }

    /// Whether a connection of a bridge stands.
    pub(crate) fn connected(&self, bridge: &str, link: &str) -> Gauge {
        let labels = ByLink {
            bridge: bridge.to_owned(),
            link: link.to_owned(),
        };
        self.connected.get_or_create(&labels).clone()
    }
}
