//! The life of a case: raised, raised again, cleared, closed.

use std::sync::Arc;

use serde_json::Value;

use super::{Cases, Turn};
use crate::{Case, CaseId, Change, Condition, DETAIL_BYTES, Raise, Severity, Signature, Step};
use crate::{StepRecord, Told, What};

/// Longest line for people, in bytes; a longer one is cut.
const TEXT_BYTES: usize = 500;

impl Cases {
    /// Raises a condition: a new case, or its open case once more. If there is no room for one, it
    /// waits. A timer that is running goes on.
    pub(super) fn raise(
        &mut self,
        it: &mut Condition,
        raise: Raise,
        told: Told,
        turn: &mut Turn<'_>,
    ) {
        if let Some(raise) = self.try_raise(it, raise, told, turn) {
            self.postpone(it, raise, told, turn);
        }
    }

    /// The same, but gives back a raise for which there is no room.
    pub(super) fn try_raise(
        &mut self,
        it: &mut Condition,
        raise: Raise,
        told: Told,
        turn: &mut Turn<'_>,
    ) -> Option<Raise> {
        let raise = bounded(raise);
        if self.case_of(it).is_some() {
            self.raise_again(it, &raise, told, turn);
        } else if !self.admits(it, raise.severity) {
            self.counts.refused += 1;
        } else if self.has_room(it, raise.severity) {
            self.raise_new(it, raise, told, turn);
        } else {
            self.flooded = true;
            return Some(raise);
        }
        None
    }

    fn raise_new(&mut self, it: &mut Condition, raise: Raise, told: Told, turn: &mut Turn<'_>) {
        self.limit_shelf(it, raise.severity, turn);
        let id = self.book.name();
        let (name, customer) = self.devices.who(&it.source);
        let case = Case {
            id,
            source: it.source.clone(),
            condition: it.condition.clone(),
            severity: raise.severity,
            text: raise.text,
            name,
            customer,
            raised_at: turn.now,
            received_at: told.received,
            happened_at: told.happened,
            cause: raise.cause,
            active: true,
            cleared_at: None,
            acknowledged: None,
            confirmed: None,
            closed: None,
            repeats: 0,
            last_raised_at: turn.now,
            owner: None,
            quiet: it.is_quiet(),
            detail: raise.detail,
        };
        holds(it, told);
        it.case = Some(id);
        self.counts.raised += 1;
        self.change(None, case, step(What::Raised, &raise.by, turn), turn);
    }

    fn raise_again(&mut self, it: &mut Condition, raise: &Raise, told: Told, turn: &mut Turn<'_>) {
        self.limit_shelf(it, raise.severity, turn);
        let Some(before) = self.case_of(it) else {
            return;
        };
        let mut after = Case::clone(&before);
        after.repeats = after.repeats.saturating_add(1);
        after.last_raised_at = turn.now;
        if !raise.detail.is_null() {
            after.detail = raise.detail.clone();
        }
        if !after.active {
            after.active = true;
            after.cleared_at = None;
            // What was known was the occurrence before.
            after.acknowledged = None;
            after.confirmed = None;
        }
        holds(it, told);
        self.counts.repeated += 1;
        self.change(
            Some(before),
            after,
            step(What::Repeated, &raise.by, turn),
            turn,
        );
        self.worsen(it, raise.severity, &raise.by, turn);
    }

    /// The open case of a condition is at least so bad. Whoever knew that it was less bad has to
    /// acknowledge it again.
    pub(super) fn worsen(
        &mut self,
        it: &mut Condition,
        severity: Severity,
        by: &str,
        turn: &mut Turn<'_>,
    ) {
        if self
            .case_of(it)
            .is_none_or(|case| case.severity >= severity)
        {
            return;
        }
        self.limit_shelf(it, severity, turn);
        let Some(before) = self.case_of(it) else {
            return;
        };
        let mut after = Case::clone(&before);
        after.severity = severity;
        after.acknowledged = None;
        after.confirmed = None;
        let to = Some(severity.as_str().to_owned());
        let step = Step {
            to,
            ..step(What::Severity, by, turn)
        };
        self.change(Some(before), after, step, turn);
    }

