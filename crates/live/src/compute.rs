//! Computing: records are given to the windows of their topics, which say something when they close.

use std::sync::Arc;

use spica_model::{Record, Timestamp};

use crate::Engine;
use crate::derived::{Derived, Said, merged};
use crate::group::Group;
use crate::ingest::note;
use crate::store::Store;

impl Engine {
    /// Gives a record to the window of its topic.
    pub(crate) fn compute(
        &mut self,
        slot: u32,
        topic: u32,
        record: &Arc<Record>,
        news: &mut Vec<u32>,
    ) {
        let group = &mut self.groups[slot as usize];
        let Some(Derived::Windows(windows)) = group.derived.as_deref_mut() else {
            return;
        };
        let limits = &self.store.limits;
        let is_full = windows.values_with_one_more() > limits.window_values
            || group.states.iter().map(|lane| lane.len()).sum::<usize>() >= limits.topics;
        if is_full && !windows.knows(topic) {
            self.store.counters.over_limit += 1;
            return;
        }
        match windows.take(topic, record) {
            Ok(Some(said)) => {
                self.store.place_said(group, said);
                note(group, slot, news);
            }
            Ok(None) => {}
            Err(()) => self.store.counters.unusable += 1,
        }
    }

    pub(crate) fn close_windows(&mut self, slot: u32, wall: Timestamp, news: &mut Vec<u32>) {
        let group = &mut self.groups[slot as usize];
        let Some(Derived::Windows(windows)) = group.derived.as_deref_mut() else {
            return;
        };
        for said in windows.tick(wall) {
            self.store.place_said(group, said);
            note(group, slot, news);
        }
    }

    /// When the clock closes a window next.
    #[must_use]
    pub fn closes_at(&self) -> Option<Timestamp> {
        let windows = self.periodic.iter().filter_map(|slot| {
            match self.groups[*slot as usize].derived.as_deref()? {
                Derived::Windows(windows) => windows.closes_at(),
                Derived::Merged(_) => None,
            }
        });
        windows.min()
    }
}

impl Store {
    fn place_said(&mut self, group: &mut Group, said: Said) {
        let place = (said.lane, said.number);
        if self.place_state(group, said.topic, said.before, place) {
            group.updates += 1;
        }
    }

    /// Composes a patch with what its group has of the topic.
    pub(crate) fn merge(&mut self, group: &mut Group, topic: u32, record: &Arc<Record>) {
        let Some(Derived::Merged(all)) = group.derived.as_deref_mut() else {
            return;
        };
        let (record, is_composed) = merged(all.get(&topic), record);
        all.insert(topic, record);
        self.counters.unusable += u64::from(!is_composed);
    }
}
