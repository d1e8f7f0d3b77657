//! What is known of topics, shared by all groups: their numbers, what they show, and some of what
//! they showed before.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use slab::Slab;
use spica_matcher::Matches;
use spica_model::{Lane, Op, Record, Topic};

use crate::mark::Mark;

/// Payloads that are shorter are always sent whole.
const SMALLEST_BASE: usize = 64;

/// What a record costs beside its payload, about.
pub(crate) const RECORD_BYTES: usize = 300;

/// What a topic showed, from a place on.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    /// The lane of the place: of the record, but where a clock was set back.
    pub(crate) lane: Lane,
    /// Its number.
    pub(crate) seq: u64,
    pub(crate) record: Arc<Record>,
    /// Whether any session was sent it.
    pub(crate) sent: bool,
}

impl Version {
    pub(crate) const fn is_within(&self, mark: Mark) -> bool {
        self.seq <= mark[self.lane.index()]
    }

    fn bytes(&self) -> usize {
        RECORD_BYTES + self.record.payload.len()
    }
}

/// One topic.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Topic,
    /// What stands for the name; never used again for another one.
    pub(crate) number: u64,
    pub(crate) shown: Option<Version>,
    /// The last record of the other lane, for the rare topic that appears in both.
    pub(crate) other: Option<Arc<Record>>,
    /// What it showed before and was sent, oldest first. What was sent to anyone and is not here is
    /// older than all that is here.
    history: VecDeque<Version>,
    /// The groups it belongs to, as of a generation of the matcher.
    pub(crate) groups: Matches,
    pub(crate) generation: u64,
    /// How many groups show it. What it shows is kept up to date as long as there is one.
    shows: u32,
    /// How many groups compute something of it.
    pins: u32,
    is_idle: bool,
}

impl Entry {
    /// The newest of the older versions that lies within `mark`.
    pub(crate) fn held_at(&self, mark: Mark) -> Option<&Version> {
        self.history.iter().rev().find(|it| it.is_within(mark))
    }

    /// The older version at a place.
    pub(crate) fn version(&self, lane: Lane, seq: u64) -> Option<&Version> {
        let mut versions = self.history.iter().rev();
        versions.find(|it| (it.lane, it.seq) == (lane, seq))
    }
}

/// A deleted topic that is remembered.
#[derive(Debug, Clone, Copy)]
struct Tombstone {
    topic: u32,
    number: u64,
    lane: Lane,
    seq: u64,
}

/// All topics that any group wants.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    entries: Slab<Entry>,
    names: HashMap<Topic, u32>,
    last_number: u64,
    /// Topics that no group shows, oldest first; some may be shown again.
    idle: VecDeque<(u32, u64)>,
    tombstones: VecDeque<Tombstone>,
    /// Whose older versions were kept, oldest first.
    kept: VecDeque<(u32, u64)>,
    history_bytes: usize,
}

impl Topics {
    pub(crate) fn get(&self, topic: u32) -> &Entry {
        &self.entries[topic as usize]
    }

    pub(crate) fn get_mut(&mut self, topic: u32) -> &mut Entry {
        &mut self.entries[topic as usize]
    }

