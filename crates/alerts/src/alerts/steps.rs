//! The steps of escalations, and the notices they make.

use std::collections::BTreeSet;
use std::sync::Arc;

use spica_cases::{Case, CaseId, Cases, Draft, Severity};
use spica_model::Timestamp;

use super::{Alerts, Exhausted, NOTICES_PER_CASE};
use crate::escalation::{Due, Escalation};
use crate::plans::{Place, Plan, Plans, Target};
use crate::quiet::end_of_all;
use crate::rota::OnDuty;
use crate::{Destination, Notice, NoticeId, NoticeState, Reason};

/// The condition that says that an escalation has come to its end.
const EXHAUSTED: &str = "escalation-exhausted";

/// A person by name, or none, and where to reach them, in order.
pub(super) type Recipient = (Option<String>, Vec<Destination>);

impl Alerts {
    /// An escalation is due.
    pub(super) fn escalate(
        &mut self,
        id: CaseId,
        cases: &Cases,
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) -> Option<Exhausted> {
        match cases.get(id).cloned() {
            Some(case) if self.wants_somebody(&case) => self.run(&case, now, out),
            _ => {
                self.set_escalation(id, None, out);
                None
            }
        }
    }

    /// Does the steps of a running escalation that are due.
    pub(super) fn run(
        &mut self,
        case: &Case,
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) -> Option<Exhausted> {
        let plans = Arc::clone(&self.plans);
        let mut running = self.tracks.get(&case.id)?.escalation.clone()?;
        let Some(plan) = plans.plan(&running.plan).or_else(|| plans.plan_of(case)) else {
            self.set_escalation(case.id, None, out);
            return None;
        };
        if plan.name != running.plan {
            running = Escalation::begin(plan, now);
        }
        while running.next_at <= now {
            match running.due(plan) {
                Due::Step(index, reason) => self.step(case, plan, (index, reason), now, out),
                Due::Exhausted => {
                    self.set_escalation(case.id, None, out);
                    self.counts.exhausted += 1;
                    // Nobody came to hear that nobody comes: to say it again would go on for ever.
                    let exhausted = Exhausted {
                        case: case.id,
                        plan: plan.name.clone(),
                    };
                    return (case.condition != EXHAUSTED).then_some(exhausted);
                }
            }
            running = running.after(plan, now);
        }
        self.set_escalation(case.id, Some(running), out);
        None
    }

    /// Tells everybody whom a step of the plan names, each place once.
    fn step(
        &mut self,
        case: &Case,
        plan: &Plan,
        (index, reason): (usize, Reason),
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) {
        let plans = Arc::clone(&self.plans);
        let targets = plan.steps.get(index).map(|step| step.targets.as_slice());
        let number = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let mut told = BTreeSet::new();
        for target in targets.unwrap_or_default() {
            for recipient in recipients(&plans, target, now) {
                if told.insert(recipient.1.first().cloned()) {
                    self.tell(case, plan, (reason, number), recipient, now, out);
                }
            }
        }
    }

    /// Makes a notice.
    pub(super) fn tell(
        &mut self,
        case: &Case,
        plan: &Plan,
        (reason, step): (Reason, u32),
        (person, mut to): Recipient,
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) {
        if to.is_empty() || !self.make_room(case, out) {
            return;
        }
        let first = to.remove(0);
        let is_emergency = case.severity == Severity::Emergency;
        let of_person = person.as_ref().and_then(|name| self.plans.people.get(name));
        let next_at = if is_emergency {
            now
        } else {
            let quiet: Vec<_> = of_person
                .map(|p| &p.quiet)
                .into_iter()
                .chain([&plan.quiet])
                .collect();
            end_of_all(&quiet, now)
        };
        let fallback_at = next_at.saturating_add(plan.fallback_after);
        let notice = Notice {
            id: self.next_id(case.id),
            person,
            channel: first.channel,
            address: first.address,
            reason,
            severity: case.severity,
            step,
            state: NoticeState::Waiting,
            attempts: 0,
            attempts_max: (!is_emergency).then_some(plan.attempts),
            created_at: now,
            next_at,
            give_up_at: is_emergency.then(|| next_at.saturating_add(plan.emergency_for)),
            settled_at: None,
            last_answer: None,
            fallback_at: (!to.is_empty()).then_some(fallback_at),
            fallbacks: to,
        };
        self.counts.made += 1;
        self.set_notice(notice, out);
    }

    /// The id of the next notice of a case. The last one is never deleted alone, so no id comes
    /// twice.
    pub(super) fn next_id(&self, case: CaseId) -> NoticeId {
        let last = self
            .tracks
            .get(&case)
            .and_then(|track| track.notices.last_key_value());
        NoticeId {
            case,
            number: last.map_or(1, |(number, _)| number.saturating_add(1)),
        }
    }

    /// Whether the case may have one more notice. A settled one goes for it if need be: one that
    /// nobody got, or the oldest.
    pub(super) fn make_room(&mut self, case: &Case, out: &mut Vec<Draft>) -> bool {
        let Some(track) = self.tracks.get(&case.id) else {
            return true;
        };
        let count = track.notices.len();
        if count < NOTICES_PER_CASE {
            return true;
        }
        let last = track.notices.last_key_value().map(|(number, _)| *number);
        let settled = || {
            let notices = track.notices.values();
            notices.filter(move |n| n.state.is_final() && Some(n.id.number) != last)
        };
        let unheard = settled().find(|notice| notice.state != NoticeState::Delivered);
        if let Some(id) = unheard.or_else(|| settled().next()).map(|notice| notice.id) {
            self.delete_notice(id, out);
            return true;
        }
        let is_emergency = case.severity == Severity::Emergency;
        let has_room = is_emergency && count < 2 * NOTICES_PER_CASE;
        self.counts.refused += u64::from(!has_room);
        has_room
    }
}

/// Whom a target means at this moment.
pub(super) fn recipients(plans: &Plans, target: &Target, now: Timestamp) -> Vec<Recipient> {
    let person = |name: &str, channels: &[String]| {
        let to = plans
            .people
            .get(name)
            .map(|person| person.reached_by(channels));
        (Some(name.to_owned()), to.unwrap_or_default())
    };
    match target {
        Target::Person { name, channels } => vec![person(name, channels)],
        Target::Receiver(to) => vec![(None, vec![to.clone()])],
        Target::Rota {
            name,
            place,
            channels,
        } => {
            let on_duty = plans.rotas.get(name).map(|rota| rota.on_duty(now));
            let names: Vec<&str> = match (on_duty, place) {
                (None, _) => Vec::new(),
                (Some(OnDuty::Otherwise(all)), _) => all.iter().map(String::as_str).collect(),
                (Some(OnDuty::Shift(all)), Place::All) => all,
                (Some(OnDuty::Shift(all)), Place::At(index)) => all
                    .get(*index)
                    .or(all.last())
                    .into_iter()
                    .copied()
                    .collect(),
            };
            names
                .into_iter()
                .map(|name| person(name, channels))
                .collect()
        }
    }
}
