//! What a durable record is about, and what is restored from the records of a state tree.

use std::sync::Arc;

use spica_devices::{DEVICES, Registration, Serial};
use spica_model::{Op, Record, Timestamp};

use super::check_ins::MISSED;
use super::room::FLOOD;
use super::values::{STALE, holds_or_will};
use super::{Cases, Turn, life};
use crate::{ALARMS, Case, Condition, Output, Part, Step, What};

/// What a record that a partner entered again has as its key, if it had none. Nothing below
/// `alarms/` has one.
const REENTERED: &[u8] = b"reentered:";

impl Cases {
    /// Takes up what a record of the state tree says, at a start: every record of the tree, in any
    /// order; what is of no use is left alone. Afterwards go on with the records behind the mark,
    /// some of which the tree may know already.
    pub fn restore(&mut self, record: &Record) {
        let record = record.fact();
        let Some(path) = record.topic.below(self.topics.node().as_str()) else {
            return;
        };
        if is_own(path) {
            self.restore_own(&record);
            return;
        }
        if let Some((serial, what)) = of_device(path) {
            match what {
                "check-in" => {
                    let deletes = record.op == Op::Delete;
                    self.devices.check_in(serial, &record, deletes);
                }
                "registration" if record.op == Op::Delete => {
                    self.devices.register(serial, &record, None);
                }
                "registration" => match Registration::decode(&record.payload) {
                    Ok(registration) => {
                        self.devices.register(serial, &record, Some(registration));
                    }
                    Err(_) => self.counts.unreadable += 1,
                },
                _ => {}
            }
        }
        self.restore_watch(path, &record);
    }

    fn restore_own(&mut self, record: &Record) {
        if record.op == Op::Delete {
            return;
        }
        let read = match Part::of(self.topics.node().as_str(), &record.topic) {
            Some(Part::Case(id)) => {
                Case::decode(id, &record.payload).map(|case| self.book.put(Arc::new(case)))
            }
            Some(Part::Condition { .. }) => Condition::decode(&record.payload).map(|it| {
                let mut edit = self.conditions.edit(&it.source, &it.condition);
                edit.it = it;
                self.conditions.save(&edit);
            }),
            _ => return,
        };
        self.counts.unreadable += u64::from(read.is_err());
    }

    fn restore_watch(&mut self, path: &str, record: &Record) {
        if self.matcher.is_empty() || record.op == Op::Delete {
            return;
        }
        let found = self.matcher.find(path).into_iter();
        let within = |number: usize| self.rules.thresholds[number].stale_after;
        let watch = found
            .filter_map(|number| Some((number, within(number)?.into())))
            .next();
        if let Some(watch) = watch {
            // Too many are counted when they are heard of again.
            let _ = self
                .watches
                .hear(path, record, watch, self.rules.max_watched);
        }
    }

    /// After everything was restored: brings into line what belongs together.
    pub(super) fn settle(&mut self, turn: &mut Turn<'_>) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        self.settle_cases(turn);
        let holding: Vec<_> = self
            .conditions
            .iter()
            .filter(|it| holds_or_will(it))
            .collect();
        for it in holding {
            let (source, condition) = (it.source.as_str(), it.condition.as_str());
            if condition == STALE {
                self.watches.tell(source);
            } else if (source, condition) == FLOOD {
                self.flooded = true;
            } else if condition == MISSED
                && let Some((serial, "")) = of_device(&format!("{source}/"))
            {
                self.devices.miss(serial);
            }
        }
        self.devices.queue_all();
    }

    /// Every open case belongs to its condition, and every condition has one at most: two nodes
    /// that were parted may have raised one each.
    fn settle_cases(&mut self, turn: &mut Turn<'_>) {
        let lost: Vec<_> = self
            .conditions
            .iter()
            .filter(|it| self.has_lost(it))
            .cloned()
            .collect();
        for it in lost {
            self.with(&it.source, &it.condition, turn, |_, it, _| it.case = None);
        }
        let open: Vec<Arc<Case>> = self.book.open().cloned().collect();
        for case in open {
            self.with(
                &case.source,
                &case.condition,
                turn,
                |cases, it, turn| match it.case {
                    Some(id) if id == case.id => {}
                    Some(first) => {
                        it.case = Some(case.id);
                        let step = Step {
                            why: Some(format!("it is the same as {first}")),
                            ..life::step(What::Closed, "node", turn)
                        };
                        cases.close(it, step, turn);
                        it.case = Some(first);
                    }
                    None => {
                        it.case = Some(case.id);
                        it.active |= case.active;
                    }
                },
            );
        }
    }

    fn has_lost(&self, it: &Condition) -> bool {
        it.case.is_some() && self.case_of(it).is_none()
    }

    /// Takes in a durable record: each one once, in the order of its lane. Those that this decider
    /// wanted itself say nothing new.
    pub fn on_record(&mut self, record: &Record, now: Timestamp, out: &mut Output) {
        if record.is_restated() {
            return;
        }
        let Some(path) = record.topic.below(self.topics.node().as_str()) else {
            return;
        };
        let turn = &mut Turn::of(record, now, out);
        self.settle(turn);
        if is_own(path) {
            self.on_own(record, turn);
            return;
        }
        if let Some((serial, what)) = of_device(path) {
            self.on_device(serial, what, record, turn);
        } else if let Some(notice) = path.strip_prefix("system/pair/") {
            self.on_notice(notice, record, turn);
        }
        if !self.matcher.is_empty() {
            self.on_value(path, record, turn);
        }
        self.finish(turn);
    }

    fn on_device(&mut self, serial: Serial, what: &str, record: &Record, turn: &mut Turn<'_>) {
        match what {
            "check-in" => self.on_check_in(serial, record, turn),
            "registration" => self.on_registration(serial, record, turn),
            _ => {
                let name = what
                    .strip_prefix("events/")
                    .filter(|_| record.op == Op::Put);
                if let Some(rule) = name.and_then(|name| self.events.get(name)) {
                    let rule = rule.clone();
                    self.on_event(serial, rule, record, turn);
                }
            }
        }
    }

    /// A record of cases or conditions comes back. What a partner that parted wrote, and what was
    /// entered again here, is not what this node decided from the same facts: it is said again.
    fn on_own(&self, record: &Record, turn: &mut Turn<'_>) {
        let reentered = |key: &spica_model::Key| key.as_bytes().starts_with(REENTERED);
        if !record.key.as_ref().is_some_and(reentered) {
            return;
        }
        let here = match Part::of(self.topics.node().as_str(), &record.topic) {
            Some(Part::Case(id)) => self.book.get(id).map(|case| case.encode()),
            Some(Part::Condition { source, condition }) => {
                // A cut source is not found here; then its record is deleted, and written again
                // with the next change.
                self.conditions
                    .get(&source, &condition)
                    .map(Condition::encode)
            }
            _ => return,
        };
        match here {
            Some(payload) => turn.put(record.topic.clone(), payload),
            None => turn.delete(record.topic.clone()),
        }
    }
}

/// Whether a path below the node is about cases: only their deciders write there.
fn is_own(path: &str) -> bool {
    path.strip_prefix(ALARMS)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Whose and what part of a device a path below the node is.
fn of_device(path: &str) -> Option<(Serial, &str)> {
    let below = path.strip_prefix(DEVICES)?.strip_prefix('/')?;
    let (serial, what) = below.split_once('/')?;
    Some((Serial::new(serial).ok()?, what))
}
