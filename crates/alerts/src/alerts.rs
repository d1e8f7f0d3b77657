//! The decider: from changes of cases to notices.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use spica_cases::{Case, CaseId, Cases, Change, Draft, Part, Topics};
use spica_model::{Cause, Kind, Op, Record, Timestamp, Topic};

use crate::escalation::Escalation;
use crate::outbox::Outbox;
use crate::{Message, Notice, NoticeId, NoticeState, Outcome, Plans};

mod attempt;
mod follow;
mod steps;
mod test_notice;

pub use test_notice::{TestError, TestTarget};

/// Most notices of one case that are kept; the oldest settled ones make room for new ones.
pub const NOTICES_PER_CASE: usize = 200;
/// Most timers that fire in one call of [`Alerts::on_time`]. While [`Alerts::next_due`] is not after
/// now, there is more.
pub const AT_ONCE: usize = 256;

/// An escalation that has come to its end and nobody has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhausted {
    /// The case that it was about.
    pub case: CaseId,
    /// The plan by its name.
    pub plan: String,
}

/// What was counted since the decider was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Notices made.
    pub made: u64,
    /// Notices that were delivered.
    pub delivered: u64,
    /// Notices that failed for good.
    pub failed: u64,
    /// Notices that were dropped, since nobody needs them any more.
    pub dropped: u64,
    /// Notices that were started beside another one, since that failed or took too long.
    pub fallbacks: u64,
    /// Notices that were not made, since their case has too many that wait.
    pub refused: u64,
    /// Escalations that came to their end.
    pub exhausted: u64,
    /// Payloads that were not what their topic says.
    pub unreadable: u64,
}

/// What is known of one case.
#[derive(Debug, Default)]
struct Track {
    escalation: Option<Escalation>,
    notices: BTreeMap<u32, Notice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Escalation(CaseId),
    Fallback(NoticeId),
}

/// Follows cases and time, and decides who is told. What it decides becomes durable as the drafts
/// say, before a notice is handed to a channel.
#[derive(Debug)]
pub struct Alerts {
    topics: Topics,
    plans: Arc<Plans>,
    tracks: BTreeMap<CaseId, Track>,
    timers: BTreeSet<(Timestamp, Timer)>,
    outbox: Outbox,
    counts: Counts,
}

impl Alerts {
    /// Nothing is known yet.
    #[must_use]
    pub fn new(node: Topic, plans: Arc<Plans>) -> Self {
        Self {
            topics: Topics::new(node),
            plans,
            tracks: BTreeMap::new(),
            timers: BTreeSet::new(),
            outbox: Outbox::default(),
            counts: Counts::default(),
        }
    }

    /// The plan file that counts.
    #[must_use]
    pub const fn plans(&self) -> &Arc<Plans> {
        &self.plans
    }

    /// From now on, this plan file counts. What was decided stays; an escalation whose plan is not
    /// there any more begins again with the plan that is now for its case, when its next step is due.
    pub fn replace_plans(&mut self, plans: Arc<Plans>) {
        self.plans = plans;
    }

    /// Takes a state record in, as it stands at start: the last one of a topic of escalations or
    /// notices, in any order. All others are ignored.
    pub fn restore(&mut self, record: &Record) {
        let fact = record.fact();
        let part = Part::of(self.topics.node().as_str(), &fact.topic);
        let gone = fact.op == Op::Delete;
        match part {
            Some(Part::Escalation(case)) if gone => self.keep_escalation(case, None),
            Some(Part::Escalation(case)) => match Escalation::decode(&fact.payload) {
                Ok(escalation) => self.keep_escalation(case, Some(escalation)),
                Err(_) => self.counts.unreadable += 1,
            },
            Some(Part::Notice(case, number)) => {
                let id = NoticeId { case, number };
                match Notice::decode(id, &fact.payload) {
                    _ if gone => self.lose_notice(id),
                    Ok(notice) => self.keep_notice(notice),
                    Err(_) => self.counts.unreadable += 1,
                }
            }
            _ => {}
        }
    }

    /// Follows a step of a case. `now` never goes back.
    pub fn on_change(&mut self, change: &Change, now: Timestamp, out: &mut Vec<Draft>) {
        self.follow(change, now, out);
    }

