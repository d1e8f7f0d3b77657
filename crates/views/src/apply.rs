//! What happens to a chunk of records: folded, counted, published.

use std::collections::BTreeSet;

use spica_model::{Lane, Record, Seq};

use crate::checkpoint::Mark;
use crate::folds::Meaning;
use crate::shared::Shared;

/// How many records are folded under one write lock: some hundred microseconds.
const SECTION_RECORDS: usize = 256;

/// What happens to restated records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restatements {
    /// They are folded as their originals, which the views may never have seen.
    Folded,
    /// The views have seen all originals: nothing is to be learned from copies.
    Known,
}

/// Why records cannot be folded.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Miss {
    /// Retention removed them.
    Gap,
    /// They are damaged on disk.
    Damage,
}

impl Shared {
    /// Folds records of a lane, publishes them and wakes who watches their devices. The new mark.
    pub(crate) fn fold(
        &self,
        lane: Lane,
        records: Vec<Record>,
        restatements: Restatements,
    ) -> Option<Mark> {
        let mut touched = BTreeSet::new();
        for section in records.chunks(SECTION_RECORDS) {
            let facts = section
                .iter()
                .filter(|record| restatements == Restatements::Folded || !record.is_restated());
            let meant: Vec<_> = facts
                .map(Record::fact)
                .map(|fact| (self.meaning(&fact), fact))
                .collect();
            let mut folds = self.folds.write();
            for (meaning, fact) in meant {
                folds.apply(&self.node, &fact, meaning, &mut touched);
            }
        }
        self.metrics
            .applied
            .get_or_create(&lane.into())
            .inc_by(records.len() as u64);
        self.count();
        let last = records.last()?.clone();
        if self.live.receiver_count() > 0 {
            // Nobody listens any more: then nobody misses it.
            let _ = self.live.send(records.into());
        }
        self.watches.wake(touched);
        Some(Mark {
            seq: last.position.seq,
            last: Some(last),
        })
    }

    fn meaning(&self, record: &Record) -> Meaning {
        let (meaning, error) = Meaning::of(self.node.as_str(), record);
        if let Some(error) = error {
            tracing::warn!(topic = %record.topic, position = %record.position, %error, "a device record cannot be read");
            self.undecodable(1);
        }
        meaning
    }

    /// Counts the records from `from` to `to`, which the views will never show.
    pub(crate) fn missed(&self, lane: Lane, from: Seq, to: Seq, miss: Miss) {
        let count = (to.0 + 1).saturating_sub(from.0);
        let mut trouble = self.trouble.lock();
        let (total, metric) = match miss {
            Miss::Gap => (&mut trouble.gap_records, &self.metrics.gap_records),
            Miss::Damage => (&mut trouble.damaged_records, &self.metrics.damaged_records),
        };
        *total += count;
        metric.get_or_create(&lane.into()).inc_by(count);
    }

    /// Sets the gauges to what the views hold.
    pub(crate) fn count(&self) {
        let gauge = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let (folds, metrics) = (self.folds.read(), &self.metrics);
        metrics.topics.set(gauge(folds.tree.topics()));
        metrics.tombstones.set(gauge(folds.tree.tombstones()));
        metrics.bytes.set(gauge(folds.tree.bytes()));
        metrics.devices.set(gauge(folds.registry.len()));
        metrics.commands.set(gauge(folds.commands.len()));
        metrics
            .commands_unsettled
            .set(gauge(folds.commands.len_unsettled()));
        metrics.watched_devices.set(gauge(self.watches.len()));
        let counted = metrics.over_limit.get();
        metrics
            .over_limit
            .inc_by(folds.tree.over_limit().saturating_sub(counted));
    }
}
