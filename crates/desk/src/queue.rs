//! What is due and waits for room in its channel.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use spica_alarms::Alarms;
use spica_alerts::NoticeId;
use spica_cases::Severity;

type Place = (Reverse<Severity>, NoticeId);

/// Notices per channel, the severest first, then the oldest.
#[derive(Debug, Default)]
pub(crate) struct Queue(BTreeMap<String, BTreeSet<Place>>);

impl Queue {
    /// Adds a notice that is due.
    pub(crate) fn push(&mut self, alarms: &Alarms, id: NoticeId) {
        let Some(notice) = alarms.notice(id) else {
            return;
        };
        let waiting = self.0.entry(notice.channel.clone()).or_default();
        waiting.insert((Reverse(notice.severity), id));
    }

    /// The next notice of a channel that has `room`.
    pub(crate) fn pop(&mut self, room: impl Fn(&str) -> usize) -> Option<(String, NoticeId)> {
        let found = self.0.iter_mut().find_map(|(channel, waiting)| {
            if waiting.is_empty() || room(channel) == 0 {
                return None;
            }
            let (_, id) = waiting.pop_first()?;
            Some((channel.clone(), id))
        });
        self.0.retain(|_, waiting| !waiting.is_empty());
        found
    }
}
