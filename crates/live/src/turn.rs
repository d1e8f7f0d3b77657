//! The turn of a session: what it is sent now.

use std::time::Duration;

use bytes::Bytes;
use slab::Slab;
use spica_live_proto::{Encoding, ServerFrame};

use crate::ask::Ask;
use crate::begin::sum;
use crate::engine::{Frames, encoded};
use crate::group::Group;
use crate::mark::covers;
use crate::part::{Budget, Part};
use crate::session::{Books, Session};
use crate::share::Contents;
use crate::store::Store;
use crate::subscription::Sub;
use crate::{Engine, SessionId};

/// Why a subscription ends: its promise cannot be kept.
pub(crate) struct Ended(pub(crate) String);

/// A turn under way: everything but the session's own subscriptions.
pub(crate) struct Turn<'a> {
    pub(crate) store: &'a mut Store,
    pub(crate) groups: &'a mut Slab<Group>,
    pub(crate) asks: &'a mut Vec<Ask>,
    pub(crate) books: &'a mut Books,
    pub(crate) id: SessionId,
    pub(crate) encoding: Encoding,
    pub(crate) now: Duration,
    /// Whether there is less room than a frame has: then topics take turns.
    pub(crate) is_tight: bool,
    pub(crate) out: Frames,
    /// When there may be more, if not by news.
    pub(crate) again_at: Option<Duration>,
    /// Bytes of `data` frames so far.
    pub(crate) sent: usize,
}

impl Engine {
    /// What a session is sent now. If that is nothing, the session is among the
    /// [woken](Self::take_woken) as soon as there is something.
    pub fn turn(&mut self, id: SessionId, now: Duration) -> Frames {
        self.turn_within(id, usize::MAX, now)
    }

    /// As [`turn`](Self::turn), with about so many bytes of values as there is `room` for: what the
    /// session's link takes in a [short time](crate::Drain::room). One row is always sent.
    pub fn turn_within(&mut self, id: SessionId, room: usize, now: Duration) -> Frames {
        let Some(session) = self.sessions.get_mut(id.slot()) else {
            return Frames::new();
        };
        if session.token != id.token {
            return Frames::new();
        }
        if std::mem::take(&mut session.due) {
            self.due -= 1;
        }
        let mut subs = std::mem::take(&mut session.subs);
        let mut turn = Turn {
            store: &mut self.store,
            groups: &mut self.groups,
            asks: &mut self.asks,
            books: &mut session.books,
            id,
            encoding: session.encoding,
            now,
            is_tight: false,
            out: session.answers.drain(..).collect(),
            again_at: None,
            sent: 0,
        };
        let ended = turn.prepare_all(&mut subs);
        let first = session.first as usize;
        let budget = turn.budget(room, session.credit, &mut session.pace);
        if let Some(budget) = budget {
            session.first = session.first.wrapping_add(1);
            turn.data(&mut subs, first, budget);
        }
        turn.finish(&mut subs);
        let Turn {
            out,
            again_at,
            sent,
            ..
        } = turn;
        session.subs = subs;
        session.spend(sent, now);
        for sub in ended {
            self.leave(&sub, now);
        }
        if out.is_empty() {
            self.wait(id, again_at);
        }
        out
    }

    /// Lets a session wait for news, or for a time.
    fn wait(&mut self, id: SessionId, until: Option<Duration>) {
        let Some(session) = self.sessions.get_mut(id.slot()) else {
            return;
        };
        session.waits = true;
        if session.subs.iter().any(|sub| sub.waiting.is_some()) {
            self.beginners.insert(id);
        }
        if session.timer == until {
            return;
        }
        if let Some(before) = session.timer {
            self.timers.remove(&(before, id));
        }
        session.timer = until;
        if let Some(until) = until {
            self.timers.insert((until, id));
        }
    }
}

impl Session {
    /// Takes what was sent from what may be sent.
    fn spend(&mut self, bytes: usize, now: Duration) {
        if bytes == 0 {
            return;
        }
        if let Some(credit) = &mut self.credit {
            *credit = credit.saturating_sub_unsigned(bytes as u64);
            self.is_dry = *credit < 1;
        }
        if let Some(pace) = &mut self.pace {
            pace.take(bytes, now);
        }
        self.books.bytes_sent += bytes as u64;
    }
}

