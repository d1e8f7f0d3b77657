//! The tree itself.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use spica_model::{Kind, Op, Record, Timestamp, Topic};

use crate::compact::{compact, compact_topic};
use crate::entry::Entry;

/// What bounds a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most topics with a value.
    pub topics: usize,
    /// Most tombstones; the oldest are forgotten first.
    pub tombstones: usize,
    /// How long a tombstone is remembered, from its received time on.
    pub tombstone_age: Duration,
    /// A topic that is taken however full the tree is, with all below: what a node must never forget.
    /// Who writes there has limits of their own.
    pub always: Option<Arc<str>>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            topics: 1_000_000,
            tombstones: 100_000,
            tombstone_age: Duration::from_secs(7 * 24 * 60 * 60),
            always: None,
        }
    }
}

/// What folding a record did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The topic shows the folded record now. A delete means that it has no value any more.
    Shows,
    /// The topic shows the last record of the other lane now, since the folded one took the place of
    /// a later received one of its own lane: the clock was set back.
    ShowsOther(Box<Record>),
    /// The topic shows what it showed: the record was known, or older than that. A late state may
    /// stand beneath it now.
    Unchanged,
    /// The topic is new and the tree is full: the record was left out.
    OverLimit,
}

/// What a checkpoint must store about a topic that has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The topic.
    pub topic: Topic,
    /// The records that the tree holds of it: none any more, one, or up to four: the last of each lane
    /// and, where that is an event, the last state beneath it. Giving them to [`StateTree::restore`]
    /// in any order brings the topic back.
    pub records: Vec<Record>,
}

/// The last record of every topic.
#[derive(Debug, Clone, Default)]
pub struct StateTree {
    limits: Limits,
    /// Boxed: the map's nodes are half empty, and an entry is large.
    entries: BTreeMap<Topic, Box<Entry>>,
    /// The topics that show a tombstone and have no state beneath it, by its received time.
    tombstones: BTreeSet<(Timestamp, Topic)>,
    /// Topics that have changed since the last [`StateTree::take_changes`].
    changes: Vec<Topic>,
    bytes: usize,
    over_limit: u64,
}

impl StateTree {
    /// An empty tree.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// Folds one record. Only a copy of it stays: buffers that it shares are free again. A restated
    /// record is folded as its original, at its original's place: it changes nothing where that one
    /// or a later one is known.
    pub fn apply(&mut self, record: &Record) -> Outcome {
        let outcome = self.fold(&record.fact());
        while self.tombstones.len() > self.limits.tombstones {
            self.forget_oldest_tombstone();
        }
        outcome
    }

    /// Folds one record that a checkpoint held: as [`StateTree::apply`], but it is no change. Only
    /// for a tree that has had no other record of the topic.
    pub fn restore(&mut self, record: &Record) -> Outcome {
        let changes = self.changes.len();
        let outcome = self.fold(record);
        self.changes.truncate(changes);
        if let Some(entry) = self.entries.get_mut(&record.topic) {
            entry.changed = false;
        }
        outcome
    }

    /// The value of a topic: its last record, if that is a put.
    #[must_use]
    pub fn get(&self, topic: &str) -> Option<&Record> {
        self.last(topic).filter(|record| record.op == Op::Put)
    }

    /// The last record of a topic, which may be a tombstone.
    #[must_use]
    pub fn last(&self, topic: &str) -> Option<&Record> {
        self.entries.get(topic).map(|entry| entry.shown())
    }

    /// The state of a topic, as MQTT retains it: its last record of kind `state`, if that is a put.
    /// Later events neither hide nor remove it, not even one that deletes the topic.
    #[must_use]
    pub fn state(&self, topic: &str) -> Option<&Record> {
        standing_put(self.entries.get(topic)?)
    }

    /// Whether the journal must go on saying what `record` says when it is removed there, for the sake
    /// of whoever folds it from what is left: the last record of kind `state` of its topic in its lane,
    /// tombstones included, or a copy of it.
    ///
    /// A tombstone that was forgotten stands once more, as long as it was not restated: a copy of
    /// an older record of its topic, made before the delete was folded, may be behind it. It is
    /// removed before the tombstone's own copy, which is the last word.
    #[must_use]
    pub fn stands(&self, record: &Record) -> bool {
        let origin = record.origin();
        let entry = self.entries.get(&record.topic);
        record.kind == Kind::State
            && match entry.and_then(|entry| entry.state_of(origin.lane)) {
                Some(last) => last.position == origin,
                None => record.op == Op::Delete,
            }
    }

