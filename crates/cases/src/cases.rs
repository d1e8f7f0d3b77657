//! The decider.

use std::collections::BTreeMap;
use std::sync::Arc;

use spica_model::{Record, Timestamp, Topic};

use crate::{Case, CaseId, Condition, Counts, Order, OrderError, Output, Rules, Topics, Trouble};

/// Most things that fire in one call of [`Cases::on_time`]. While [`Cases::next_due`] is not after
/// now, there is more.
pub const AT_ONCE: usize = 256;

/// Folds records, orders and time, and decides what becomes of cases.
#[derive(Debug)]
pub struct Cases {
    topics: Topics,
    rules: Rules,
    cases: BTreeMap<CaseId, Arc<Case>>,
    conditions: BTreeMap<String, BTreeMap<String, Condition>>,
    counts: Counts,
    epoch: u64,
}

impl Cases {
    /// No case yet, in the epoch 0.
    ///
    /// # Panics
    /// If the node's path has more than [`NODE_BYTES`](crate::NODE_BYTES).
    #[must_use]
    pub fn new(node: Topic, rules: Rules) -> Self {
        Self {
            topics: Topics::new(node),
            rules,
            cases: BTreeMap::new(),
            conditions: BTreeMap::new(),
            counts: Counts::default(),
            epoch: 0,
        }
    }

    /// A reign begins, or goes on: numbers count from 1, or from where they were.
    pub const fn begin(&mut self, epoch: u64) {
        self.epoch = epoch;
    }

    /// Takes up what a record of the state tree says, at start: in any order, each record of the
    /// tree. What is of no use is left alone.
    pub fn restore(&mut self, _record: &Record) {}

    /// Takes in a durable record: each one once, in the order of its lane.
    pub fn on_record(&mut self, _record: &Record, _now: Timestamp, _out: &mut Output) {}

    /// Lets fire what is due, at most [`AT_ONCE`].
    pub fn on_time(&mut self, _now: Timestamp, _out: &mut Output) {}

    /// When [`Cases::on_time`] is to be called next. It may be earlier than anything fires.
    #[must_use]
    pub const fn next_due(&self) -> Option<Timestamp> {
        None
    }

    /// Follows an order; says which cases it changed.
    ///
    /// # Errors
    /// If the order cannot be followed as things are; nothing is changed then.
    pub fn order(
        &mut self,
        order: Order,
        _now: Timestamp,
        _out: &mut Output,
    ) -> Result<Vec<CaseId>, OrderError> {
        match order.verb {
            crate::Verb::Case(id, _) => Err(OrderError::UnknownCase(id)),
            crate::Verb::Condition { .. } => Ok(Vec::new()),
        }
    }

    /// Takes in a trouble of the node itself, or its end. Saying it again changes nothing.
    pub fn trouble(&mut self, _trouble: &Trouble, _now: Timestamp, _out: &mut Output) {}

    /// A case, open or closed and not forgotten.
    #[must_use]
    pub fn get(&self, id: CaseId) -> Option<&Arc<Case>> {
        self.cases.get(&id)
    }

    /// The cases that are not closed, in the order of their names.
    pub fn open(&self) -> impl Iterator<Item = &Arc<Case>> {
        self.cases.values().filter(|case| case.is_open())
    }

    /// The cases after `after` (exclusive; `None`: from the first), open or closed, in the order of
    /// their names.
    pub fn after(&self, after: Option<CaseId>) -> impl Iterator<Item = &Arc<Case>> {
        let from = after.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        self.cases
            .range((from, std::ops::Bound::Unbounded))
            .map(|(_, case)| case)
    }

    /// What is known about a condition, if it is not trivial.
    #[must_use]
    pub fn condition(&self, source: &str, condition: &str) -> Option<&Condition> {
        self.conditions.get(source)?.get(condition)
    }

    /// The conditions that are not trivial, by source and name.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.values().flat_map(BTreeMap::values)
    }

    /// What was counted.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The rules.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Where everything about cases stands.
    #[must_use]
    pub const fn topics(&self) -> &Topics {
        &self.topics
    }
}