impl Turn<'_> {
    pub(crate) fn encoded(&self, frame: &ServerFrame) -> Bytes {
        encoded(self.encoding, frame)
    }

    /// Begins what can begin and says what must be said. The subscriptions that end.
    fn prepare_all(&mut self, subs: &mut Vec<Sub>) -> Vec<Sub> {
        let mut ended = Vec::new();
        let mut at = 0;
        while let Some(sub) = subs.get_mut(at) {
            let prepared = match self.begin(sub) {
                Ok(true) => self.prepare(sub),
                Ok(false) => Ok(()),
                Err(end) => Err(end),
            };
            let Err(Ended(detail)) = prepared else {
                at += 1;
                continue;
            };
            self.store.counters.lost += 1;
            let frame = self.encoded(&Engine::lost(sub, detail));
            self.out.push(frame);
            ended.push(subs.remove(at));
        }
        ended
    }

    /// How many bytes may be sent; `None`: none.
    fn budget(
        &mut self,
        room: usize,
        credit: Option<i64>,
        pace: &mut Option<Box<crate::subscription::Pace>>,
    ) -> Option<usize> {
        let frame_bytes = self.store.limits.frame_bytes;
        let mut most = frame_bytes.min(room);
        if let Some(credit) = credit {
            most = most.min(usize::try_from(credit.max(0)).unwrap_or(usize::MAX));
        }
        if let Some(pace) = pace {
            if let Some(at) = pace.waits_until(self.now) {
                self.come_again(at);
                return None;
            }
            most = most.min(pace.available(self.now));
        }
        self.is_tight = most < frame_bytes;
        (most > 0).then_some(most)
    }

    fn come_again(&mut self, at: Duration) {
        self.again_at = Some(self.again_at.map_or(at, |it| it.min(at)));
    }

    /// Sends values: of all subscriptions those of the critical lane first, but at least an eighth of
    /// the normal one.
    fn data(&mut self, subs: &mut [Sub], first: usize, budget: usize) {
        let mut pending: smallvec::SmallVec<[usize; 4]> = smallvec::SmallVec::new();
        let mut has_normal = false;
        let count = subs.len();
        for at in 0..count {
            // Another one is the first each time: none is always behind the others.
            let at = (at + first) % count;
            let sub = &mut subs[at];
            let (critical, normal) = self.news(sub);
            if !critical && !normal {
                continue;
            }
            if let Some(until) = sub.waits_until(self.now) {
                self.come_again(until);
                continue;
            }
            has_normal |= normal;
            pending.push(at);
        }
        if let [only] = pending[..]
            && !self.is_tight
            && self.shared(&mut subs[only])
        {
            return;
        }
        let keep = !self.is_tight && pending.len() == 1;
        self.build(subs, &pending, budget, has_normal, keep);
    }

    /// Whether there is something for a subscription, per lane. If not, it has everything.
    fn news(&mut self, sub: &mut Sub) -> (bool, bool) {
        if sub.waiting.is_some() {
            return (false, false);
        }
        let group = &self.groups[sub.group as usize];
        let head = group.head(self.store.heads);
        let news = (sub.has_news(group, head, 0), sub.has_news(group, head, 1));
        if news == (false, false) {
            self.settle(sub);
        }
        news
    }

    /// Notes that a subscription has everything, and what was left out on the way.
    pub(crate) fn settle(&mut self, sub: &mut Sub) {
        let group = &self.groups[sub.group as usize];
        sub.settle(group.head(self.store.heads));
        sub.note_events(group);
        let updates = group.updates - sub.counted;
        if sub.goal.is_none() {
            let conflated = updates.saturating_sub(sub.states_sent);
            self.books.conflated += conflated;
            self.store.counters.conflated += conflated;
        }
        sub.counted = group.updates;
        sub.states_sent = 0;
    }

    /// Enters a frame into the books.
    pub(crate) fn book(&mut self, contents: &Contents, bytes: usize) {
        self.sent += bytes;
        self.books.sent += contents.rows;
        self.books.bytes_full += contents.full;
        let counters = &mut self.store.counters;
        counters.rows += contents.rows;
        counters.delta_rows += contents.deltas;
        counters.bytes += bytes as u64;
        counters.bytes_full += contents.full;
    }

    /// Builds the frames of some subscriptions.
    fn build(
        &mut self,
        subs: &mut [Sub],
        pending: &[usize],
        budget: usize,
        has_normal: bool,
        keep: bool,
    ) {
        let mut parts: smallvec::SmallVec<[Part; 2]> = smallvec::SmallVec::new();
        for at in pending {
            let body = self.store.bodies.pop().unwrap_or_default();
            parts.push(Part::new(*at, body, &mut subs[*at], self.now));
        }
        let reserve = if has_normal { budget / 8 } else { 0 };
        let mut critical = Budget::new(budget - reserve);
        for part in &mut parts {
            self.collect(&mut subs[part.sub], 0, &mut critical, part);
        }
        let mut normal = Budget::new(budget.saturating_sub(critical.used()));
        for part in &mut parts {
            self.collect(&mut subs[part.sub], 1, &mut normal, part);
        }
        for part in parts {
            let at = part.sub;
            self.deliver(&mut subs[at], part, keep);
        }
    }

    /// Says who is ready, and where those stand who had nothing to be told for long.
    fn finish(&mut self, subs: &mut [Sub]) {
        let refresh = self.store.limits.refresh();
        for sub in subs.iter_mut().filter(|sub| sub.waiting.is_none()) {
            let group = &self.groups[sub.group as usize];
            let at = self.store.at(group, sub.cursor);
            let head = group.head(self.store.heads);
            if sub
                .goal
                .is_some_and(|goal| covers(sub.cursor, goal) && sub.has_been_round(head))
            {
                sub.goal = None;
                sub.told = sum(&at);
                let frame = self.encoded(&ServerFrame::Ready { sub: sub.id, at });
                self.out.push(frame);
            } else if sum(&at).saturating_sub(sub.told) >= refresh {
                self.tell(sub, &at);
            }
        }
    }
}