    /// Drops all that belongs to a case that is forgotten.
    pub fn forget(&mut self, case: CaseId, out: &mut Vec<Draft>) {
        self.set_escalation(case, None, out);
        let numbers = self.tracks.get(&case).map(|track| &track.notices);
        let numbers: Vec<u32> = numbers.into_iter().flatten().map(|(n, _)| *n).collect();
        for number in numbers {
            self.delete_notice(NoticeId { case, number }, out);
        }
    }

    /// Does what is due: steps of escalations, and fallbacks of notices that take too long. Says
    /// which escalations have come to their end: a condition `escalation-exhausted` is to be raised
    /// for the source of their case.
    #[must_use]
    pub fn on_time(
        &mut self,
        cases: &Cases,
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) -> Vec<Exhausted> {
        let mut exhausted = Vec::new();
        for _ in 0..AT_ONCE {
            let due = self.timers.first().copied().filter(|(at, _)| *at <= now);
            match due {
                None => break,
                Some((_, Timer::Escalation(case))) => {
                    exhausted.extend(self.escalate(case, cases, now, out));
                }
                Some((_, Timer::Fallback(id))) => {
                    let case = cases.get(id.case).cloned();
                    self.fall_back(id, case.as_deref(), now, out);
                }
            }
        }
        exhausted
    }

