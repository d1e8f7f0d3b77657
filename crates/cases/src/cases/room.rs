//! How much is kept, and what happens at the limits.

use serde_json::json;

use super::{Cases, Turn, life};
use crate::{Condition, Pending, Raise, Severity, Told, What};

/// What is the matter when too many cases are open, and with whom.
pub(super) const FLOOD: (&str, &str) = ("system/cases", "alarm-flood-limit");

/// Most closed cases that are forgotten at once, should the limit have been lowered.
const FORGET_AT_ONCE: usize = 16;

impl Cases {
    /// Whether one more condition may be kept.
    pub(super) fn admits(&self, it: &Condition, severity: Severity) -> bool {
        severity == Severity::Emergency
            || self.conditions.len() < self.rules.max_conditions
            || self.conditions.get(&it.source, &it.condition).is_some()
            || is_flood(it)
    }

    /// Whether one more case of this severity may be open.
    pub(super) fn has_room(&self, it: &Condition, severity: Severity) -> bool {
        if is_flood(it) {
            return true;
        }
        let open = self.load();
        match severity {
            Severity::Emergency => open < self.rules.max_open.saturating_mul(2),
            _ => !self.flooded && open < self.rules.max_open,
        }
    }

    /// How many cases are open, but for the one that says that they are too many.
    fn load(&self) -> usize {
        let (source, condition) = FLOOD;
        let flood = self
            .conditions
            .get(source, condition)
            .and_then(|it| it.case);
        self.book.open_count() - usize::from(flood.is_some())
    }

    /// Lets a raise wait for room. Meanwhile that is all that may happen by itself.
    pub(super) fn postpone(
        &mut self,
        it: &mut Condition,
        raise: Raise,
        told: Told,
        turn: &Turn<'_>,
    ) {
        let waits = |pending: &Pending| pending.raise.is_some() && pending.at <= turn.now;
        if it.pending.as_ref().is_some_and(waits) {
            return;
        }
        self.counts.postponed += 1;
        it.pending = Some(Pending {
            at: turn.now,
            raise: Some(raise),
            since: told,
        });
    }

    /// After everything else of a turn: says that there is a flood, or that it is over, lets those
    /// that wait try again, and forgets what is closed for long.
    pub(super) fn finish(&mut self, turn: &mut Turn<'_>) {
        self.tell_flood(turn);
        let (emergencies, any) = self.conditions.are_waiting();
        if any && !self.flooded {
            self.conditions.release(false);
        } else if emergencies && self.load() < self.rules.max_open.saturating_mul(2) {
            self.conditions.release(true);
        }
        for _ in 0..FORGET_AT_ONCE {
            let Some(id) = self.book.forgettable(self.rules.max_closed) else {
                break;
            };
            self.book.remove(id);
            self.counts.forgotten += 1;
            turn.delete(self.topics.case(id));
            turn.out.forgotten.push(id);
        }
    }

    fn tell_flood(&mut self, turn: &mut Turn<'_>) {
        if !self.flooded {
            return;
        }
        let (source, condition) = FLOOD;
        let (open, limit) = (self.load(), self.rules.max_open);
        // Not at the limit itself, or it would come and go with every case.
        if open < limit - limit / 10 {
            self.flooded = false;
            let step = life::step(What::Cleared, "node", turn);
            self.with(source, condition, turn, |cases, it, turn| {
                cases.clear(it, step, turn);
            });
            return;
        }
        let told = self
            .conditions
            .get(source, condition)
            .is_some_and(|it| it.active);
        if told {
            return;
        }
        let raise = Raise {
            severity: Severity::High,
            text: format!(
                "{open} cases are open: cases below emergency wait until some are closed"
            ),
            cause: "node".to_owned(),
            by: "node".to_owned(),
            detail: json!({ "open": open, "limit": limit }),
        };
        self.with(source, condition, turn, |cases, it, turn| {
            it.lasting = true;
            let told = Told {
                received: turn.now,
                happened: None,
            };
            cases.raise(it, raise, told, turn);
        });
    }
}

fn is_flood(it: &Condition) -> bool {
    (it.source.as_str(), it.condition.as_str()) == FLOOD
}
