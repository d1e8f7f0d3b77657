//! The cases there are, by name, and which of them are open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use spica_model::Timestamp;

use crate::{Case, CaseId};

/// The cases there are.
#[derive(Debug, Default)]
pub(super) struct Book {
    cases: BTreeMap<CaseId, Arc<Case>>,
    open: BTreeSet<CaseId>,
    /// In the order in which they were closed.
    closed: BTreeSet<(Timestamp, CaseId)>,
    /// The newest name.
    newest: CaseId,
}

impl Book {
    /// Names are given in this epoch from now on.
    pub(super) fn begin(&mut self, epoch: u64) {
        let of_epoch = CaseId { epoch, number: 0 }..=CaseId {
            epoch,
            number: u64::MAX,
        };
        let known = self.cases.range(of_epoch).next_back();
        self.newest = known.map_or(CaseId { epoch, number: 0 }, |(id, _)| *id);
    }

    /// The name for a new case.
    pub(super) const fn name(&mut self) -> CaseId {
        self.newest.number += 1;
        self.newest
    }

    /// Puts a case, new or changed.
    pub(super) fn put(&mut self, case: Arc<Case>) {
        let id = case.id;
        self.remove(id);
        match &case.closed {
            None => self.open.insert(id),
            Some(signature) => self.closed.insert((signature.at, id)),
        };
        if id.epoch == self.newest.epoch {
            self.newest = self.newest.max(id);
        }
        self.cases.insert(id, case);
    }

    /// Removes a case.
    pub(super) fn remove(&mut self, id: CaseId) {
        let Some(case) = self.cases.remove(&id) else {
            return;
        };
        match &case.closed {
            None => self.open.remove(&id),
            Some(signature) => self.closed.remove(&(signature.at, id)),
        };
    }

    /// The closed case to forget if there are more than `limit`: the one that was closed first, but
    /// never the newest, whose number says where to go on.
    pub(super) fn forgettable(&self, limit: usize) -> Option<CaseId> {
        if self.closed.len() <= limit {
            return None;
        }
        let mut ids = self.closed.iter().map(|(_, id)| *id);
        ids.find(|id| *id != self.newest)
    }

    pub(super) fn get(&self, id: CaseId) -> Option<&Arc<Case>> {
        self.cases.get(&id)
    }

    pub(super) const fn cases(&self) -> &BTreeMap<CaseId, Arc<Case>> {
        &self.cases
    }

    pub(super) fn open(&self) -> impl Iterator<Item = &Arc<Case>> {
        self.open.iter().filter_map(|id| self.cases.get(id))
    }

    /// How many are open.
    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }
}
