//! What waits for a note before it may go on, in order.

use std::collections::VecDeque;

use spica_mqtt_proto::PacketId;

/// Packet ids in order: those that may go on, then those that a note on its way names, then those
/// that wait for the next one.
#[derive(Debug, Default)]
pub(super) struct Gate {
    ids: VecDeque<PacketId>,
    open: usize,
    noted: usize,
}

impl Gate {
    pub(super) fn push(&mut self, id: PacketId) {
        self.ids.push_back(id);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether some wait for a note that nobody has taken yet.
    pub(super) fn waits(&self) -> bool {
        self.noted < self.ids.len()
    }

    /// A note is taken that names all of them.
    pub(super) fn note(&mut self) {
        self.noted = self.ids.len();
    }

    /// It is durable.
    pub(super) const fn open(&mut self) {
        self.open = self.noted;
    }

    /// It will never be: those that it named wait for the next one.
    pub(super) const fn forget(&mut self) {
        self.noted = self.open;
    }

    /// The next that may go on.
    pub(super) fn front(&self) -> Option<PacketId> {
        (self.open > 0).then(|| self.ids.front().copied()).flatten()
    }

    pub(super) fn pop(&mut self) {
        if self.open > 0 {
            self.ids.pop_front();
            self.open -= 1;
            self.noted -= 1;
        }
    }

    /// Takes one out, wherever it is.
    pub(super) fn remove(&mut self, id: PacketId) {
        if let Some(at) = self.ids.iter().position(|its| *its == id) {
            self.ids.remove(at);
            self.open -= usize::from(at < self.open);
            self.noted -= usize::from(at < self.noted);
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u16) -> PacketId {
        PacketId::new(number).unwrap()
    }

    #[test]
    fn only_what_a_durable_note_names_goes_on() {
        let mut gate = Gate::default();
        gate.push(id(1));
        assert!(gate.waits());
        gate.note();
        gate.push(id(2));
        assert_eq!(gate.front(), None);
        gate.open();
        assert_eq!(gate.front(), Some(id(1)));
        gate.pop();
        assert_eq!(gate.front(), None);
        assert!(gate.waits());
    }

    #[test]
    fn a_note_that_failed_lets_nothing_go_on() {
        let mut gate = Gate::default();
        gate.push(id(1));
        gate.note();
        gate.forget();
        gate.open();
        assert_eq!(gate.front(), None);
        assert!(gate.waits());
    }

    #[test]
    fn one_that_is_taken_out_leaves_the_others_where_they_are() {
        let mut gate = Gate::default();
        (1..=2).for_each(|number| gate.push(id(number)));
        gate.note();
        gate.open();
        gate.push(id(3));
        gate.remove(id(1));
        assert_eq!(gate.front(), Some(id(2)));
        gate.pop();
        assert_eq!(gate.front(), None);
        assert!(gate.waits());
    }
}
