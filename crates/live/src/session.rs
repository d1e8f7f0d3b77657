//! A session: its subscriptions, its limits and its books.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spica_live_proto::{
    About, Encoding, LimitChange, RefusalCode, ServerFrame, Stats, SubId, Subscribe,
};

use crate::bucket::Bucket;
use crate::engine::{Opening, encoded};
use crate::subscription::{Pace, Sub};
use crate::{Engine, SessionId};

/// What a client says that is the engine's to answer.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionFrame {
    /// Begin a subscription.
    Subscribe(Box<Subscribe>),
    /// New limits for a subscription, or for the session.
    Change {
        /// The subscription; the session if absent.
        sub: Option<SubId>,
        /// What changes.
        limits: LimitChange,
    },
    /// End a subscription.
    Unsubscribe(SubId),
    /// So many more bytes of `data` frames may be sent.
    Credit(u64),
    /// What is counted about this session.
    Stats {
        /// The number by which the answer names it.
        id: u64,
        /// The round trip, if the transport knows it, in milliseconds.
        rtt_ms: Option<f64>,
    },
}

/// One session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) encoding: Encoding,
    pub(crate) token: u32,
    /// Whether it waits to be woken.
    pub(crate) waits: bool,
    /// Whether it was woken and has not had its turn.
    pub(crate) due: bool,
    /// Whether it has no credit left.
    pub(crate) is_dry: bool,
    /// Which subscription is the first in its next turn.
    pub(crate) first: u16,
    pub(crate) hidden: Option<Arc<str>>,
    pub(crate) credit: Option<i64>,
    pub(crate) pace: Option<Box<Pace>>,
    pub(crate) subs: Vec<Sub>,
    /// Answers that wait for its next turn.
    pub(crate) answers: VecDeque<Bytes>,
    /// When it is to be woken.
    pub(crate) timer: Option<Duration>,
    pub(crate) books: Books,
}

/// What is counted about a session.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Books {
    pub(crate) sent: u64,
    pub(crate) conflated: u64,
    pub(crate) dropped: [u64; 4],
    pub(crate) bytes_full: u64,
    pub(crate) bytes_sent: u64,
}

impl Session {
    pub(crate) fn new(opening: Opening, token: u32, now: Duration) -> Self {
        let credit = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
        let bucket = Bucket::new(opening.bytes_per_s, now);
        Self {
            encoding: opening.encoding,
            token,
            waits: false,
            due: false,
            is_dry: false,
            first: 0,
            hidden: opening.hidden,
            credit: opening.credit.map(credit),
            pace: bucket.map(|bucket| {
                Box::new(Pace {
                    bucket: Some(bucket),
                    ..Pace::default()
                })
            }),
            subs: Vec::new(),
            answers: VecDeque::new(),
            timer: None,
            books: Books::default(),
        }
    }

    pub(crate) fn sub(&mut self, id: SubId) -> Option<&mut Sub> {
        self.subs.iter_mut().find(|sub| sub.id == id)
    }
}

/// Sets limits in a pace that may not be there yet.
fn set(pace: &mut Option<Box<Pace>>, limits: LimitChange, now: Duration) {
    if limits == LimitChange::default() {
        return;
    }
    let it = pace.get_or_insert_default();
    if let Some(ms) = limits.min_interval_ms {
        it.min_interval = Duration::from_millis(ms);
    }
    if let Some(rate) = limits.bytes_per_s {
        it.bucket = Bucket::new(rate, now);
    }
}

/// New limits of a subscription that begins.
pub(crate) fn pace(limits: LimitChange, now: Duration) -> Option<Box<Pace>> {
    let mut pace = None;
    if limits.min_interval_ms.unwrap_or(0) > 0 || limits.bytes_per_s.unwrap_or(0) > 0 {
        set(&mut pace, limits, now);
    }
    pace
}

