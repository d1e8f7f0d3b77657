//! What the host counts.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use spica_sparkplug::Counts;

macro_rules! counters {
    ($($name:ident: $help:literal),+ $(,)?) => {
        /// The counters of the host.
        #[derive(Debug, Clone, Default)]
        pub struct Metrics {
            edges_online: Gauge,
            $($name: Counter,)+
        }

        impl Metrics {
            /// Makes them known to `registry`, with names that begin with `sparkplug_`.
            pub fn register(&self, registry: &mut Registry) {
                let registry = registry.sub_registry_with_prefix("sparkplug");
                let help = "Edge nodes that are online";
                registry.register("edges_online", help, self.edges_online.clone());
                $(registry.register(stringify!($name), $help, self.$name.clone());)+
            }

            /// Adds what a machine has counted, of which `online` edge nodes are online.
            pub(crate) fn add(&self, counts: &Counts, online: usize) {
                self.edges_online.set(i64::try_from(online).unwrap_or(i64::MAX));
                $(self.$name.inc_by(counts.$name);)+
            }
        }
    };
}

counters! {
    births: "Births of edge nodes and devices",
    deaths: "Deaths of edge nodes and devices",
    deaths_ignored: "Deaths of sessions that were over already",
    gaps: "Times that a message of an edge node was missing",
    late: "Messages that came after they had been given up, or twice",
    unborn: "Messages of edge nodes and devices that had not said what they are",
    unknown: "Values of metrics that no birth has named",
    rebirths: "Births that were asked for",
    rebirths_held_back: "Births that were not asked for, since one had just been",
    undecodable: "Payloads that cannot be read",
    values: "Values that became states",
    historical: "Values of the past that became events",
    transient: "Values that are not to be stored",
    unsupported: "Values without a JSON form, or with one that is too large",
    refused: "Edge nodes, devices and metrics beyond a limit, or with names that no topic can have",
}
