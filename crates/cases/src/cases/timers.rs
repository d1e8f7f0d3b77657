//! What happens by itself, in time.

use std::sync::Arc;

use spica_devices::Serial;
use spica_model::Timestamp;

use super::conditions::{Due, Which};
use super::{AT_ONCE, Cases, Turn, life};
use crate::{Condition, Output, Pending, Told, What};

/// Most entries of a queue that are only moved in one call.
const MOVES_AT_ONCE: usize = 4_096;

/// What happens next. In this order, if at the same time.
enum Next {
    Condition(Due),
    CheckIn(Timestamp, Serial),
    Silence(Timestamp, Arc<str>),
}

impl Cases {
    /// Lets happen what is due: about [`AT_ONCE`] steps. What was due while the node was down is due
    /// now. While [`Cases::next_due`] is not after `now`, there is more: call it again.
    pub fn on_time(&mut self, now: Timestamp, out: &mut Output) {
        let turn = &mut Turn::by("timer", now, out);
        self.settle(turn);
        let first = turn.out.changes.len();
        let mut budget = MOVES_AT_ONCE;
        while budget > 0 && turn.out.changes.len() - first < AT_ONCE {
            budget -= 1;
            match self.next(now, &mut budget) {
                Some(Next::Condition(due)) => self.on_due(due, turn),
                Some(Next::CheckIn(at, serial)) => self.miss(serial, at, turn),
                Some(Next::Silence(at, path)) => self.silent(&path, at, turn),
                None => break,
            }
        }
        self.finish(turn);
    }

    /// When [`Cases::on_time`] is to be called next. It may be earlier than anything happens.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let times = [
            self.conditions.next_due(),
            self.devices.next_due(),
            self.watches.next_due(),
        ];
        times.into_iter().flatten().min()
    }

    /// What happened first of what is due.
    fn next(&mut self, now: Timestamp, budget: &mut usize) -> Option<Next> {
        let device = self.devices.first_due(now, budget);
        let path = self.watches.first_due(now, budget);
        if *budget == 0 {
            // What stands too early was not all moved: something later may look like the first.
            return None;
        }
        let condition = self.conditions.next_due().filter(|at| *at <= now);
        let others = [
            device.as_ref().map(|(at, _)| *at),
            path.as_ref().map(|(at, _)| *at),
        ];
        let first_other = others.into_iter().flatten().min();
        if condition.is_some_and(|at| first_other.is_none_or(|other| at <= other)) {
            return self.conditions.pop().map(Next::Condition);
        }
        match (device, path) {
            (Some((at, serial)), path) if path.as_ref().is_none_or(|(other, _)| at <= *other) => {
                Some(Next::CheckIn(at, serial))
            }
            (_, Some((at, path))) => Some(Next::Silence(at, path)),
            _ => None,
        }
    }

    fn on_due(&mut self, (_, which, source, condition): Due, turn: &mut Turn<'_>) {
        self.with(&source, &condition, turn, |cases, it, turn| match which {
            Which::Shelf => cases.end_shelf(it, "timer", "its time is over", turn),
            Which::Pending => {
                cases.fire(it, turn);
                if it.pending.is_some() {
                    cases.conditions.wait(it);
                }
            }
        });
    }

    /// Lets happen what was due by `until`, before something else happens to the condition.
    pub(super) fn catch_up(&mut self, it: &mut Condition, until: Timestamp, turn: &mut Turn<'_>) {
        if it
            .shelved
            .as_ref()
            .is_some_and(|shelf| shelf.until <= until)
        {
            self.end_shelf(it, "timer", "its time is over", turn);
        }
        if it
            .pending
            .as_ref()
            .is_some_and(|pending| pending.at <= until)
        {
            self.fire(it, turn);
        }
    }

    /// What was pending happens. A raise for which there is no room stays pending.
    fn fire(&mut self, it: &mut Condition, turn: &mut Turn<'_>) {
        let Some(pending) = it.pending.take() else {
            return;
        };
        let Some(raise) = pending.raise else {
            self.clear(it, life::step(What::Cleared, "timer", turn), turn);
            return;
        };
        let told = Told {
            received: pending.at,
            happened: pending.since.happened,
        };
        let waiting = self.try_raise(it, raise, told, turn);
        if waiting.is_some() {
            it.pending = Some(Pending {
                raise: waiting,
                ..pending
            });
        }
    }
}
