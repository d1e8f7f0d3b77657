//! What the thread looks after now and then.

use spica_journal::FollowError;
use spica_model::{Lane, Place, Seq};

use super::Runner;

impl Runner {
    /// What the views have passed over without a batch: ranges that cannot be read, at the end of a
    /// lane. And what is told to others now and then.
    pub(super) fn look_after(&mut self) -> Result<(), FollowError> {
        if self.pending.is_empty() && self.batches.is_empty() {
            let shown = self.shared.views.status().applied;
            for lane in Lane::ALL {
                let to = shown[lane.index()];
                // A batch may have come since; then this is said by it.
                if to > self.heads[lane.index()] && self.batches.is_empty() {
                    self.read(lane, to)?;
                }
            }
        }
        let floor = self.floor();
        let (counters, levels) = self.shared.with(|core, _| {
            core.engine.set_floor(&floor);
            (*core.engine.counters(), core.engine.levels())
        });
        self.shared
            .metrics
            .publish(&self.counted, &counters, &levels);
        self.counted = counters;
        Ok(())
    }

    /// From which place on everything is known that matters to who comes back.
    fn floor(&self) -> Place {
        let (oldest, most) = (self.shared.oldest(), self.shared.tombstones());
        let tail = self.shared.tail.lock();
        let [critical, normal] = Lane::ALL.map(|lane| {
            let least = self.heads[lane.index()].0.saturating_sub(most);
            let since = tail.since(lane, oldest);
            let seq = since.map_or(u64::MAX, |since| since.0.max(least));
            (self.shared.journal.status(lane).epoch, Seq(seq))
        });
        Place::new(critical, normal)
    }
}
