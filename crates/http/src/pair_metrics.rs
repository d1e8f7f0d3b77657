//! How a node stands in its pair, as metrics.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;
use spica_role::{SharedRole, Standing};

/// The gates there are: each is a label, one has the value 1.
const GATES: [&str; 3] = ["closed", "pair", "solo"];

/// Shows how a role stands whenever metrics are asked for. For nodes of a pair only.
pub struct PairCollector(SharedRole);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Acknowledges {
    gate: &'static str,
}

impl fmt::Debug for PairCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PairCollector")
    }
}

impl PairCollector {
    /// Makes how `role` stands known to `registry`, with names that begin with `pair_`.
    pub fn register(role: SharedRole, registry: &mut Registry) {
        registry
            .sub_registry_with_prefix("pair")
            .register_collector(Box::new(Self(role)));
    }
}

impl Collector for PairCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(standing) = self.0.standing() else {
            return Ok(());
        };
        for (name, help, value) in gauges(&standing, self.0.serves()) {
            let gauge = ConstGauge::new(value);
            let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
            gauge.encode(metric)?;
        }
        let gates = Family::<Acknowledges, Gauge>::default();
        for gate in GATES {
            let is_so = i64::from(gate == standing.gate);
            gates.get_or_create(&Acknowledges { gate }).set(is_so);
        }
        let help = "Whether it acknowledges not at all, when both have it, or alone";
        let metric = encoder.encode_descriptor("gate", help, None, gates.metric_type())?;
        gates.encode(metric)
    }
}

fn gauges(standing: &Standing, serves: bool) -> [(&'static str, &'static str, i64); 6] {
    let behind = i64::try_from(standing.behind).unwrap_or(i64::MAX);
    [
        ("active", "Whether the node serves", i64::from(serves)),
        (
            "partner_alive",
            "Whether the partner's heartbeats come",
            i64::from(standing.partner_alive),
        ),
        (
            "epoch",
            "The epoch in which the node is active or which it follows",
            i64::from(standing.epoch.0),
        ),
        (
            "behind",
            "Records that the passive lacks, as the active counts them",
            behind,
        ),
        (
            "complete",
            "Whether the passive has everything that is acknowledged",
            i64::from(standing.sync == "complete"),
        ),
        (
            "sound",
            "Whether the journal is without damage that only the partner can make good",
            i64::from(standing.sound),
        ),
    ]
}
