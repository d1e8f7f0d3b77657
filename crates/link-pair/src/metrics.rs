//! What the pair counts, beside how it stands.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use spica_model::Timestamp;

use crate::reentry::Entered;

/// The counters and gauges of a node of a pair.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    reentered: Counter,
    reentered_late: Counter,
    reentered_known: Counter,
    pictures: Counter,
    picture_bytes: Counter,
    tls_not_after: Gauge,
}

impl Metrics {
    /// Makes them known to `registry`, with names that begin with `pair_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("pair");
        registry.register(
            "reentered_records",
            "Records that a node had taken in alone and that were entered again here as new ones",
            self.reentered.clone(),
        );
        registry.register(
            "reentered_late_records",
            "Those of them that are older than what their topic has, and stand below system/pair/late",
            self.reentered_late.clone(),
        );
        registry.register(
            "reentered_known_records",
            "Records that were put aside and were known here already",
            self.reentered_known.clone(),
        );
        registry.register(
            "pictures_copied",
            "Pictures that came from the partner",
            self.pictures.clone(),
        );
        registry.register(
            "pictures_copied_bytes",
            "Their bytes",
            self.picture_bytes.clone(),
        );
        registry.register(
            "tls_not_after_seconds",
            "When the certificate of the link expires, in Unix time",
            self.tls_not_after.clone(),
        );
    }

    pub(crate) fn entered(&self, entered: Entered) {
        self.reentered.inc_by(entered.entered.into());
        self.reentered_late.inc_by(entered.late.into());
        self.reentered_known.inc_by(entered.known.into());
    }

    pub(crate) fn picture_came(&self, bytes: usize) {
        self.pictures.inc();
        self.picture_bytes.inc_by(bytes as u64);
    }

    pub(crate) fn expires(&self, not_after: Timestamp) {
        self.tls_not_after.set(not_after.as_micros() / 1_000_000);
    }

    /// How many records were entered again, and how many were known.
    #[must_use]
    pub fn reentered(&self) -> (u64, u64) {
        (self.reentered.get(), self.reentered_known.get())
    }

    /// How many pictures came from the partner.
    #[must_use]
    pub fn pictures_copied(&self) -> u64 {
        self.pictures.get()
    }
}
