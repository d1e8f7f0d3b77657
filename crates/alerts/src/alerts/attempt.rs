//! What came of attempts, and what is tried beside them.

use spica_cases::{Case, Draft};
use spica_model::{Kind, Timestamp};

use super::{Alerts, draft};
use crate::plans::DEFAULT_FALLBACK_AFTER;
use crate::{Notice, NoticeId, NoticeState, Outcome, payload, retry};

/// Longest answer that is kept, in bytes.
const ANSWER_BYTES: usize = 500;
/// Attempts after which a fallback is tried though the channel may still work.
const ATTEMPTS_BEFORE_FALLBACK: u32 = 2;

impl Alerts {
    pub(super) fn settle(
        &mut self,
        id: NoticeId,
        outcome: &Outcome,
        case: Option<&Case>,
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) -> Option<NoticeState> {
        let mut notice = self.notice(id)?.clone();
        let was_waiting = notice.state == NoticeState::Waiting;
        let is_wanted =
            !notice.reason.wants_somebody() || case.is_some_and(|case| self.wants_somebody(case));
        notice.attempts = notice.attempts.saturating_add(1);
        let answer = outcome.answer();
        notice.last_answer = Some(answer[..answer.floor_char_boundary(ANSWER_BYTES)].to_owned());
        let key = self.key(id);
        match outcome {
            _ if !was_waiting => {}
            Outcome::Delivered { .. } => notice.settle(NoticeState::Delivered, now),
            Outcome::Refused { .. } => notice.settle(NoticeState::Failed, now),
            Outcome::Retry { .. } if !is_wanted => notice.settle(NoticeState::Dropped, now),
            Outcome::Retry { .. } if notice.is_used_up(now) => {
                notice.settle(NoticeState::Failed, now);
            }
            Outcome::Retry { after, .. } => {
                let wait = retry::wait(&key, notice.attempts, *after, notice.severity);
                let next = now.saturating_add(wait);
                notice.next_at = notice.give_up_at.map_or(next, |last| next.min(last));
            }
        }
        let event = payload::attempt(&notice, outcome, now);
        let topic = self.topics.attempts(id.case, id.number);
        let (state, attempts) = (notice.state, notice.attempts);
        self.set_notice(notice, out);
        out.push(Draft {
            kind: Kind::Event,
            ..draft(topic, spica_model::Op::Put, event, id.case)
        });
        let needs_other = match state {
            NoticeState::Failed => true,
            NoticeState::Waiting => attempts >= ATTEMPTS_BEFORE_FALLBACK,
            NoticeState::Delivered | NoticeState::Dropped => false,
        };
        if needs_other {
            self.fall_back(id, case, now, out);
        }
        if let Some(case) = case.filter(|case| !case.active) {
            self.tell_cleared(case, now, out);
        }
        Some(state)
    }

    /// Starts the first fallback of a notice beside it, unless nobody is wanted any more.
    pub(super) fn fall_back(
        &mut self,
        id: NoticeId,
        case: Option<&Case>,
        now: Timestamp,
        out: &mut Vec<Draft>,
    ) {
        let Some(old) = self.notice(id).filter(|n| !n.fallbacks.is_empty()).cloned() else {
            return;
        };
        self.change_notice(id, out, |notice| {
            notice.fallbacks.clear();
            notice.fallback_at = None;
        });
        let Some(case) = case.filter(|case| self.wants_somebody(case)) else {
            return;
        };
        if !self.make_room(case, out) {
            return;
        }
        let plan = self.plans.plan_of(case);
        let fallback_after = plan.map_or(DEFAULT_FALLBACK_AFTER, |plan| plan.fallback_after);
        let mut rest = old.fallbacks;
        let to = rest.remove(0);
        let lasts = old.give_up_at.map(|until| until.since(old.created_at));
        let notice = Notice {
            id: self.next_id(id.case),
            channel: to.channel,
            address: to.address,
            state: NoticeState::Waiting,
            attempts: 0,
            created_at: now,
            next_at: now,
            give_up_at: lasts.map(|lasts| now.saturating_add(lasts)),
            settled_at: None,
            last_answer: None,
            fallback_at: (!rest.is_empty()).then(|| now.saturating_add(fallback_after)),
            fallbacks: rest,
            ..old
        };
        self.counts.made += 1;
        self.counts.fallbacks += 1;
        self.set_notice(notice, out);
    }

    /// What is the same on every attempt of a notice.
    pub(super) fn key(&self, id: NoticeId) -> String {
        format!("{}:{id}", self.topics.node())
    }
}

impl Notice {
    pub(super) fn settle(&mut self, state: NoticeState, now: Timestamp) {
        self.state = state;
        self.settled_at = Some(now);
    }

    /// Whether it was tried often or long enough.
    fn is_used_up(&self, now: Timestamp) -> bool {
        self.attempts_max.is_some_and(|max| self.attempts >= max)
            || self.give_up_at.is_some_and(|until| now >= until)
    }
}
