//! Shelved, suppressed, out of service: when nobody is to be alerted.

use std::sync::Arc;

use super::{Cases, Turn, life};
use crate::{Case, Condition, Severity, Step, StepRecord, What};

impl Cases {
    /// Notes a step that changed whether somebody is alerted. A case that was quiet and is still
    /// active counts as raised anew.
    pub(super) fn quieted(&mut self, it: &Condition, step: Step, turn: &mut Turn<'_>) {
        let Some(before) = self.case_of(it) else {
            self.note(it, step, turn);
            return;
        };
        let mut after = Case::clone(&before);
        after.quiet = it.is_quiet();
        if before.quiet && !after.quiet && after.active {
            after.last_raised_at = turn.now;
            after.acknowledged = None;
            after.confirmed = None;
        }
        self.change(Some(before), after, step, turn);
    }

    /// Notes a step of a condition that has no case.
    fn note(&self, it: &Condition, step: Step, turn: &mut Turn<'_>) {
        let (_, customer) = self.devices.who(&it.source);
        let said = StepRecord {
            step,
            source: it.source.clone(),
            condition: it.condition.clone(),
            severity: None,
            customer,
            state: None,
            quiet: it.is_quiet(),
        };
        // Only a condition with a topic of its own gets this far.
        if let Ok(topic) = self.topics.condition_steps(&it.source, &it.condition) {
            turn.event(topic, said.encode());
        }
    }

    /// Takes a condition off its shelf.
    pub(super) fn end_shelf(
        &mut self,
        it: &mut Condition,
        by: &str,
        why: &str,
        turn: &mut Turn<'_>,
    ) {
        if it.shelved.take().is_some() {
            let why = Some(why.to_owned());
            let step = Step {
                why,
                ..life::step(What::Unshelved, by, turn)
            };
            self.quieted(it, step, turn);
        }
    }

    /// No emergency lies on a shelf for longer than the rules allow, whatever was ordered before
    /// anyone knew that it would be one.
    pub(super) fn limit_shelf(
        &mut self,
        it: &mut Condition,
        severity: Severity,
        turn: &mut Turn<'_>,
    ) {
        if severity < Severity::Emergency {
            return;
        }
        let Some(shelf) = &mut it.shelved else { return };
        let most = self.rules.emergency_shelf_max.into();
        shelf.until = shelf.until.min(shelf.signature.at.saturating_add(most));
        if shelf.until <= turn.now {
            self.end_shelf(it, "timer", "it is an emergency", turn);
        }
    }

    /// How bad a condition may get, as far as is known.
    pub(super) fn expected(&self, it: &Condition) -> Option<Severity> {
        let open = self.case_of(it).map(|case: Arc<Case>| case.severity);
        let pending = it
            .pending
            .as_ref()
            .and_then(|pending| pending.raise.as_ref());
        let of_rules = self.severities.get(&it.condition).copied();
        open.max(pending.map(|raise| raise.severity)).max(of_rules)
    }
}
