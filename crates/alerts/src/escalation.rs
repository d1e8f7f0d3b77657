//! Where the escalation of a case stands.

use std::time::Duration;

use spica_model::Timestamp;

use crate::Reason;
use crate::plans::Plan;

/// The running escalation of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Escalation {
    /// The plan by its name.
    pub(crate) plan: String,
    /// What the delays of the steps are counted from.
    pub(crate) since: Timestamp,
    /// Which step comes next, from 1.
    pub(crate) next_step: u32,
    /// 0 for its first time; then which repetition of the last step.
    pub(crate) round: u32,
    /// When it comes.
    pub(crate) next_at: Timestamp,
}

/// What is due in an escalation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// A step of the plan, by its index.
    Step(usize, Reason),
    /// Everything was tried.
    Exhausted,
}

impl Escalation {
    pub(crate) fn begin(plan: &Plan, since: Timestamp) -> Self {
        let first = plan.steps.first().map_or(Duration::ZERO, |step| step.after);
        Self {
            plan: plan.name.clone(),
            since,
            next_step: 1,
            round: 0,
            next_at: since.saturating_add(first),
        }
    }

    /// What `next_at` is for. A plan that has become shorter is at its last step.
    pub(crate) fn due(&self, plan: &Plan) -> Due {
        let last = plan.steps.len().saturating_sub(1);
        let index = usize::try_from(self.next_step - 1).map_or(last, |index| index.min(last));
        match self.round {
            0 if index == 0 => Due::Step(index, Reason::Raised),
            0 => Due::Step(index, Reason::Escalated),
            round if round <= plan.repeat => Due::Step(last, Reason::Repeated),
            _ => Due::Exhausted,
        }
    }

    /// Where it stands once that is done. What is repeated is counted from `now`: a node that was
    /// down makes up for the steps that it missed, not for repetitions.
    pub(crate) fn after(self, plan: &Plan, now: Timestamp) -> Self {
        let next = usize::try_from(self.next_step).unwrap_or(usize::MAX);
        match plan.steps.get(next) {
            Some(step) if self.round == 0 => Self {
                next_step: self.next_step + 1,
                next_at: self.since.saturating_add(step.after),
                ..self
            },
            _ => Self {
                round: self.round.saturating_add(1),
                next_at: now.saturating_add(plan.repeat_every),
                ..self
            },
        }
    }
}
