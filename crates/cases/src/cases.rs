//! The decider.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use spica_model::{Timestamp, Topic};

use crate::{
    Case, CaseId, Condition, Counts, EventRule, Order, OrderError, Output, Raise, Rules, Severity,
    Told, Topics, Trouble, Verb, What, kebab,
};

mod book;
mod check_ins;
mod conditions;
mod devices;
mod events;
mod life;
mod matcher;
mod notices;
mod orders;
mod records;
mod room;
mod seen;
mod shelves;
mod timers;
mod turn;
mod values;
mod watches;

use book::Book;
use conditions::{Conditions, Edit, Saved};
use devices::Devices;
use matcher::Matcher;
use orders::Who;
use turn::Turn;
use watches::Watches;

/// About as many steps happen in one call of [`Cases::on_time`], so that what follows from it fits
/// one batch.
pub const AT_ONCE: usize = 256;

/// Folds records, orders and time, and decides what becomes of cases.
///
/// At a start, [`begin`](Self::begin) it and [`restore`](Self::restore) the state tree; then give it
/// every record behind the mark with [`on_record`](Self::on_record), and call
/// [`on_time`](Self::on_time) whenever [`next_due`](Self::next_due) has come. The time that it is
/// given never goes back.
#[derive(Debug)]
pub struct Cases {
    topics: Topics,
    rules: Arc<Rules>,
    /// By the name of the event, with the names of conditions as topics have them.
    events: BTreeMap<String, EventRule>,
    /// The worst that the rules raise, by condition.
    severities: BTreeMap<String, Severity>,
    matcher: Matcher,
    book: Book,
    conditions: Conditions,
    devices: Devices,
    watches: Watches,
    counts: Counts,
    /// Whether raises below emergency wait until cases are closed.
    flooded: bool,
    /// Whether what was restored has been brought into line.
    settled: bool,
}

impl Cases {
    /// No case yet, in the epoch 0. The rules are taken as they are: [`Rules::check`] them before.
    ///
    /// # Panics
    /// If the node's path has more than [`NODE_BYTES`](crate::NODE_BYTES).
    #[must_use]
    pub fn new(node: Topic, rules: Rules) -> Self {
        let named = |(name, rule): (&String, &EventRule)| {
            let condition = kebab(rule.condition());
            (name.clone(), rule.clone().named(condition))
        };
        let events: BTreeMap<_, _> = rules.events.iter().map(named).collect();
        Self {
            topics: Topics::new(node),
            severities: severities(&rules, &events),
            events,
            matcher: Matcher::new(rules.thresholds.iter().map(|rule| rule.topic.as_str())),
            rules: Arc::new(rules),
            book: Book::default(),
            conditions: Conditions::default(),
            devices: Devices::default(),
            watches: Watches::default(),
            counts: Counts::default(),
            flooded: false,
            settled: false,
        }
    }

    /// A reign begins or goes on: the numbers of its cases count from 1, or from where they were.
    pub fn begin(&mut self, epoch: u64) {
        self.book.begin(epoch);
    }

    /// Follows an order; says which cases it changed. An order whose aim is reached already changes
    /// none.
    ///
    /// # Errors
    /// If the order cannot be followed as things are; nothing is changed by it then. `out` counts all
    /// the same: the first call after a start may have put something right.
    pub fn order(
        &mut self,
        order: Order,
        now: Timestamp,
        out: &mut Output,
    ) -> Result<Vec<CaseId>, OrderError> {
        let Order { verb, by, why } = order;
        let who = Who::checked(by, why)?;
        let turn = &mut Turn::by(&who.by, now, out);
        self.settle(turn);
        let done = match verb {
            Verb::Case(id, verb) => self.order_case(id, verb, &who, turn),
            Verb::Condition {
                source,
                condition,
                verb,
            } => self.order_condition((&source, &condition), verb, &who, turn),
        };
        self.finish(turn);
        done
    }