    /// When [`Alerts::on_time`] or [`Alerts::ready`] has something to do next, if no attempt ends
    /// before. Not after now: there is something to do at once, or was not given to `ready` for its
    /// `max`.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        let timer = self.timers.first().map(|(at, _)| *at);
        timer.into_iter().chain(self.outbox.next_due()).min()
    }

    /// The next notices to send, the severest first, at most `max`. They are in flight until
    /// [`Alerts::on_attempt`] or [`Alerts::release`]; that is not kept, so what was in flight at a
    /// restart is sent again, with the same key.
    #[must_use]
    pub fn ready(&mut self, now: Timestamp, max: usize) -> Vec<NoticeId> {
        self.outbox.take(now, max)
    }

    /// A notice was not sent after all: it is ready again.
    pub fn release(&mut self, id: NoticeId) {
        self.outbox.land(id);
    }

    /// What is to be sent for a notice; none if it does not wait or its case is gone. `link` is a
    /// signed link to the case.
    #[must_use]
    pub fn message(
        &self,
        id: NoticeId,
        cases: &Cases,
        now: Timestamp,
        link: Option<String>,
    ) -> Option<Message> {
        let notice = self.notice(id)?;
        let case = if id.is_test() {
            Arc::new(test_notice::case(notice))
        } else {
            Arc::clone(cases.get(id.case)?)
        };
        let node = self.topics.node().as_str();
        let waits = notice.state == NoticeState::Waiting;
        waits.then(|| Message::new(node, notice, case, &self.plans, (now, link)))
    }

    /// Takes in what came of an attempt, and says where the notice stands now; none if it is not
    /// there any more.
    pub fn on_attempt(
        &mut self,
        id: NoticeId,
        outcome: &Outcome,
        cases: &Cases,
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) -> Option<NoticeState> {
        self.outbox.land(id);
        let case = cases.get(id.case).cloned();
        self.settle(id, outcome, case.as_deref(), now, out)
    }

    /// One notice.
    #[must_use]
    pub fn notice(&self, id: NoticeId) -> Option<&Notice> {
        self.tracks.get(&id.case)?.notices.get(&id.number)
    }

    /// The notices of a case, the oldest first.
    pub fn notices(&self, case: CaseId) -> impl Iterator<Item = &Notice> {
        let notices = self.tracks.get(&case).map(|track| track.notices.values());
        notices.into_iter().flatten()
    }

    /// Whether the case is being escalated: somebody is still to be told.
    #[must_use]
    pub fn is_escalating(&self, case: CaseId) -> bool {
        self.tracks
            .get(&case)
            .is_some_and(|track| track.escalation.is_some())
    }

    /// Notices that wait, in flight or not.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.outbox.len()
    }

    /// What was counted.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether somebody is still to be found who takes care of the case.
    fn wants_somebody(&self, case: &Case) -> bool {
        let goes_on = || {
            let plan = self.plans.plan_of(case);
            case.severity == spica_cases::Severity::Emergency
                && plan.is_some_and(|plan| !plan.stop_on_clear)
        };
        !case.quiet
            && case.acknowledged.is_none()
            && case.closed.is_none()
            && (case.active || goes_on())
    }

    /// Takes an escalation over, without a record.
    fn keep_escalation(&mut self, case: CaseId, escalation: Option<Escalation>) {
        let at = escalation.as_ref().map(|escalation| escalation.next_at);
        let track = self.tracks.entry(case).or_default();
        let before = std::mem::replace(&mut track.escalation, escalation);
        if track.escalation.is_none() && track.notices.is_empty() {
            self.tracks.remove(&case);
        }
        let timer = Timer::Escalation(case);
        if let Some(before) = before {
            self.timers.remove(&(before.next_at, timer));
        }
        self.timers.extend(at.map(|at| (at, timer)));
    }

    /// Sets the escalation of a case, with its record.
    fn set_escalation(&mut self, case: CaseId, new: Option<Escalation>, out: &mut Vec<Draft>) {
        let old = self
            .tracks
            .get(&case)
            .and_then(|track| track.escalation.as_ref());
        if old == new.as_ref() {
            return;
        }
        let (op, payload) = match &new {
            Some(escalation) => (Op::Put, escalation.encode()),
            None => (Op::Delete, Vec::new()),
        };
        out.push(draft(self.topics.escalation(case), op, payload, case));
        self.keep_escalation(case, new);
    }

    /// Takes a notice over, without a record.
    fn keep_notice(&mut self, notice: Notice) {
        let id = notice.id;
        let track = self.tracks.entry(id.case).or_default();
        let before = track.notices.insert(id.number, notice);
        if let Some(at) = before.as_ref().and_then(fallback_due) {
            self.timers.remove(&(at, Timer::Fallback(id)));
        }
        let Some(notice) = self
            .tracks
            .get(&id.case)
            .and_then(|t| t.notices.get(&id.number))
        else {
            return;
        };
        self.timers
            .extend(fallback_due(notice).map(|at| (at, Timer::Fallback(id))));
        match notice.state {
            NoticeState::Waiting => self.outbox.put(notice),
            _ => self.outbox.remove(id),
        }
    }

    /// Sets a notice, with its record.
    fn set_notice(&mut self, notice: Notice, out: &mut Vec<Draft>) {
        let was_final = self
            .notice(notice.id)
            .is_some_and(|old| old.state.is_final());
        if !was_final {
            match notice.state {
                NoticeState::Waiting => {}
                NoticeState::Delivered => self.counts.delivered += 1,
                NoticeState::Failed => self.counts.failed += 1,
                NoticeState::Dropped => self.counts.dropped += 1,
            }
        }
        let NoticeId { case, number } = notice.id;
        let topic = self.topics.notice(case, number);
        out.push(draft(topic, Op::Put, notice.encode(), case));
        self.keep_notice(notice);
    }

    /// Changes a notice, with its record.
    fn change_notice(
        &mut self,
        id: NoticeId,
        out: &mut Vec<Draft>,
        change: impl FnOnce(&mut Notice),
    ) {
        if let Some(mut notice) = self.notice(id).cloned() {
            change(&mut notice);
            self.set_notice(notice, out);
        }
    }

    /// Forgets a notice, without a record.
    fn lose_notice(&mut self, id: NoticeId) {
        self.outbox.remove(id);
        let Some(track) = self.tracks.get_mut(&id.case) else {
            return;
        };
        let gone = track.notices.remove(&id.number);
        if track.escalation.is_none() && track.notices.is_empty() {
            self.tracks.remove(&id.case);
        }
        if let Some(at) = gone.as_ref().and_then(fallback_due) {
            self.timers.remove(&(at, Timer::Fallback(id)));
        }
    }

    fn delete_notice(&mut self, id: NoticeId, out: &mut Vec<Draft>) {
        let topic = self.topics.notice(id.case, id.number);
        out.push(draft(topic, Op::Delete, Vec::new(), id.case));
        self.lose_notice(id);
    }
}

/// When a fallback of a notice is due though nothing failed.
fn fallback_due(notice: &Notice) -> Option<Timestamp> {
    let waits = notice.state == NoticeState::Waiting && !notice.fallbacks.is_empty();
    notice.fallback_at.filter(|_| waits)
}

fn draft(topic: Topic, op: Op, payload: Vec<u8>, case: CaseId) -> Draft {
    Draft {
        topic,
        kind: Kind::State,
        op,
        payload,
        key: None,
        // Short enough, whatever the numbers are.
        cause: Cause::new(format!("case:{case}")).ok(),
    }
}