    pub(crate) fn find(&self, name: &Topic) -> Option<u32> {
        self.names.get(name.as_str()).copied()
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn tombstones(&self) -> usize {
        self.tombstones.len()
    }

    pub(crate) const fn history_bytes(&self) -> usize {
        self.history_bytes
    }

    /// The topic of that name, new if need be. At most `idle` topics that no group shows stay.
    pub(crate) fn intern(&mut self, name: &Topic, idle: usize) -> u32 {
        if let Some(known) = self.find(name) {
            return known;
        }
        self.last_number += 1;
        // In a buffer of its own: a record's topic may be a slice of a whole block.
        let own = bytes::Bytes::copy_from_slice(name.as_bytes());
        let name = Topic::from_bytes(own).unwrap_or_else(|_| name.clone());
        let number = self.last_number;
        let at = self.entries.insert(Entry {
            name: name.clone(),
            number,
            shown: None,
            other: None,
            history: VecDeque::new(),
            groups: Matches::new(),
            generation: 0,
            shows: 0,
            pins: 0,
            is_idle: true,
        });
        let topic = u32::try_from(at).unwrap_or(u32::MAX);
        self.names.insert(name, topic);
        self.rest(topic, number, idle);
        topic
    }

    /// Notes that one more group shows it.
    pub(crate) fn hold(&mut self, topic: u32) {
        self.get_mut(topic).shows += 1;
    }

    /// Notes that one group less shows it. With the last one, what it shows is forgotten.
    pub(crate) fn release(&mut self, topic: u32, idle: usize) {
        let entry = self.get_mut(topic);
        entry.shows = entry.shows.saturating_sub(1);
        if entry.shows > 0 {
            return;
        }
        entry.shown = None;
        entry.other = None;
        let number = entry.number;
        self.clear_history(topic);
        if !std::mem::replace(&mut self.get_mut(topic).is_idle, true) {
            self.rest(topic, number, idle);
        }
    }

    /// Notes that one more group computes something of it: its slot stays its own.
    pub(crate) fn pin(&mut self, topic: u32) {
        self.get_mut(topic).pins += 1;
    }

    /// Notes that one group less computes something of it.
    pub(crate) fn unpin(&mut self, topic: u32, idle: usize) {
        let entry = self.get_mut(topic);
        entry.pins = entry.pins.saturating_sub(1);
        let (shows, pins, number) = (entry.shows, entry.pins, entry.number);
        if shows == 0 && pins == 0 && !std::mem::replace(&mut self.get_mut(topic).is_idle, true) {
            self.rest(topic, number, idle);
        }
    }

    /// Shows `version` from now on. What was shown is kept if a session may hold it and it is worth
    /// it, for at most `limits`.
    pub(crate) fn show(&mut self, topic: u32, version: Version, limits: &crate::Limits) {
        let deletes = version.record.op == Op::Delete;
        let entry = self.get_mut(topic);
        let before = entry.shown.replace(version);
        let Some(before) = before.filter(|it| it.sent) else {
            // Nobody holds what was shown before; what was there before that may still be a base.
            if deletes {
                self.clear_history(topic);
            }
            return;
        };
        let is_base = before.record.op == Op::Put && before.record.payload.len() >= SMALLEST_BASE;
        if deletes || !is_base {
            return self.clear_history(topic);
        }
        let (number, bytes) = (entry.number, before.bytes());
        entry.history.push_back(before);
        let is_long = entry.history.len() > limits.history;
        self.history_bytes += bytes;
        if is_long {
            self.forget_oldest(topic);
        }
        self.kept.push_back((topic, number));
        while self.history_bytes > limits.history_bytes {
            let Some((topic, number)) = self.kept.pop_front() else {
                break;
            };
            if self.is(topic, number) {
                self.forget_oldest(topic);
            }
        }
        // Versions that went another way leave their notes behind: not more of them than needed.
        if self.kept.len() > 2 * self.entries.len() + limits.history_bytes / RECORD_BYTES {
            self.kept.pop_front();
        }
    }

    /// Remembers that a topic is deleted; says which tombstone is one too many.
    pub(crate) fn bury(&mut self, topic: u32, most: usize) -> Option<(u32, Lane, u64)> {
        let entry = self.get(topic);
        let shown = entry.shown.as_ref()?;
        self.tombstones.push_back(Tombstone {
            topic,
            number: entry.number,
            lane: shown.lane,
            seq: shown.seq,
        });
        while self.tombstones.len() > most {
            let oldest = self.tombstones.pop_front()?;
            if self.is_tombstone(&oldest) {
                return Some((oldest.topic, oldest.lane, oldest.seq));
            }
        }
        None
    }

    fn is_tombstone(&self, it: &Tombstone) -> bool {
        self.is(it.topic, it.number)
            && self.get(it.topic).shown.as_ref().is_some_and(|shown| {
                shown.record.op == Op::Delete && (shown.lane, shown.seq) == (it.lane, it.seq)
            })
    }

    fn is(&self, topic: u32, number: u64) -> bool {
        let entry = self.entries.get(topic as usize);
        entry.is_some_and(|entry| entry.number == number)
    }

    fn clear_history(&mut self, topic: u32) {
        let gone = std::mem::take(&mut self.get_mut(topic).history);
        self.history_bytes -= gone.iter().map(Version::bytes).sum::<usize>();
    }

    fn forget_oldest(&mut self, topic: u32) {
        if let Some(gone) = self.get_mut(topic).history.pop_front() {
            self.history_bytes -= gone.bytes();
        }
    }

    /// Lets a topic that no group shows wait for its end.
    fn rest(&mut self, topic: u32, number: u64, most: usize) {
        self.idle.push_back((topic, number));
        while self.idle.len() > most {
            let Some((topic, number)) = self.idle.pop_front() else {
                return;
            };
            if !self.is(topic, number) {
                continue;
            }
            let entry = self.get_mut(topic);
            entry.is_idle = false;
            if entry.shows == 0 && entry.pins == 0 {
                let entry = self.entries.remove(topic as usize);
                self.names.remove(entry.name.as_str());
            }
        }
    }
}

/// A record in buffers of its own, with the name of `topic`: one that came from a journal is a slice
/// of a whole block, which it would keep in memory. Without what no row shows.
#[must_use]
pub fn compact(record: &Record, topic: &Topic) -> Arc<Record> {
    Arc::new(Record {
        topic: topic.clone(),
        content_type: record.content_type.clone(),
        payload: bytes::Bytes::copy_from_slice(&record.payload),
        key: None,
        cause: None,
        properties: None,
        ..*record
    })
}