    /// The condition holds no more, and nothing of it is pending.
    pub(super) fn clear(&mut self, it: &mut Condition, step: Step, turn: &mut Turn<'_>) {
        it.active = false;
        it.pending = None;
        let by = step.by.clone();
        self.clear_case(it, step, turn);
        if it.shelved.as_ref().is_some_and(|shelf| shelf.once) {
            self.end_shelf(it, &by, "it has returned to normal", turn);
        }
        self.close_if_done(it, turn);
    }

    /// Its case is not active any more, whether the condition holds or not.
    pub(super) fn clear_case(&mut self, it: &Condition, step: Step, turn: &mut Turn<'_>) {
        let Some(before) = self.case_of(it).filter(|case| case.active) else {
            return;
        };
        let mut after = Case::clone(&before);
        after.active = false;
        after.cleared_at = Some(turn.now);
        self.counts.cleared += 1;
        self.change(Some(before), after, step, turn);
    }

    /// Closes the case of a condition if nobody has to.
    pub(super) fn close_if_done(&mut self, it: &mut Condition, turn: &mut Turn<'_>) {
        let Some(case) = self.case_of(it) else {
            return;
        };
        let severity = case.severity;
        let known = case.acknowledged.is_some() || severity == Severity::Low;
        let confirmed = case.confirmed.is_some() || !self.rules.confirm.contains(&severity);
        let person = self.rules.operator_closes.contains(&severity);
        if !case.active && known && confirmed && !person {
            self.close(it, step(What::Closed, "rules", turn), turn);
        }
    }

    /// Closes the case of a condition.
    pub(super) fn close(&mut self, it: &mut Condition, step: Step, turn: &mut Turn<'_>) {
        let Some(before) = self.case_of(it) else {
            return;
        };
        let mut after = Case::clone(&before);
        after.closed = Some(signature(&step));
        it.case = None;
        self.counts.closed += 1;
        self.change(Some(before), after, step, turn);
    }

    /// The open case of a condition.
    pub(super) fn case_of(&self, it: &Condition) -> Option<Arc<Case>> {
        self.case(it.case?).filter(|case| case.is_open())
    }

    pub(super) fn case(&self, id: CaseId) -> Option<Arc<Case>> {
        self.book.get(id).cloned()
    }

    /// Notes a step of a case and what became of it.
    pub(super) fn change(
        &mut self,
        before: Option<Arc<Case>>,
        after: Case,
        step: Step,
        turn: &mut Turn<'_>,
    ) {
        turn.put(self.topics.case(after.id), after.encode());
        let said = StepRecord::new(step.clone(), &after).encode();
        turn.event(self.topics.case_steps(after.id), said);
        let after = Arc::new(after);
        self.book.put(Arc::clone(&after));
        turn.out.changes.push(Change {
            before,
            after,
            step,
        });
    }
}

/// The condition holds, as was told.
const fn holds(it: &mut Condition, told: Told) {
    it.active = true;
    it.raised = Some(told);
}

/// A step without a reason.
pub(super) fn step(what: What, by: &str, turn: &Turn<'_>) -> Step {
    Step {
        what,
        by: by.to_owned(),
        at: turn.now,
        why: None,
        to: None,
    }
}

/// Who did a step.
pub(super) fn signature(step: &Step) -> Signature {
    Signature {
        by: step.by.clone(),
        at: step.at,
        why: step.why.clone(),
    }
}

/// What of a raise is kept: one short line, and a detail that is not too long.
pub(super) fn bounded(mut raise: Raise) -> Raise {
    raise
        .text
        .truncate(raise.text.floor_char_boundary(TEXT_BYTES));
    if raise.text.contains(char::is_control) {
        raise.text = raise.text.replace(char::is_control, " ");
    }
    if raise.detail.to_string().len() > DETAIL_BYTES {
        raise.detail = Value::Null;
    }
    raise
}

/// A condition's name as a line for people: `man-down` is `Man down`.
pub(super) fn line(condition: &str) -> String {
    let spaced = condition.replace('-', " ");
    let mut rest = spaced.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    first.chain(rest.as_str().chars()).collect()
}
