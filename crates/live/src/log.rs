//! The logs of groups: events get into their rings, topics to where their latest value stands.

use crate::group::Group;
use crate::ring::Event;
use crate::store::Store;

impl Store {
    /// Adds an event to the ring of a group, which forgets what is too much.
    pub(crate) fn push(&mut self, group: &mut Group, lane: usize, seq: u64, event: Event) {
        let Some(rings) = &mut group.rings else {
            return;
        };
        let ring = &mut rings[lane];
        let before = ring.bytes();
        ring.push(seq, event);
        self.queue_bytes += ring.bytes() - before;
        self.shrink(group, lane);
    }

    pub(crate) fn shrink(&mut self, group: &mut Group, lane: usize) {
        let Some(rings) = &mut group.rings else {
            return;
        };
        let ring = &mut rings[lane];
        let limits = &self.limits;
        let too_much = self.queue_bytes.saturating_sub(limits.total_bytes);
        let most_bytes = limits
            .queue_bytes
            .min(ring.bytes().saturating_sub(too_much));
        let (freed, gone) = ring.shrink(limits.queue, most_bytes);
        self.queue_bytes -= freed;
        self.counters.evicted += gone;
    }

    /// Moves a topic in the log of a group. Whether it has a place there: a log that is full takes
    /// no new topics.
    pub(crate) fn place_state(
        &mut self,
        group: &mut Group,
        topic: u32,
        before: Option<(usize, u64)>,
        (lane, seq): (usize, u64),
    ) -> bool {
        let was_there = before.is_some_and(|(lane, seq)| {
            let is_it = group.states[lane].get(&seq) == Some(&topic);
            is_it && group.states[lane].remove(&seq).is_some()
        });
        let topics = group.states[0].len() + group.states[1].len();
        if !was_there && topics >= self.limits.topics {
            self.counters.over_limit += 1;
            return false;
        }
        if !was_there && group.is_windowed() {
            self.topics.pin(topic);
        } else if !was_there {
            self.topics.hold(topic);
        }
        group.states[lane].insert(seq, topic);
        true
    }
}
