//! Taking in what happens: records go into the logs of the groups that want them.
//!
//! The end of the logs that sessions see moves only when a whole batch has been taken in, so between
//! two batches every turn sees the same logs, and sessions at the same place get the same frames.

use std::sync::Arc;

use spica_live_proto::GapReason;
use spica_matcher::Matches;
use spica_model::{Kind, Lane, Op, Record, Seq, Timestamp};

use crate::Engine;
use crate::group::Group;
use crate::ring::Event;
use crate::topics::{Version, compact};

impl Engine {
    /// Takes in records, each lane in the order of its numbers and without a hole since the last call
    /// (holes are [missed](Self::missed)). Sessions see them after the next [`tick`](Self::tick).
    pub fn take<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        let mut news = std::mem::take(&mut self.news);
        for record in records {
            self.take_one(record, &mut news);
        }
        self.news = news;
    }

    /// Notes that nothing is known of the records of a lane from the next one to `to`.
    pub fn missed(&mut self, lane: Lane, to: Seq, reason: GapReason) {
        let from = self.store.heads[lane.index()] + 1;
        if from > to.0 {
            return;
        }
        for (slot, group) in &mut self.groups {
            if group.rings.is_some() {
                let hole = Event::Hole(to.0, reason);
                self.store.push(group, lane.index(), from, hole);
                note(
                    group,
                    u32::try_from(slot).unwrap_or(u32::MAX),
                    &mut self.news,
                );
            }
        }
        self.store.heads[lane.index()] = to.0;
    }

    /// Closes the windows that the clock closes at `wall`, and wakes the sessions that have something
    /// to do. Whoever takes records in does so, and this, before any session has its turn again.
    pub fn tick(&mut self, wall: Timestamp) {
        let mut news = std::mem::take(&mut self.news);
        for slot in self.periodic.clone() {
            self.close_windows(slot, wall, &mut news);
        }
        for slot in news.drain(..) {
            // It may have gone since.
            let Some(group) = self.groups.get_mut(slot as usize) else {
                continue;
            };
            group.has_news = false;
            group.forget_batches();
            self.wake_group(slot);
        }
        self.news = news;
        for id in std::mem::take(&mut self.beginners) {
            if self.session(id).is_some() {
                self.wake(id.slot);
            }
        }
        let refreshes = self.refreshes();
        if refreshes > std::mem::replace(&mut self.refreshed, refreshes) {
            // Those who had no news for long are told where they stand.
            let slots = self
                .sessions
                .iter()
                .filter_map(|(slot, _)| u32::try_from(slot).ok());
            for slot in slots.collect::<Vec<_>>() {
                self.wake(slot);
            }
        }
    }

    /// How often clients that had no news were to be told where they stand.
    fn refreshes(&self) -> u64 {
        let [critical, normal] = self.store.heads;
        critical.saturating_add(normal) / self.store.limits.refresh()
    }

    fn take_one(&mut self, record: &Record, news: &mut Vec<u32>) {
        let (lane, seq) = (record.position.lane.index(), record.position.seq.0);
        if seq <= self.store.heads[lane] {
            return;
        }
        self.store.heads[lane] = seq;
        let epoch = &mut self.store.epochs[lane];
        *epoch = record.position.epoch.max(*epoch);
        if record.is_restated() {
            return;
        }
        let Some(topic) = self.topic_of(record) else {
            return;
        };
        let entry = self.store.topics.get(topic);
        let record = compact(record, &entry.name);
        let groups = entry.groups.clone();
        if record.kind == Kind::State {
            self.take_state(topic, &record, &groups, news);
        }
        for &slot in &groups {
            let group = &mut self.groups[slot as usize];
            if group.want.delivers(record.kind) {
                let number = self.store.topics.get(topic).number;
                let event = Event::Record(Arc::clone(&record), number);
                self.store.push(group, lane, seq, event);
                note(group, slot, news);
            }
            if group.want.computes(record.kind) {
                self.compute(slot, topic, &record, news);
            }
        }
    }

    /// The topic of a record, with its groups; `None` if no group wants it.
    fn topic_of(&mut self, record: &Record) -> Option<u32> {
        let generation = self.matcher.generation();
        let topics = &mut self.store.topics;
        let known = topics.find(&record.topic);
        if let Some(known) = known
            && topics.get(known).generation == generation
        {
            let is_wanted = !topics.get(known).groups.is_empty();
            return is_wanted.then_some(known);
        }
        let mut groups = self.matcher.matches(record.topic.as_str());
        groups.retain(|slot| !self.groups[*slot as usize].want.hides(&record.topic));
        if groups.is_empty() && known.is_none() {
            return None;
        }
        let idle = self.store.limits.idle_topics;
        let topic = known.unwrap_or_else(|| topics.intern(&record.topic, idle));
        let is_wanted = !groups.is_empty();
        let entry = topics.get_mut(topic);
        entry.groups = groups;
        entry.generation = generation;
        is_wanted.then_some(topic)
    }

    /// A state: if it is what the topic shows now, it takes its place in the logs.
    fn take_state(
        &mut self,
        topic: u32,
        record: &Arc<Record>,
        groups: &Matches,
        news: &mut Vec<u32>,
    ) {
        if !groups
            .iter()
            .any(|slot| self.groups[*slot as usize].want.states())
        {
            return;
        }
        let store = &mut self.store;
        let entry = store.topics.get_mut(topic);
        let before = entry.shown.as_ref().map(|it| (it.lane.index(), it.seq));
        let (lane, seq) = (record.position.lane, record.position.seq.0);
        // The views were ahead, and a new group has brought it before.
        let is_known = before == Some((lane.index(), seq));
        let shown = if is_known {
            entry.shown.as_ref().map(|it| Arc::clone(&it.record))
        } else {
            shown_now(&mut entry.other, entry.shown.as_ref(), record)
        };
        let Some(shown) = shown else {
            return;
        };
        // Held while it moves, so that it is not forgotten in between.
        store.topics.hold(topic);
        if !is_known {
            let version = Version {
                lane,
                seq,
                record: Arc::clone(&shown),
                sent: false,
            };
            store.topics.show(topic, version, &store.limits);
        }
        for &slot in groups {
            let group = &mut self.groups[slot as usize];
            if !group.want.states() {
                continue;
            }
            if store.place_state(group, topic, before, (lane.index(), seq)) {
                store.merge(group, topic, &shown);
                group.updates += 1;
                note(group, slot, news);
            }
        }
        store.topics.release(topic, store.limits.idle_topics);
        if shown.op == Op::Delete
            && !is_known
            && let Some((gone, lane, seq)) = store.topics.bury(topic, store.limits.tombstones)
        {
            self.forget(gone, lane.index(), seq);
        }
    }

    /// Forgets a deleted topic: who has not been told that it is deleted begins anew.
    pub(crate) fn forget(&mut self, topic: u32, lane: usize, seq: u64) {
        let name = self.store.topics.get(topic).name.clone();
        let idle = self.store.limits.idle_topics;
        for slot in self.matcher.matches(name.as_str()) {
            let group = &mut self.groups[slot as usize];
            if group.states[lane].get(&seq) == Some(&topic) && !group.is_windowed() {
                group.states[lane].remove(&seq);
                group.forgotten[lane] = group.forgotten[lane].max(seq);
                if let Some(derived) = &mut group.derived {
                    derived.forget(topic);
                }
                self.store.topics.release(topic, idle);
            }
        }
    }
}

/// Puts a group on the list of those with news, once.
pub(crate) fn note(group: &mut Group, slot: u32, news: &mut Vec<u32>) {
    if !std::mem::replace(&mut group.has_news, true) {
        news.push(slot);
    }
}

/// What a topic shows after `record`, if that is another record than before: within a lane the later
/// one, of two lanes the one received later, and of two at once the critical one.
fn shown_now(
    other: &mut Option<Arc<Record>>,
    shown: Option<&Version>,
    record: &Arc<Record>,
) -> Option<Arc<Record>> {
    let rank = |it: &Record| (it.received, it.position.lane == Lane::Critical);
    let Some(shown) = shown.map(|it| &it.record) else {
        return Some(Arc::clone(record));
    };
    if shown.position.lane == record.position.lane {
        // Its clock may have been set back: then the other lane's is the later one again.
        return Some(match other.take() {
            Some(it) if rank(&it) > rank(record) => {
                *other = Some(Arc::clone(record));
                it
            }
            it => {
                *other = it;
                Arc::clone(record)
            }
        });
    }
    if rank(record) > rank(shown) {
        *other = Some(Arc::clone(shown));
        return Some(Arc::clone(record));
    }
    *other = Some(Arc::clone(record));
    None
}
