//! What the desk counts.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use spica_alerts::Outcome;
use spica_cases::Severity;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Attempt {
    channel: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSeverity {
    severity: &'static str,
}

/// What the desk counts; cheap to clone.
#[derive(Debug, Clone)]
pub struct Metrics {
    attempts: Family<Attempt, Counter>,
    open: Family<OfSeverity, Gauge>,
    pub(crate) decided: Counter,
    pub(crate) unreadable: Counter,
    pub(crate) behind: Gauge,
    pub(crate) orders: Counter,
    pub(crate) orders_refused: Counter,
    notify: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let bounds = [
            0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0,
        ];
        Self {
            attempts: Family::default(),
            open: Family::default(),
            decided: Counter::default(),
            unreadable: Counter::default(),
            behind: Gauge::default(),
            orders: Counter::default(),
            orders_refused: Counter::default(),
            notify: Histogram::new(bounds),
        }
    }
}

impl Metrics {
    /// Makes them known to `registry`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("desk");
        registry.register(
            "attempts",
            "Attempts to send a message, by channel and by what became of them",
            self.attempts.clone(),
        );
        registry.register(
            "open_cases",
            "Cases that are not closed, by severity",
            self.open.clone(),
        );
        registry.register(
            "records",
            "Records of the journal on which the desk has decided",
            self.decided.clone(),
        );
        registry.register(
            "unreadable_records",
            "Records that were gone or damaged before the desk could decide on them",
            self.unreadable.clone(),
        );
        registry.register(
            "behind_records",
            "Records that are durable and that the desk has not decided on",
            self.behind.clone(),
        );
        registry.register(
            "orders",
            "Orders of people that were carried out",
            self.orders.clone(),
        );
        registry.register(
            "orders_refused",
            "Orders of people that could not be carried out",
            self.orders_refused.clone(),
        );
        registry.register_with_unit(
            "event_to_notice",
            "From the time a record was received to the first message about its case leaving",
            Unit::Seconds,
            self.notify.clone(),
        );
    }

    pub(crate) fn attempted(&self, channel: &str, outcome: &Outcome) {
        let outcome = match outcome {
            Outcome::Delivered { .. } => "delivered",
            Outcome::Retry { .. } => "retry",
            Outcome::Refused { .. } => "refused",
        };
        let channel = channel.to_owned();
        self.attempts
            .get_or_create(&Attempt { channel, outcome })
            .inc();
    }

    pub(crate) fn left_after(&self, took: Duration) {
        self.notify.observe(took.as_secs_f64());
    }

    /// How many cases of each severity are open.
    pub(crate) fn open(&self, counts: &[(Severity, usize)]) {
        for (severity, count) in counts {
            let severity = severity.as_str();
            let gauge = self.open.get_or_create(&OfSeverity { severity });
            gauge.set(i64::try_from(*count).unwrap_or(i64::MAX));
        }
    }
}
