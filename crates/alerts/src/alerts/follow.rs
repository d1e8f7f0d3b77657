//! What a step of a case means for those who are told of it.

use std::collections::BTreeMap;

use spica_cases::{Case, CaseId, Change, Draft, Severity, What};
use spica_model::Timestamp;

use super::Alerts;
use crate::escalation::Escalation;
use crate::plans::Plan;
use crate::{Destination, Notice, NoticeId, NoticeState, Reason};

impl Alerts {
    pub(super) fn follow(&mut self, change: &Change, now: Timestamp, out: &mut Vec<Draft>) {
        let (before, after) = (change.before.as_deref(), change.after.as_ref());
        let active_before = before.is_some_and(|case| case.active);
        if after.active && !active_before {
            // Whoever has not yet heard that it cleared should not hear it now.
            self.drop_waiting(after.id, |reason| reason == Reason::Cleared, now, out);
        }
        if self.wants_somebody(after) {
            self.find_somebody(change, now, out);
        } else {
            self.set_escalation(after.id, None, out);
            self.drop_waiting(after.id, Reason::wants_somebody, now, out);
        }
        if !after.active {
            self.tell_cleared(after, now, out);
        }
        if after.closed.is_some() && before.is_some_and(|case| case.closed.is_none()) {
            self.tell_closed(after, now, out);
        }
    }

    /// Begins an escalation, or adapts the one that runs.
    fn find_somebody(&mut self, change: &Change, now: Timestamp, out: &mut Vec<Draft>) {
        let case = change.after.as_ref();
        let wanted = change
            .before
            .as_deref()
            .is_some_and(|case| self.wants_somebody(case));
        let raised = matches!(
            change.step.what,
            What::Raised | What::Repeated | What::Unshelved | What::Unsuppressed | What::InService
        );
        let worse = change
            .before
            .as_deref()
            .is_some_and(|before| before.severity < case.severity);
        let running = self
            .tracks
            .get(&case.id)
            .and_then(|track| track.escalation.as_ref());
        let running = running.map(|escalation| escalation.plan.clone());
        let plans = std::sync::Arc::clone(&self.plans);
        let Some(plan) = plans.plan_of(case) else {
            return;
        };
        let begins = match &running {
            None => !wanted || raised || worse,
            Some(name) => !wanted || (worse && *name != plan.name),
        };
        if begins {
            let since = match change.before {
                None => case.raised_at,
                Some(_) => now,
            };
            let escalation = Escalation::begin(plan, since.min(now));
            self.set_escalation(case.id, Some(escalation), out);
            // Its end cannot be due yet: there is a wait of `repeat_every` before it.
            let _ = self.run(case, now, out);
        }
        if worse && case.severity == Severity::Emergency {
            self.hurry(case.id, plan, now, out);
        }
    }

    /// What waits for the end of quiet hours leaves now: it is about an emergency.
    fn hurry(&mut self, case: CaseId, plan: &Plan, now: Timestamp, out: &mut Vec<Draft>) {
        for id in self.waiting_of(case, Reason::wants_somebody) {
            self.change_notice(id, out, |notice| {
                notice.severity = Severity::Emergency;
                notice.next_at = notice.next_at.min(now);
                notice.attempts_max = None;
                notice.give_up_at = Some(now.saturating_add(plan.emergency_for));
                let fallback = now.saturating_add(plan.fallback_after);
                notice.fallback_at = notice.fallback_at.map(|at| at.min(fallback));
            });
        }
    }

    /// Notices of a case that wait.
    fn waiting_of(&self, case: CaseId, which: impl Fn(Reason) -> bool) -> Vec<NoticeId> {
        let waits = |notice: &&Notice| notice.state == NoticeState::Waiting && which(notice.reason);
        self.notices(case)
            .filter(waits)
            .map(|notice| notice.id)
            .collect()
    }

    /// Drops what waits and has not left. What is in flight settles as it does.
    fn drop_waiting(
        &mut self,
        case: CaseId,
        which: impl Fn(Reason) -> bool,
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) {
        for id in self.waiting_of(case, which) {
            if !self.outbox.is_in_flight(id) {
                self.change_notice(id, out, |notice| notice.settle(NoticeState::Dropped, now));
            }
        }
    }

    /// Tells those who heard of the alarm, and have nothing more to hear about it, that the
    /// condition is normal again. Idempotent.
    pub(super) fn tell_cleared(&mut self, case: &Case, now: Timestamp, out: &mut Vec<Draft>) {
        let plans = std::sync::Arc::clone(&self.plans);
        let Some(plan) = plans.plan_of(case) else {
            return;
        };
        for (to, person) in self.uninformed(case.id) {
            let kind = plans.channels.get(&to.channel).map(|channel| channel.kind);
            let restores = kind.is_some_and(|kind| kind.restores);
            if plan.notify_cleared.unwrap_or(restores) {
                self.tell(
                    case,
                    plan,
                    (Reason::Cleared, 0),
                    (person, vec![to]),
                    now,
                    out,
                );
            }
        }
    }

    fn tell_closed(&mut self, case: &Case, now: Timestamp, out: &mut Vec<Draft>) {
        let plans = std::sync::Arc::clone(&self.plans);
        let Some(plan) = plans.plan_of(case).filter(|plan| plan.notify_closed) else {
            return;
        };
        let delivered = self
            .notices(case.id)
            .filter(|n| n.state == NoticeState::Delivered);
        let told: BTreeMap<_, _> = delivered.map(|n| (n.to(), n.person.clone())).collect();
        for (to, person) in told {
            self.tell(
                case,
                plan,
                (Reason::Closed, 0),
                (person, vec![to]),
                now,
                out,
            );
        }
    }

    /// Who heard last that something is wrong, or may have heard it, and has no notice of it that
    /// still waits: that one comes first.
    fn uninformed(&self, case: CaseId) -> BTreeMap<Destination, Option<String>> {
        let mut heard = BTreeMap::new();
        for notice in self.notices(case) {
            let may_have_heard = notice.state == NoticeState::Delivered
                || (notice.state.is_final() && notice.attempts > 0);
            match notice.reason {
                Reason::Cleared => {
                    heard.remove(&notice.to());
                }
                reason if reason.wants_somebody() && may_have_heard => {
                    heard.insert(notice.to(), notice.person.clone());
                }
                _ => {}
            }
        }
        for id in self.waiting_of(case, Reason::wants_somebody) {
            if let Some(notice) = self.notice(id) {
                heard.remove(&notice.to());
            }
        }
        heard
    }
}
