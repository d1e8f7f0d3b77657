//! What the hub counts.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use spica_live::{Counters, Levels};

/// The label of gaps.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

/// The reasons, in the order in which the engine counts them.
const REASONS: [&str; 4] = ["queue", "retention", "damaged", "unknown"];

/// The counters and gauges of live sessions.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    pub(crate) sessions: Counter,
    pub(crate) sessions_refused: Counter,
    pub(crate) ticks: Counter,
    pub(crate) received: Counter,
    pub(crate) lagged: Counter,
    pub(crate) catch_ups: Counter,
    pub(crate) scanned: Counter,
    gaps: Family<ByReason, Counter>,
    sums: Sums,
    levels: Gauges,
}

/// A counter of the engine: its name, what it says, and where it is found.
type Sum = (&'static str, &'static str, fn(&Counters) -> u64);

const SUMS: [Sum; 16] = [
    ("rows", "Rows sent", |it| it.rows),
    ("delta_rows", "Rows sent that say what has changed", |it| {
        it.delta_rows
    }),
    ("data_bytes", "Bytes of data frames sent", |it| it.bytes),
    (
        "full_bytes",
        "Bytes that data frames would have had with whole values",
        |it| it.bytes_full,
    ),
    ("conflated", "Values left out for a newer one", |it| {
        it.conflated
    }),
    (
        "resets",
        "Subscriptions that began anew with a snapshot",
        |it| it.resets,
    ),
    (
        "resumed",
        "Subscriptions that went on where their client had been",
        |it| it.resumed,
    ),
    (
        "lost",
        "Subscriptions ended since their promise could not be kept",
        |it| it.lost,
    ),
    ("refused", "Subscriptions refused", |it| it.refused),
    (
        "answers_dropped",
        "Answers dropped since their session did not take those it had",
        |it| it.answers_dropped,
    ),
    (
        "over_limit",
        "Topics left out of subscriptions that have too many",
        |it| it.over_limit,
    ),
    ("evicted", "Events removed from queues", |it| it.evicted),
    ("frames_built", "Data frames built", |it| it.built),
    (
        "frames_shared",
        "Data frames sent that were built for another session",
        |it| it.shared,
    ),
    ("replays", "Reads of the journal for a session", |it| {
        it.replays
    }),
    (
        "unusable",
        "Payloads that a window or a composition could not use",
        |it| it.unusable,
    ),
];

/// A level of the engine, as [`Sum`].
type Level = (&'static str, &'static str, fn(&Levels) -> usize);

const LEVELS: [Level; 10] = [
    ("sessions", "Sessions open", |it| it.sessions),
    ("subscriptions", "Subscriptions", |it| it.subs),
    ("groups", "Different subscriptions", |it| it.groups),
    ("topics", "Topics that subscriptions show", |it| it.topics),
    (
        "queue_bytes",
        "Bytes of events kept for slow sessions",
        |it| it.queue_bytes,
    ),
    ("cache_bytes", "Bytes of encoded rows kept", |it| {
        it.cache_bytes
    }),
    (
        "history_bytes",
        "Bytes of older values kept to send changes",
        |it| it.history_bytes,
    ),
    ("tombstones", "Deleted topics remembered", |it| {
        it.tombstones
    }),
    (
        "replay_bytes",
        "Bytes of records that were read again and wait",
        |it| it.replay_bytes,
    ),
    ("due", "Sessions woken that have not had their turn", |it| {
        it.due
    }),
];

#[derive(Debug, Clone)]
struct Sums([Counter; SUMS.len()]);

impl Default for Sums {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

#[derive(Debug, Clone)]
struct Gauges([Gauge; LEVELS.len()]);

impl Default for Gauges {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Gauge::default()))
    }
}

impl Metrics {
    /// Makes them known to `registry`, with names that begin with `live_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("live");
        for ((name, help, _), gauge) in LEVELS.iter().zip(&self.levels.0) {
            registry.register(*name, *help, gauge.clone());
        }
        for ((name, help, _), counter) in SUMS.iter().zip(&self.sums.0) {
            registry.register(*name, *help, counter.clone());
        }
        for reason in REASONS {
            self.gap(reason, 0);
        }
        registry.register("gaps", "Gaps said to subscriptions", self.gaps.clone());
        let mut counter = |name: &str, help: &str, counter: &Counter| {
            registry.register(name, help, counter.clone());
        };
        counter("sessions_opened", "Sessions opened", &self.sessions);
        counter(
            "sessions_refused",
            "Sessions refused since there were too many or they fell behind",
            &self.sessions_refused,
        );
        counter("ticks", "Looks at what has happened", &self.ticks);
        counter("batches", "Batches of the views received", &self.received);
        counter(
            "lagged",
            "Times that batches of the views were missed",
            &self.lagged,
        );
        counter(
            "catch_ups",
            "Times that missed records were read from the journal",
            &self.catch_ups,
        );
        counter(
            "scanned",
            "Records read from the journal for sessions",
            &self.scanned,
        );
    }

    fn gap(&self, reason: &'static str, times: u64) {
        self.gaps.get_or_create(&ByReason { reason }).inc_by(times);
    }

    /// Shows what the engine has counted since `before`, and how much it holds.
    pub(crate) fn publish(&self, before: &Counters, now: &Counters, levels: &Levels) {
        for ((_, _, of), counter) in SUMS.iter().zip(&self.sums.0) {
            counter.inc_by(of(now) - of(before));
        }
        for (at, reason) in REASONS.into_iter().enumerate() {
            self.gap(reason, now.gaps[at] - before.gaps[at]);
        }
        for ((_, _, of), gauge) in LEVELS.iter().zip(&self.levels.0) {
            gauge.set(i64::try_from(of(levels)).unwrap_or(i64::MAX));
        }
    }
}
