//! Messages that have a packet id.

use std::collections::VecDeque;
use std::sync::Arc;

use spica_model::{Lane, Seq};
use spica_mqtt_proto::{PacketId, QoS};

use super::delivery::{Delivery, Origin};

/// Messages that have a packet id, in the order in which they got it; those that are done stay as
/// long as the low-water place has not passed them.
#[derive(Debug)]
pub(super) struct Flight<M> {
    entries: VecDeque<Entry<M>>,
    /// Entries that are not done.
    active: usize,
    /// Ids no longer go up from the first entry to the last.
    is_scattered: bool,
    /// Entries that were restored: behind them may come what has a lower number.
    restored: usize,
}

#[derive(Debug)]
pub(super) struct Entry<M> {
    pub(super) id: PacketId,
    pub(super) stage: Stage,
    pub(super) qos: QoS,
    /// It was sent on this connection, and counts against the client's receive maximum.
    pub(super) is_wired: bool,
    /// It is to be sent again on this connection.
    pub(super) is_again: bool,
    pub(super) is_restored: bool,
    pub(super) origin: Option<Origin>,
    /// None: it must be fetched from the journal before it can be sent (again).
    pub(super) held: Option<Held<M>>,
}

/// What is needed to send a message.
#[derive(Debug)]
pub(super) struct Held<M> {
    pub(super) message: M,
    pub(super) retain: bool,
    pub(super) ids: Option<Arc<[u8]>>,
}

impl<M> From<Delivery<M>> for Held<M> {
    fn from(delivery: Delivery<M>) -> Self {
        Self {
            message: delivery.message,
            retain: delivery.retain,
            ids: delivery.ids,
        }
    }
}

/// How far a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// QoS 2: it has an id, and was never sent.
    Assigned,
    /// It may be with the client.
    Sent,
    /// QoS 2: the client has it.
    Received,
    /// QoS 2: and may have forgotten its id.
    Released,
    /// It is delivered.
    Done,
}

impl<M> Entry<M> {
    pub(super) fn lane(&self) -> Lane {
        self.origin.map_or(Lane::Normal, |origin| origin.lane)
    }

    /// Its lane and number, if the low-water place speaks of it.
    pub(super) fn placed(&self) -> Option<(Lane, Seq)> {
        let origin = self.origin.filter(Origin::is_placed)?;
        Some((origin.lane, origin.seq))
    }

    /// Whether it cannot be sent before it is fetched.
    pub(super) fn is_missing(&self) -> bool {
        self.held.is_none() && matches!(self.stage, Stage::Assigned | Stage::Sent)
    }
}

impl<M> Default for Flight<M> {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            active: 0,
            is_scattered: false,
            restored: 0,
        }
    }
}

impl<M> Flight<M> {
    pub(super) const fn active(&self) -> usize {
        self.active
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(super) fn push(&mut self, entry: Entry<M>) {
        self.active += usize::from(entry.stage != Stage::Done);
        self.restored += usize::from(entry.is_restored);
        self.is_scattered |= entry.is_restored;
        self.entries.push_back(entry);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Entry<M>> {
        self.entries.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Entry<M>> {
        self.entries.iter_mut()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Entry<M>> {
        self.entries.get_mut(at)
    }

    pub(super) fn get(&self, at: usize) -> Option<&Entry<M>> {
        self.entries.get(at)
    }

    /// Where the message with this id is, unless it is done.
    pub(super) fn find(&self, id: PacketId) -> Option<usize> {
        let names = |entry: &Entry<M>| entry.id == id && entry.stage != Stage::Done;
        let first = self.entries.front()?.id.get();
        let guess = usize::from(id.get().wrapping_sub(first));
        // Ids go up one by one, over the one number that is none.
        let near = [guess, guess.saturating_sub(1)];
        let found = near
            .into_iter()
            .find(|at| self.entries.get(*at).is_some_and(names));
        found.or_else(|| self.entries.iter().position(names))
    }

    /// Whether a new message must not have this id.
    pub(super) fn is_used(&mut self, id: PacketId) -> bool {
        let Some(first) = self.entries.front() else {
            return false;
        };
        // While ids go up, the first that is met again is that of the first entry.
        self.is_scattered |= first.id == id;
        self.is_scattered && self.entries.iter().any(|entry| entry.id == id)
    }

    /// The message at `at` is delivered. What the low-water place has passed is forgotten: `low` says
    /// how far that is, per lane, when that is not plain.
    pub(super) fn finish(&mut self, at: usize) {
        if let Some(entry) = self.entries.get_mut(at) {
            self.active -= usize::from(entry.stage != Stage::Done);
            entry.stage = Stage::Done;
            entry.held = None;
            entry.is_again = false;
            entry.is_wired = false;
        }
    }

    /// Whether numbers go up per lane from the first entry to the last, so that a done one at the
    /// front is one that the low-water place has passed.
    pub(super) const fn is_in_order(&self) -> bool {
        self.restored == 0
    }

    /// Forgets the first entry if it is done, and passed.
    pub(super) fn forget_first(&mut self, is_passed: impl FnOnce(&Entry<M>) -> bool) -> bool {
        let is_done = |entry: &&Entry<M>| entry.stage == Stage::Done;
        let Some(first) = self.entries.front().filter(is_done) else {
            return false;
        };
        if !is_passed(first) {
            return false;
        }
        self.restored -= usize::from(first.is_restored);
        self.entries.pop_front();
        self.is_scattered &= !self.entries.is_empty();
        true
    }

    /// The lowest number in a lane that is not delivered.
    pub(super) fn first_placed(&self, lane: Lane) -> Option<Seq> {
        self.first(lane, |entry| entry.stage != Stage::Done)
    }

    /// The lowest number in a lane that is to be sent again.
    pub(super) fn first_again(&self, lane: Lane) -> Option<Seq> {
        self.first(lane, |entry| entry.is_again)
    }

    fn first(&self, lane: Lane, is_meant: impl Fn(&Entry<M>) -> bool) -> Option<Seq> {
        let meant = self.entries.iter().filter(|entry| is_meant(entry));
        let placed = meant.filter_map(Entry::placed);
        let mut numbers = placed.filter(|(its, _)| *its == lane).map(|(_, seq)| seq);
        if self.is_in_order() {
            numbers.next()
        } else {
            numbers.min()
        }
    }

    pub(super) fn find_placed(&self, lane: Lane, seq: Seq) -> Option<usize> {
        let wanted = Some((lane, seq));
        self.entries
            .iter()
            .position(|entry| entry.placed() == wanted)
    }

    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to(8);
    }
}