    /// Takes in a trouble of the node itself, or its end. Saying it again changes nothing, but that
    /// it has become worse.
    pub fn trouble(&mut self, trouble: &Trouble, now: Timestamp, out: &mut Output) {
        let turn = &mut Turn::by("node", now, out);
        self.settle(turn);
        self.with(
            &trouble.source,
            &kebab(&trouble.condition),
            turn,
            |cases, it, turn| {
                it.lasting = true;
                match (trouble.active, it.active || it.pending.is_some()) {
                    (true, true) => cases.worsen(it, trouble.severity, "node", turn),
                    (true, false) => {
                        let told = Told {
                            received: now,
                            happened: None,
                        };
                        cases.raise(it, raise_of(trouble), told, turn);
                    }
                    (false, true) => cases.clear(it, life::step(What::Cleared, "node", turn), turn),
                    (false, false) => {}
                }
            },
        );
        self.finish(turn);
    }

    /// A case, open or closed and not forgotten.
    #[must_use]
    pub fn get(&self, id: CaseId) -> Option<&Arc<Case>> {
        self.book.get(id)
    }

    /// The cases that are not closed, in the order of their names.
    pub fn open(&self) -> impl Iterator<Item = &Arc<Case>> {
        self.book.open()
    }

    /// The cases after `after` (exclusive; `None`: from the first), open or closed, in the order of
    /// their names.
    pub fn after(&self, after: Option<CaseId>) -> impl Iterator<Item = &Arc<Case>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.book
            .cases()
            .range((from, Bound::Unbounded))
            .map(|(_, case)| case)
    }

    /// What is known about a condition, if it is not trivial.
    #[must_use]
    pub fn condition(&self, source: &str, condition: &str) -> Option<&Condition> {
        self.conditions.get(source, condition)
    }

    /// The conditions that are not trivial, by source and name.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.conditions.iter()
    }

    /// What was counted.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The rules.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Where everything about cases stands.
    #[must_use]
    pub const fn topics(&self) -> &Topics {
        &self.topics
    }

    /// Changes a condition, and notes how it is afterwards.
    fn with(
        &mut self,
        source: &str,
        condition: &str,
        turn: &mut Turn<'_>,
        change: impl FnOnce(&mut Self, &mut Condition, &mut Turn<'_>),
    ) {
        if self.topics.condition(source, condition).is_err() {
            // Not even a topic: nobody could be told of it.
            self.counts.refused += 1;
            return;
        }
        let mut edit = self.conditions.edit(source, condition);
        change(self, &mut edit.it, turn);
        self.save(&edit, turn);
    }

    fn save(&mut self, edit: &Edit, turn: &mut Turn<'_>) {
        let saved = self.conditions.save(edit);
        let Ok(topic) = self.topics.condition(&edit.it.source, &edit.it.condition) else {
            return;
        };
        match saved {
            Saved::Same => {}
            Saved::Changed => turn.put(topic, edit.it.encode()),
            Saved::Trivial => turn.delete(topic),
        }
    }
}

fn raise_of(trouble: &Trouble) -> Raise {
    Raise {
        severity: trouble.severity,
        text: trouble.text.clone(),
        cause: "node".to_owned(),
        by: "node".to_owned(),
        detail: trouble.detail.clone(),
    }
}

fn severities(rules: &Rules, events: &BTreeMap<String, EventRule>) -> BTreeMap<String, Severity> {
    let of_events = events.values().filter_map(|rule| match rule {
        EventRule::Raise {
            condition,
            severity,
        }
        | EventRule::Start {
            condition,
            severity,
            ..
        } => Some((condition, *severity)),
        EventRule::Clear { .. } | EventRule::Stop { .. } => None,
    });
    let of_thresholds = rules
        .thresholds
        .iter()
        .map(|rule| (&rule.condition, rule.severity));
    let mut severities = BTreeMap::new();
    for (condition, severity) in of_events.chain(of_thresholds) {
        let worst = severities.entry(condition.clone()).or_insert(severity);
        *worst = severity.max(*worst);
    }
    severities
}
