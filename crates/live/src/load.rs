//! What the shell answers: what there is for a new group, what is known of a place, and records that
//! were read again.

use std::sync::Arc;

use spica_model::{Kind, Op, Record};

use crate::Engine;
use crate::ask::{GroupId, Past, Replayed, SubToken};
use crate::group::Group;
use crate::mark::join;
use crate::ring::Event;
use crate::subscription::{Checked, Sub};
use crate::topics::Version;

impl Engine {
    /// Gives a group some of the states that it wants, tombstones among them. They may be newer than
    /// what was taken in so far; a topic of which something newer is known is left as it is.
    pub fn load_states(&mut self, id: GroupId, records: &[Record]) {
        let Some(slot) = self.loading(id) else {
            return;
        };
        for record in records.iter().filter(|it| it.kind == Kind::State) {
            self.load_state(slot, record);
        }
    }

    fn load_state(&mut self, slot: u32, record: &Record) {
        let store = &mut self.store;
        let group = &mut self.groups[slot as usize];
        let idle = store.limits.idle_topics;
        let topic = store.topics.intern(&record.topic, idle);
        store.topics.hold(topic);
        let is_new = store.topics.get(topic).shown.is_none();
        if is_new {
            let (lane, seq) = (record.position.lane, record.position.seq.0);
            let version = Version {
                lane,
                seq,
                record: Arc::new(Record {
                    key: None,
                    cause: None,
                    topic: store.topics.get(topic).name.clone(),
                    ..record.clone()
                }),
                sent: false,
            };
            store.topics.show(topic, version, &store.limits);
        }
        if let Some(shown) = store.topics.get(topic).shown.clone() {
            let (lane, seq) = (shown.lane.index(), shown.seq);
            let is_there = group.states[lane].get(&seq) == Some(&topic);
            if !is_there && store.place_state(group, topic, None, (lane, seq)) {
                store.merge(group, topic, &shown.record);
                group.loaded[lane] = group.loaded[lane].max(seq);
            }
        }
        store.topics.release(topic, idle);
        if is_new
            && record.op == Op::Delete
            && let Some((gone, lane, seq)) = store.topics.bury(topic, store.limits.tombstones)
        {
            self.forget(gone, lane.index(), seq);
        }
    }

    /// Gives a group the events of a lane that came before it began: all that it wants from `after`
    /// on, in order. Called at most once for each lane.
    pub fn load_events(&mut self, id: GroupId, lane: usize, after: u64, past: Vec<Past>) {
        let Some(slot) = self.loading(id) else {
            return;
        };
        let (store, group) = (&mut self.store, &mut self.groups[slot as usize]);
        let born = group.born[lane];
        let Some(rings) = group.rings.as_mut().filter(|_| after <= born) else {
            return;
        };
        let idle = store.limits.idle_topics;
        let events = past.into_iter().filter_map(|it| match it {
            Past::Record(record) if record.position.seq.0 <= born => {
                let topic = store.topics.intern(&record.topic, idle);
                let number = store.topics.get(topic).number;
                Some((record.position.seq.0, Event::Record(record, number)))
            }
            Past::Hole(from, to, reason) if from <= born => {
                Some((from, Event::Hole(to.min(born), reason)))
            }
            _ => None,
        });
        let events = events.collect();
        let before = rings[lane].bytes();
        rings[lane].begin_with(after, events);
        store.queue_bytes += rings[lane].bytes() - before;
        store.shrink(group, lane);
    }

    /// Says that a group has been given everything. Its sessions begin.
    pub fn loaded(&mut self, id: GroupId) {
        let Some(slot) = self.loading(id) else {
            return;
        };
        let group = &mut self.groups[slot as usize];
        group.ready_at = Some(join(group.born, group.loaded));
        group.forget_batches();
        self.wake_group(slot);
    }

    fn loading(&self, id: GroupId) -> Option<u32> {
        let group: &Group = self.groups.get(id.slot as usize)?;
        let is_it = group.token == id.token && group.ready_at.is_none();
        is_it.then_some(id.slot)
    }

    /// Says what is known of the place that a client has come back with.
    pub fn checked(&mut self, id: SubToken, checked: Checked) {
        if let Some(waiting) = self.sub(id).and_then(|sub| sub.waiting.as_mut()) {
            waiting.checked = Some(checked);
            self.wake(id.session.slot);
        }
    }

    /// Gives a subscription records that it asked for.
    pub fn replayed(&mut self, id: SubToken, lane: usize, replayed: Replayed) {
        let Some(replay) = self.sub(id).and_then(|sub| sub.replay.as_mut()) else {
            return;
        };
        let lane = &mut replay.lanes[lane];
        if !std::mem::take(&mut lane.asked) {
            return;
        }
        lane.records = replayed.records.into();
        lane.to = Some(replayed.to);
        lane.hole = replayed.hole;
        let bytes = lane.bytes();
        self.store.replay_bytes += bytes;
        self.wake(id.session.slot);
    }

    fn sub(&mut self, id: SubToken) -> Option<&mut Sub> {
        let session = self.session(id.session)?;
        session.subs.iter_mut().find(|sub| sub.token == id.token)
    }
}
