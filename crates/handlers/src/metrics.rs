//! What handlers count.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use spica_handler::State;
use spica_model::Lane;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ByPost {
    handler: String,
    lane: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByState {
    handler: String,
    lane: &'static str,
    state: &'static str,
}

type Seconds = Gauge<f64, AtomicU64>;

/// The counters and gauges of handlers and of the watch over the backlog.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    lag_records: Family<ByPost, Gauge>,
    lag_seconds: Family<ByPost, Seconds>,
    handled: Family<ByPost, Counter>,
    failures: Family<ByPost, Counter>,
    retries: Family<ByPost, Counter>,
    restarts: Family<ByPost, Counter>,
    gap_records: Family<ByPost, Counter>,
    damaged_records: Family<ByPost, Counter>,
    skipped: Family<ByPost, Counter>,
    dead_letters: Family<ByPost, Gauge>,
    state: Family<ByState, Gauge>,
    pub(crate) disk_free: Gauge,
    pub(crate) disk_full_seconds: Seconds,
    pub(crate) critical_unhandled_seconds: Seconds,
}

/// What one handler counts on one lane.
#[derive(Debug, Clone)]
pub(crate) struct PostMetrics {
    handler: String,
    lane: &'static str,
    pub(crate) lag_records: Gauge,
    pub(crate) lag_seconds: Seconds,
    pub(crate) handled: Counter,
    pub(crate) failures: Counter,
    pub(crate) retries: Counter,
    pub(crate) restarts: Counter,
    pub(crate) gap_records: Counter,
    pub(crate) damaged_records: Counter,
    pub(crate) skipped: Counter,
    pub(crate) dead_letters: Gauge,
    state: Family<ByState, Gauge>,
}

impl Metrics {
    pub(crate) fn of(&self, handler: &str, lane: Lane) -> PostMetrics {
        let post = ByPost {
            handler: handler.to_owned(),
            lane: lane.as_str(),
        };
        PostMetrics {
            handler: handler.to_owned(),
            lane: lane.as_str(),
            lag_records: self.lag_records.get_or_create(&post).clone(),
            lag_seconds: self.lag_seconds.get_or_create(&post).clone(),
            handled: self.handled.get_or_create(&post).clone(),
            failures: self.failures.get_or_create(&post).clone(),
            retries: self.retries.get_or_create(&post).clone(),
            restarts: self.restarts.get_or_create(&post).clone(),
            gap_records: self.gap_records.get_or_create(&post).clone(),
            damaged_records: self.damaged_records.get_or_create(&post).clone(),
            skipped: self.skipped.get_or_create(&post).clone(),
            dead_letters: self.dead_letters.get_or_create(&post).clone(),
            state: self.state.clone(),
        }
    }

    /// Makes them known to `registry`, with names that begin with `handler_` and `backlog_`.
    pub fn register(&self, registry: &mut Registry) {
        let handlers = registry.sub_registry_with_prefix("handler");
        self.register_lag(handlers);
        self.register_work(handlers);
        let backlog = registry.sub_registry_with_prefix("backlog");
        backlog.register(
            "disk_free_bytes",
            "Free space on the data directory's disk",
            self.disk_free.clone(),
        );
        backlog.register(
            "disk_full_seconds",
            "Seconds until the disk is full as it fills now; -1 if it does not",
            self.disk_full_seconds.clone(),
        );
        backlog.register(
            "critical_unhandled_seconds",
            "Age of the oldest critical record that not all consumers have done with",
            self.critical_unhandled_seconds.clone(),
        );
    }

    fn register_lag(&self, registry: &mut Registry) {
        registry.register(
            "lag_records",
            "Durable records that a handler has not handled",
            self.lag_records.clone(),
        );
        registry.register(
            "lag_seconds",
            "Age of the oldest record that a handler has not handled",
            self.lag_seconds.clone(),
        );
        registry.register(
            "dead_letters",
            "Dead letters kept",
            self.dead_letters.clone(),
        );
        registry.register("state", "1 for what a handler is at", self.state.clone());
    }

    fn register_work(&self, registry: &mut Registry) {
        for (name, help, counter) in [
            ("handled", "Records handled", &self.handled),
            ("failures", "Calls of handlers that failed", &self.failures),
            ("retries", "Attempts after a failure", &self.retries),
            (
                "restarts",
                "Handlers that crashed or hung and were made anew",
                &self.restarts,
            ),
            (
                "gap_records",
                "Records that retention removed before a handler came to them",
                &self.gap_records,
            ),
            (
                "damaged_records",
                "Records that were damaged on disk when a handler came to them",
                &self.damaged_records,
            ),
            (
                "skipped",
                "Records of handlers themselves that a handler could not handle",
                &self.skipped,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
    }
}

impl PostMetrics {
    pub(crate) fn show(&self, state: State) {
        for each in State::ALL {
            let labels = ByState {
                handler: self.handler.clone(),
                lane: self.lane,
                state: each.as_str(),
            };
            let gauge = self.state.get_or_create(&labels);
            gauge.set(i64::from(each == state));
        }
    }
}
