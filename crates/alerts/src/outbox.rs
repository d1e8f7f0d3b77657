//! Which notices may be sent now: the severest first, and one at a time to each receiver of a case,
//! so that nobody hears that a case has cleared before they hear that it was raised.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use spica_cases::{CaseId, Severity};
use spica_model::Timestamp;

use crate::{Notice, NoticeId};

/// A channel, an address, and what it is about.
type Line = (CaseId, String, String);
/// The order in which notices that are due leave.
type Rank = (Reverse<Severity>, Timestamp, NoticeId);

#[derive(Debug)]
struct Entry {
    severity: Severity,
    at: Timestamp,
    line: Line,
}

/// The notices that wait, as an index.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    entries: BTreeMap<NoticeId, Entry>,
    /// Not known to be due.
    later: BTreeSet<(Timestamp, NoticeId)>,
    due: BTreeSet<Rank>,
    /// Those whose line is busy.
    held: BTreeMap<Line, BTreeSet<NoticeId>>,
    in_flight: BTreeMap<NoticeId, Line>,
    busy: BTreeSet<Line>,
}

impl Outbox {
    /// Takes a notice in that waits, or takes over what has changed about it.
    pub(crate) fn put(&mut self, notice: &Notice) {
        self.remove(notice.id);
        let line = (
            notice.id.case,
            notice.channel.clone(),
            notice.address.clone(),
        );
        self.later.insert((notice.next_at, notice.id));
        let entry = Entry {
            severity: notice.severity,
            at: notice.next_at,
            line,
        };
        self.entries.insert(notice.id, entry);
    }

    /// Forgets a notice. If it is in flight, it still is.
    pub(crate) fn remove(&mut self, id: NoticeId) {
        let Some(Entry { severity, at, line }) = self.entries.remove(&id) else {
            return;
        };
        self.later.remove(&(at, id));
        self.due.remove(&(Reverse(severity), at, id));
        if let Some(held) = self.held.get_mut(&line) {
            held.remove(&id);
            if held.is_empty() {
                self.held.remove(&line);
            }
        }
    }

    /// The next ones to send, at most `max`. They are in flight until they are landed.
    pub(crate) fn take(&mut self, now: Timestamp, max: usize) -> Vec<NoticeId> {
        while let Some((at, id)) = self.later.first().copied().filter(|(at, _)| *at <= now) {
            self.later.remove(&(at, id));
            if let Some(entry) = self.entries.get(&id) {
                self.due.insert((Reverse(entry.severity), at, id));
            }
        }
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some((_, _, id)) = self.due.pop_first() else {
                break;
            };
            let Some(line) = self.entries.get(&id).map(|entry| entry.line.clone()) else {
                continue;
            };
            if self.in_flight.contains_key(&id) || !self.busy.insert(line.clone()) {
                self.held.entry(line).or_default().insert(id);
                continue;
            }
            self.in_flight.insert(id, line);
            taken.push(id);
        }
        taken
    }

    /// A notice is not in flight any more. Whether it waits still, is said by `put` and `remove`.
    pub(crate) fn land(&mut self, id: NoticeId) -> bool {
        let Some(line) = self.in_flight.remove(&id) else {
            return false;
        };
        let back = self.held.remove(&line).unwrap_or_default();
        self.busy.remove(&line);
        for id in back.into_iter().chain([id]) {
            if let Some(entry) = self.entries.get(&id) {
                self.later.insert((entry.at, id));
            }
        }
        true
    }

    pub(crate) fn is_in_flight(&self, id: NoticeId) -> bool {
        self.in_flight.contains_key(&id)
    }

    /// When [`Outbox::take`] has something next, if nothing lands before.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        // What is in `due` was due before: any of them says that there is something now.
        let due = self.due.first().map(|(_, at, _)| *at);
        let later = self.later.first().map(|(at, _)| *at);
        due.into_iter().chain(later).min()
    }

    /// Notices that wait or are in flight.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}
