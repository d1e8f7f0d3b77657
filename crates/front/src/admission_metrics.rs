//! What admission counts, as metrics.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use spica_admission::{Admission, Offence, Status};

use crate::metrics::{Reasons, count_many};

/// Shows how [`Admission`] stands whenever metrics are asked for.
#[derive(Debug)]
pub struct AdmissionCollector(Arc<Mutex<Admission>>);

impl AdmissionCollector {
    /// Makes what `admission` counts known to `registry`, with names that begin with its prefix and `admission_`.
    pub fn register(admission: Arc<Mutex<Admission>>, registry: &mut Registry) {
        registry
            .sub_registry_with_prefix("admission")
            .register_collector(Box::new(Self(admission)));
    }
}

impl Collector for AdmissionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let status = self.0.lock().status();
        encode_gauges(&status, &mut encoder)?;
        encode_counters(&status, &mut encoder)?;
        let offences = Reasons::default();
        for kind in Offence::ALL {
            count_many(&offences, kind.as_str(), status.offences_of(*kind));
        }
        put(
            &mut encoder,
            "offences",
            "What sources did wrong",
            &offences,
        )
    }
}

fn encode_gauges(status: &Status, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for (name, help, value) in [
        (
            "open",
            "Connections open, by the books of admission",
            status.open,
        ),
        ("sources", "Sources remembered", status.sources),
        ("bans", "Bans in force", status.bans),
    ] {
        let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
        put(encoder, name, help, &gauge)?;
    }
    Ok(())
}

fn encode_counters(status: &Status, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    for (name, help, value) in [
        ("banned", "Sources banned automatically", status.banned),
        (
            "sources_evicted",
            "Sources forgotten for lack of room",
            status.sources_evicted,
        ),
        (
            "bans_evicted",
            "Automatic bans lifted or not made for lack of room",
            status.bans_evicted,
        ),
    ] {
        put(encoder, name, help, &ConstCounter::new(value))?;
    }
    Ok(())
}

fn put(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)
}