impl Engine {
    /// Tells a session what its client said. Whoever runs it gives it its [turn](Self::turn) then.
    pub fn say(&mut self, id: SessionId, frame: SessionFrame, now: Duration) {
        match frame {
            SessionFrame::Subscribe(subscribe) => {
                if let Err((code, detail)) = self.subscribe(id, &subscribe, now) {
                    self.store.counters.refused += 1;
                    let about = About::Sub(subscribe.sub);
                    self.refuse(id, about, code, &detail);
                }
            }
            SessionFrame::Change { sub, limits } => self.change(id, sub, limits, now),
            SessionFrame::Unsubscribe(sub) => self.unsubscribe(id, sub, now),
            SessionFrame::Credit(bytes) => {
                if let Some(session) = self.session(id)
                    && let Some(credit) = &mut session.credit
                {
                    *credit = credit.saturating_add_unsigned(bytes);
                    session.is_dry = *credit < 1;
                }
            }
            SessionFrame::Stats { id: about, rtt_ms } => self.stats(id, about, rtt_ms),
        }
        self.wake(id.slot);
    }

    /// Answers a session; bounded.
    pub(crate) fn answer(&mut self, id: SessionId, frame: &ServerFrame) {
        let most = self.store.limits.answers;
        let Some(session) = self.session(id) else {
            return;
        };
        if session.answers.len() < most {
            let frame = encoded(session.encoding, frame);
            session.answers.push_back(frame);
        } else {
            self.store.counters.answers_dropped += 1;
        }
    }

    fn refuse(&mut self, id: SessionId, about: About, code: RefusalCode, detail: &str) {
        let detail = detail.to_owned();
        let frame = ServerFrame::Refused {
            about,
            code,
            detail,
        };
        self.answer(id, &frame);
    }

    fn change(&mut self, id: SessionId, sub: Option<SubId>, limits: LimitChange, now: Duration) {
        let Some(session) = self.session(id) else {
            return;
        };
        match sub {
            None => set(&mut session.pace, limits, now),
            Some(sub) => match session.sub(sub) {
                Some(sub) => set(&mut sub.pace, limits, now),
                None => self.unknown(id, sub),
            },
        }
    }

    fn unknown(&mut self, id: SessionId, sub: SubId) {
        let detail = format!("there is no subscription {}", sub.0);
        self.refuse(id, About::Sub(sub), RefusalCode::Unknown, &detail);
    }

    fn unsubscribe(&mut self, id: SessionId, sub: SubId, now: Duration) {
        let Some(session) = self.session(id) else {
            return;
        };
        match session.subs.iter().position(|it| it.id == sub) {
            Some(at) => {
                let gone = session.subs.remove(at);
                self.leave(&gone, now);
            }
            None => self.unknown(id, sub),
        }
    }

    fn stats(&mut self, id: SessionId, about: u64, rtt_ms: Option<f64>) {
        let Some(session) = self.sessions.get(id.slot()) else {
            return;
        };
        let queue = session.subs.iter().map(|sub| self.queue(sub)).sum();
        let books = &session.books;
        let stats = Box::new(Stats {
            rtt_ms,
            queue,
            sent: books.sent,
            conflated: books.conflated,
            dropped: books.dropped,
            bytes_full: books.bytes_full,
            bytes_sent: books.bytes_sent,
            subs: session.subs.len() as u64,
        });
        self.answer(id, &ServerFrame::Stats { id: about, stats });
    }

    /// How many entries wait for a subscription. Counts at most some thousands.
    fn queue(&self, sub: &Sub) -> u64 {
        const MOST: usize = 10_000;
        let group = &self.groups[sub.group as usize];
        let of_lane = |lane: usize| {
            let states = group.states[lane].range(sub.cursor[lane] + 1..);
            let events = group
                .ring(lane)
                .map_or(0, |ring| ring.len() - ring.index_after(sub.events_at(lane)));
            (states.take(MOST).count() + events) as u64
        };
        of_lane(0) + of_lane(1)
    }
}
