//! The events that wait.

use std::collections::VecDeque;

use super::words::{EventId, Path};
use crate::{Event, Sequence};

/// An event that waits or is under way.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) id: EventId,
    pub(super) event: Event,
    /// Its number, from the first attempt on.
    pub(super) sequence: Option<Sequence>,
    /// On which paths it was sent.
    sent: [bool; 2],
    /// On which paths it was refused by `NAK` as often as it may be.
    refused: [bool; 2],
}

/// The events that wait, the urgent ones before the others, each kind in order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    urgent: VecDeque<Entry>,
    normal: VecDeque<Entry>,
}

impl Entry {
    pub(super) fn mark_sent(&mut self, path: Path) {
        self.sent[path as usize] = true;
    }

    /// Marks it as refused on a path; whether it is now on all `paths`.
    pub(super) fn mark_refused(&mut self, path: Path, paths: usize) -> bool {
        self.refused[path as usize] = true;
        self.refused.iter().take(paths).all(|refused| *refused)
    }
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.normal.len()
    }

    pub(super) fn push(
        &mut self,
        id: EventId,
        event: Event,
        sequence: Option<Sequence>,
        urgent: bool,
    ) {
        let entry = Entry {
            id,
            event,
            sequence,
            sent: [false; 2],
            refused: [false; 2],
        };
        if urgent {
            self.urgent.push_back(entry);
        } else {
            self.normal.push_back(entry);
        }
    }

    /// The event whose turn it is.
    pub(super) fn front(&self) -> Option<EventId> {
        self.iter().next().map(|entry| entry.id)
    }

    /// Whether the event whose turn it is was refused on this path.
    pub(super) fn front_is_refused(&self, path: Path) -> bool {
        let mut entries = self.iter();
        entries
            .next()
            .is_some_and(|entry| entry.refused[path as usize])
    }

    pub(super) fn get_mut(&mut self, id: EventId) -> Option<&mut Entry> {
        let mut entries = self.urgent.iter_mut().chain(&mut self.normal);
        entries.find(|entry| entry.id == id)
    }

    pub(super) fn holds(&self, id: EventId) -> bool {
        self.iter().any(|entry| entry.id == id)
    }

    /// Whether an event has this number.
    pub(super) fn uses(&self, sequence: Sequence) -> bool {
        self.iter().any(|entry| entry.sequence == Some(sequence))
    }

    /// The event that was sent on this path under this number.
    pub(super) fn sent_as(&self, path: Path, sequence: Sequence) -> Option<EventId> {
        let is_it = |entry: &&Entry| entry.sent[path as usize] && entry.sequence == Some(sequence);
        self.iter().find(is_it).map(|entry| entry.id)
    }

    pub(super) fn remove(&mut self, id: EventId) {
        // Nearly always the first of its kind.
        for kind in [&mut self.urgent, &mut self.normal] {
            if let Some(at) = kind.iter().position(|entry| entry.id == id) {
                kind.remove(at);
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.urgent.iter().chain(&self.normal)
    }
}
