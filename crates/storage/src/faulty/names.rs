//! The directory: which name stands for which file, now and after a crash.

use std::collections::{BTreeMap, BTreeSet};

use super::random::Random;

/// Number of a file, never used again.
pub(super) type InodeId = u64;

/// Names that one operation changed, all or none of them after a crash.
type Change = Vec<(String, Option<InodeId>)>;

#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    now: BTreeMap<String, InodeId>,
    durable: BTreeMap<String, InodeId>,
    unsynced: Vec<Change>,
}

impl Names {
    pub(super) fn get(&self, name: &str) -> Option<InodeId> {
        self.now.get(name).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, InodeId)> {
        self.now.iter().map(|(name, id)| (name.as_str(), *id))
    }

    /// The files that have a name, now or after a crash.
    pub(super) fn named(&self) -> BTreeSet<InodeId> {
        let unsynced = self.unsynced.iter().flatten().filter_map(|(_, id)| *id);
        let known = self.now.values().chain(self.durable.values()).copied();
        known.chain(unsynced).collect()
    }

    /// Sets (`Some`) or removes (`None`) names, as one change.
    pub(super) fn change(&mut self, change: Change) {
        apply(&mut self.now, &change);
        self.unsynced.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.keep_first(self.unsynced.len());
    }

    /// A failed sync: the first changes are durable, the others may become so later.
    pub(super) fn sync_in_vain(&mut self, random: &mut Random) {
        self.keep_first(random.below(self.unsynced.len() + 1));
    }

    pub(super) fn crash(&mut self, random: &mut Random) {
        self.sync_in_vain(random);
        self.unsynced.clear();
        self.now.clone_from(&self.durable);
    }

    fn keep_first(&mut self, count: usize) {
        for change in self.unsynced.drain(..count) {
            apply(&mut self.durable, &change);
        }
    }
}

fn apply(names: &mut BTreeMap<String, InodeId>, change: &Change) {
    for (name, id) in change {
        match id {
            Some(id) => names.insert(name.clone(), *id),
            None => names.remove(name),
        };
    }
}
