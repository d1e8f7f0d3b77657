//! The newest events of a group in one lane, and how far those reach that it had to forget.

use std::collections::VecDeque;
use std::sync::Arc;

use spica_live_proto::GapReason;
use spica_model::Record;

use crate::topics::RECORD_BYTES;

/// What stands at a place.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A record, and the number of its topic.
    Record(Arc<Record>, u64),
    /// Up to this number nothing is known.
    Hole(u64, GapReason),
}

impl Event {
    fn bytes(&self) -> usize {
        match self {
            Self::Record(record, _) => RECORD_BYTES + record.payload.len(),
            Self::Hole(..) => size_of::<Self>(),
        }
    }
}

/// Events in the order of their numbers.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    events: VecDeque<(u64, Event)>,
    bytes: usize,
    /// All events up to here are gone, if there were any.
    evicted: u64,
    /// How many were ever evicted.
    gone: u64,
}

impl Ring {
    /// A ring that knows nothing of what was up to `seq`.
    pub(crate) const fn after(seq: u64) -> Self {
        Self {
            events: VecDeque::new(),
            bytes: 0,
            evicted: seq,
            gone: 0,
        }
    }

    pub(crate) const fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(crate) const fn gone(&self) -> u64 {
        self.gone
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The number of the last event, or up to where nothing is known.
    pub(crate) fn last(&self) -> u64 {
        let last = self.events.back().map(|(seq, _)| *seq);
        last.unwrap_or(self.evicted)
    }

    pub(crate) fn push(&mut self, seq: u64, event: Event) {
        self.bytes += event.bytes();
        self.events.push_back((seq, event));
    }

    /// Puts older events before those that are there: all that matched from `after` on.
    pub(crate) fn begin_with(&mut self, after: u64, older: Vec<(u64, Event)>) {
        self.evicted = after;
        for (seq, event) in older.into_iter().rev() {
            self.bytes += event.bytes();
            self.events.push_front((seq, event));
        }
    }

    /// Forgets the oldest until there are at most so many events and bytes. How many bytes that
    /// freed, and whether it were any events.
    pub(crate) fn shrink(&mut self, most: usize, most_bytes: usize) -> (usize, u64) {
        let (before, gone) = (self.bytes, self.gone);
        while self.events.len() > most || self.bytes > most_bytes {
            let Some((seq, event)) = self.events.pop_front() else {
                break;
            };
            self.bytes -= event.bytes();
            self.evicted = match event {
                Event::Record(..) => seq,
                Event::Hole(to, _) => to,
            };
            self.gone += 1;
        }
        (before - self.bytes, self.gone - gone)
    }

    /// The index of the first event after `seq`.
    pub(crate) fn index_after(&self, seq: u64) -> usize {
        self.events.partition_point(|(at, _)| *at <= seq)
    }

    pub(crate) fn get(&self, index: usize) -> Option<&(u64, Event)> {
        self.events.get(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hole(to: u64) -> Event {
        Event::Hole(to, GapReason::Damaged)
    }

    #[test]
    fn a_ring_forgets_the_oldest_at_its_limit_and_knows_how_far_they_reached() {
        let mut ring = Ring::after(4);
        for seq in [5, 9, 12] {
            ring.push(seq, hole(seq + 1));
        }
        assert_eq!(ring.shrink(3, usize::MAX), (0, 0), "three may be kept");
        assert_eq!((ring.evicted(), ring.last()), (4, 12));
        assert_eq!(ring.index_after(5), 1);
        let (freed, gone) = ring.shrink(1, usize::MAX);
        assert_eq!((freed, gone), (2 * size_of::<Event>(), 2));
        assert_eq!(
            (ring.evicted(), ring.len()),
            (10, 1),
            "up to the end of the hole"
        );
        let bytes = ring.bytes();
        assert_eq!(ring.shrink(1, bytes), (0, 0), "so many bytes may be kept");
        ring.shrink(1, bytes - 1);
        assert_eq!((ring.evicted(), ring.len(), ring.bytes()), (13, 0, 0));
        assert_eq!(ring.last(), 13);
    }

    #[test]
    fn older_events_come_first() {
        let mut ring = Ring::after(8);
        ring.push(9, hole(9));
        ring.begin_with(2, vec![(3, hole(3)), (7, hole(7))]);
        assert_eq!((ring.evicted(), ring.len(), ring.index_after(3)), (2, 3, 1));
        assert_eq!(ring.get(0).unwrap().0, 3);
    }
}