    /// The values of `prefix` and of all topics below it, in the order of topics, from the one after
    /// `after` on (`None`: from the first). The empty prefix stands for the whole tree.
    pub fn subtree<'a>(
        &'a self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = &'a Record> + use<'a> {
        let standing = self.standing(prefix, after);
        standing.filter(|record| record.op == Op::Put)
    }

    /// As [`StateTree::subtree`], with the tombstones that are remembered.
    pub fn standing<'a>(
        &'a self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = &'a Record> + use<'a> {
        self.within(prefix, after).map(|(_, entry)| entry.shown())
    }

    /// The topics of `prefix` and below it, as [`StateTree::subtree`] goes through them, each with its
    /// [state](StateTree::state) if it has one: who holds a lock sees how far it has come where few
    /// have.
    pub fn states<'a>(
        &'a self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a Topic, Option<&'a Record>)> + use<'a> {
        self.within(prefix, after)
            .map(|(topic, entry)| (topic, standing_put(entry)))
    }

    /// The same with the last record of kind `state` of each topic, which may be a tombstone.
    pub fn last_states<'a>(
        &'a self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a Topic, Option<&'a Record>)> + use<'a> {
        self.within(prefix, after)
            .map(|(topic, entry)| (topic, entry.state()))
    }

    /// The last record of kind `state` of a topic, which may be a tombstone.
    #[must_use]
    pub fn last_state(&self, topic: &str) -> Option<&Record> {
        self.entries.get(topic)?.state()
    }

    /// How many topics have a value, or a state beneath an event that deletes them.
    #[must_use]
    pub fn topics(&self) -> usize {
        self.entries.len() - self.tombstones.len()
    }

    /// How many topics have a tombstone and nothing else.
    #[must_use]
    pub fn tombstones(&self) -> usize {
        self.tombstones.len()
    }

    /// About how much memory the records take.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many records were left out because the tree was full.
    #[must_use]
    pub const fn over_limit(&self) -> u64 {
        self.over_limit
    }

    /// How many more topics may have a value.
    #[must_use]
    pub fn room(&self) -> usize {
        self.limits.topics.saturating_sub(self.topics())
    }

    /// Whether a put to `topic` would be left out now. Who accepts records asks first and refuses.
    #[must_use]
    pub fn would_exceed(&self, topic: &Topic) -> bool {
        let has_value = self.entries.get(topic).is_some_and(|it| it.has_value());
        !has_value && self.is_full_for(topic)
    }

    /// Forgets the tombstones that are old enough at `now`.
    pub fn forget_tombstones(&mut self, now: Timestamp) {
        let oldest = now.saturating_sub(self.limits.tombstone_age);
        while self.tombstones.first().is_some_and(|(at, _)| *at <= oldest) {
            self.forget_oldest_tombstone();
        }
    }

    /// How many topics have changed since the last [`StateTree::take_changes`], some perhaps counted
    /// twice.
    #[must_use]
    pub fn changes(&self) -> usize {
        self.changes.len()
    }

    /// Some of what has changed since the last call, for a checkpoint: at most `max` topics, in no
    /// order, so that whoever holds a lock holds it shortly. When a topic comes twice, both say the
    /// same as long as nothing is folded in between.
    pub fn take_changes(&mut self, max: usize) -> Vec<Change> {
        let rest = self.changes.len().saturating_sub(max);
        let topics = match rest {
            // The list that was long once takes no memory any more.
            0 => std::mem::take(&mut self.changes),
            _ => self.changes.split_off(rest),
        };
        let change = |topic: Topic| {
            let records = self.entries.get_mut(&topic).map_or_else(Vec::new, |entry| {
                entry.changed = false;
                entry.records().cloned().collect()
            });
            Change { topic, records }
        };
        topics.into_iter().map(change).collect()
    }

    /// Notes every topic as changed, for a checkpoint that begins anew.
    pub fn change_all(&mut self) {
        for (topic, entry) in &mut self.entries {
            if !std::mem::replace(&mut entry.changed, true) {
                self.changes.push(topic.clone());
            }
        }
    }

    fn fold(&mut self, record: &Record) -> Outcome {
        let full = self.is_full_for(&record.topic);
        let Some(entry) = self.entries.get_mut(&record.topic) else {
            return self.plant(record, full);
        };
        if entry.knows(record) {
            return Outcome::Unchanged;
        }
        let before = (entry.has_value(), entry.shown().received, entry.bytes());
        if full && record.op == Op::Put && !before.0 {
            self.over_limit += 1;
            return Outcome::OverLimit;
        }
        let topic = entry.shown().topic.clone();
        let shows_another = entry.take(compact(record, topic.clone()));
        let outcome = match entry.shown() {
            _ if !shows_another => Outcome::Unchanged,
            shown if shown.position == record.position => Outcome::Shows,
            other => Outcome::ShowsOther(Box::new(other.clone())),
        };
        if !std::mem::replace(&mut entry.changed, true) {
            self.changes.push(topic.clone());
        }
        let (has_value, received) = (entry.has_value(), entry.shown().received);
        self.bytes = self.bytes + entry.bytes() - before.2;
        if !before.0 {
            self.tombstones.remove(&(before.1, topic.clone()));
        }
        if !has_value {
            self.tombstones.insert((received, topic));
        }
        outcome
    }

    fn is_full_for(&self, topic: &Topic) -> bool {
        let always = self.limits.always.as_deref();
        self.room() == 0 && !always.is_some_and(|always| topic.is_within(always))
    }

    /// The first record of a topic.
    fn plant(&mut self, record: &Record, full: bool) -> Outcome {
        if full && record.op == Op::Put {
            self.over_limit += 1;
            return Outcome::OverLimit;
        }
        let topic = compact_topic(&record.topic);
        let mut entry = Box::new(Entry::new(compact(record, topic.clone())));
        entry.changed = true;
        self.changes.push(topic.clone());
        self.bytes += entry.bytes();
        if !entry.has_value() {
            self.tombstones.insert((record.received, topic.clone()));
        }
        self.entries.insert(topic, entry);
        Outcome::Shows
    }

    fn forget_oldest_tombstone(&mut self) {
        let Some((_, topic)) = self.tombstones.pop_first() else {
            return;
        };
        if let Some(entry) = self.entries.remove(&topic) {
            self.bytes -= entry.bytes();
            if !entry.changed {
                self.changes.push(topic);
            }
        }
    }

    /// The entries of `prefix` and all topics below it, from the one after `after` on.
    fn within<'a>(
        &'a self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a Topic, &'a Entry)> + use<'a> {
        let own = self
            .entries
            .get_key_value(prefix)
            .filter(|_| after.is_none_or(|after| after < prefix));
        let all = own.into_iter().chain(self.below(prefix, after));
        all.map(|(topic, entry)| (topic, &**entry))
    }

    fn below<'a>(
        &'a self,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a Topic, &'a Box<Entry>)> + use<'a> {
        // "0" follows "/": between the two is all that begins with the prefix and a slash.
        let (first, end) = (format!("{prefix}/"), format!("{prefix}0"));
        let range: (Bound<&str>, Bound<&str>) = match after {
            _ if prefix.is_empty() => (
                after.map_or(Bound::Unbounded, Bound::Excluded),
                Bound::Unbounded,
            ),
            Some(after) if after >= end.as_str() => (Bound::Included(&end), Bound::Excluded(&end)),
            Some(after) if after > first.as_str() => {
                (Bound::Excluded(after), Bound::Excluded(&end))
            }
            _ => (Bound::Included(&first), Bound::Excluded(&end)),
        };
        self.entries.range::<str, _>(range)
    }
}

fn standing_put(entry: &Entry) -> Option<&Record> {
    entry.state().filter(|record| record.op == Op::Put)
}

#[cfg(test)]
mod beneath;
#[cfg(test)]
mod restated;
#[cfg(test)]
mod tests;
