//! What the journal counts and measures.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use spica_model::Lane;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LaneLabel {
    lane: &'static str,
}

type Histograms = Family<LaneLabel, Histogram, fn() -> Histogram>;

/// One line per metric: a family with a label for the lane, and each lane's own handle to it.
macro_rules! metrics {
    ($($field:ident: $type:ident, $help:literal;)+) => {
        #[derive(Debug, Clone, Default)]
        struct Families {
            $($field: Family<LaneLabel, $type>,)+
        }

        /// The metrics of one lane.
        #[derive(Debug, Clone)]
        pub(crate) struct LaneMetrics {
            $(pub(crate) $field: $type,)+
            pub(crate) commit_seconds: Histogram,
            pub(crate) batch_records: Histogram,
        }

        impl Families {
            fn register(&self, registry: &mut Registry) {
                $(registry.register(stringify!($field), $help, self.$field.clone());)+
            }
        }

        impl Metrics {
            /// The handles of one lane.
            pub(crate) fn lane(&self, lane: Lane) -> LaneMetrics {
                let label = LaneLabel { lane: lane.as_str() };
                LaneMetrics {
                    $($field: self.families.$field.get_or_create_owned(&label),)+
                    commit_seconds: self.commit_seconds.get_or_create_owned(&label),
                    batch_records: self.batch_records.get_or_create_owned(&label),
                }
            }
        }
    };
}

metrics! {
    commits: Counter, "Batches made durable";
    records: Counter, "Records made durable";
    written_bytes: Counter, "Bytes of batches made durable";
    duplicates: Counter, "Submitted records whose idempotency key was known";
    refused: Counter, "Submissions refused because the queue was full";
    keys_evicted: Counter, "Idempotency keys forgotten by count or age";
    damaged_ranges: Counter, "Ranges of records found damaged";
    torn_tails: Counter, "Torn tails cut when the lane was opened";
    sync_failures: Counter, "Flushes to disk that failed; the first one is fatal";
    segments_retired: Counter, "Segments removed by retention";
    gave_way: Counter, "Commits that waited for the critical lane to go first";
    queue_bytes: Gauge, "Bytes that wait for the disk";
    keys: Gauge, "Idempotency keys remembered";
    segments_prepared: Gauge, "Segments ready to be written";
    room_bytes: Gauge, "Bytes of prepared segments: what can be written on a full disk";
    segments_held: Gauge, "Segments past their retention that a cursor still needs";
    clock_stepped: Gauge, "1 while the clock is ahead of what can be believed and nothing is removed by age for it";
}

/// The metrics of both lanes. Clones share the numbers.
#[derive(Debug, Clone)]
pub struct Metrics {
    families: Families,
    commit_seconds: Histograms,
    batch_records: Histograms,
}

impl Metrics {
    /// Metrics that count from zero.
    #[must_use]
    pub fn new() -> Self {
        Self {
            families: Families::default(),
            commit_seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(50e-6, 2.0, 16))
            }),
            batch_records: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(1.0, 4.0, 10))
            }),
        }
    }

    /// Adds the metrics to `registry`, all with the label `lane`, under names that begin with
    /// `journal_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("journal");
        self.families.register(registry);
        let help = "Duration of a commit, from the write to the end of the flush";
        registry.register_with_unit("commit", help, Unit::Seconds, self.commit_seconds.clone());
        registry.register(
            "batch_records",
            "Records of a commit",
            self.batch_records.clone(),
        );
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
