//! The conditions that are not trivial, and when something happens to them by itself.

use std::collections::{BTreeMap, BTreeSet};

use spica_model::Timestamp;

use crate::{Condition, Severity};

/// What happens by itself. A shelf that ends goes before what happens at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Which {
    Shelf,
    Pending,
}

/// When what happens to which condition: source, then name.
pub(super) type Due = (Timestamp, Which, String, String);

/// The conditions that are not trivial.
#[derive(Debug, Default)]
pub(super) struct Conditions {
    by_source: BTreeMap<String, BTreeMap<String, Condition>>,
    count: usize,
    due: BTreeSet<Due>,
    /// Raises that wait for room: those of emergencies (`false`) first.
    waiting: BTreeSet<(bool, Due)>,
}

/// A condition that is being changed, and how it was.
#[derive(Debug)]
pub(super) struct Edit {
    before: Option<Condition>,
    pub(super) it: Condition,
}

/// What becomes of a condition's record.
#[derive(Debug)]
pub(super) enum Saved {
    Same,
    Changed,
    Trivial,
}

impl Conditions {
    pub(super) fn get(&self, source: &str, condition: &str) -> Option<&Condition> {
        self.by_source.get(source)?.get(condition)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Condition> {
        self.by_source.values().flat_map(BTreeMap::values)
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }

    /// A copy to change; to be given to [`Conditions::save`].
    pub(super) fn edit(&self, source: &str, condition: &str) -> Edit {
        let before = self.get(source, condition).cloned();
        let it = before.clone();
        Edit {
            before,
            it: it.unwrap_or_else(|| Condition::new(source, condition)),
        }
    }

    /// Takes a changed condition back.
    pub(super) fn save(&mut self, edit: &Edit) -> Saved {
        let Edit { before, it } = edit;
        if before.as_ref() == Some(it) {
            return Saved::Same;
        }
        self.reindex(before.as_ref(), it);
        if !it.is_trivial() {
            let of_source = self.by_source.entry(it.source.clone()).or_default();
            self.count += usize::from(of_source.insert(it.condition.clone(), it.clone()).is_none());
            return Saved::Changed;
        }
        if before.is_none() {
            return Saved::Same;
        }
        if let Some(of_source) = self.by_source.get_mut(&it.source) {
            self.count -= usize::from(of_source.remove(&it.condition).is_some());
            if of_source.is_empty() {
                self.by_source.remove(&it.source);
            }
        }
        Saved::Trivial
    }

    fn reindex(&mut self, before: Option<&Condition>, it: &Condition) {
        let old = before.and_then(|before| before.shelved.as_ref());
        if old.map(|shelf| shelf.until) != it.shelved.as_ref().map(|shelf| shelf.until) {
            let of = |until| (until, Which::Shelf, it.source.clone(), it.condition.clone());
            if let Some(shelf) = old {
                self.due.remove(&of(shelf.until));
            }
            self.due
                .extend(it.shelved.as_ref().map(|shelf| of(shelf.until)));
        }
        if before.and_then(|before| before.pending.as_ref()) != it.pending.as_ref() {
            if let Some(old) = before.and_then(pending) {
                self.due.remove(&old.1);
                self.waiting.remove(&old);
            }
            self.due.extend(pending(it).map(|(_, due)| due));
        }
    }

    /// When the next thing happens.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|due| due.0)
    }

    /// Takes out what happens next. It is the caller's to see that it happens, or waits.
    pub(super) fn pop(&mut self) -> Option<Due> {
        self.due.pop_first()
    }

    /// The raise of a condition that was popped has to wait.
    pub(super) fn wait(&mut self, it: &Condition) {
        self.waiting.extend(pending(it));
    }

    /// Lets the raises that wait be tried again: of emergencies only, or all.
    pub(super) fn release(&mut self, emergencies_only: bool) {
        while let Some(first) = self.waiting.first()
            && !(emergencies_only && first.0)
            && let Some((_, due)) = self.waiting.pop_first()
        {
            self.due.insert(due);
        }
    }

    /// Which raises wait: of emergencies, of anything.
    pub(super) fn are_waiting(&self) -> (bool, bool) {
        let emergency = self.waiting.first().is_some_and(|(milder, _)| !milder);
        (emergency, !self.waiting.is_empty())
    }
}

/// What is pending of a condition, and whether it is milder than an emergency.
fn pending(it: &Condition) -> Option<(bool, Due)> {
    let pending = it.pending.as_ref()?;
    let emergency = pending.raise.as_ref().map(|raise| raise.severity) == Some(Severity::Emergency);
    let due = (
        pending.at,
        Which::Pending,
        it.source.clone(),
        it.condition.clone(),
    );
    Some((!emergency, due))
}
