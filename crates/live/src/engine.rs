//! The engine: what it holds, and what is asked of it by the shell that runs it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::HashMap;
use slab::Slab;
use smallvec::SmallVec;
use spica_live_proto::{Encoding, ServerFrame, encode};
use spica_matcher::Matcher;
use spica_model::{Lane, Place, Seq};

use crate::Limits;
use crate::ask::Ask;
use crate::group::Group;
use crate::mark::{Mark, join};
use crate::session::Session;
use crate::store::Store;
use crate::telemetry::{Counters, Levels};
use crate::want::Want;

/// Whole frames, in order; each is one message of the transport.
pub type Frames = SmallVec<[Bytes; 2]>;

/// A session that was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId {
    pub(crate) slot: u32,
    pub(crate) token: u32,
}

impl SessionId {
    /// A small number that no other open session has, to index tables by.
    #[must_use]
    pub const fn slot(self) -> usize {
        self.slot as usize
    }
}

/// What a session is when it begins.
#[derive(Debug, Clone)]
pub struct Opening {
    /// How frames are encoded.
    pub encoding: Encoding,
    /// A topic that is not shown, with all below it.
    pub hidden: Option<Arc<str>>,
    /// Bytes of `data` frames that may be sent before more credit is given; none: no such limit.
    pub credit: Option<u64>,
    /// Bytes per second of `data` frames; 0: unlimited.
    pub bytes_per_s: u64,
}

/// The sessions, what they subscribe to, and what is there for them.
#[derive(Debug)]
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) matcher: Matcher,
    pub(crate) groups: Slab<Group>,
    pub(crate) by_want: HashMap<Arc<Want>, u32>,
    pub(crate) sessions: Slab<Session>,
    /// Groups that have something new since the last tick.
    pub(crate) news: Vec<u32>,
    /// How often clients that had no news were told where they stand.
    pub(crate) refreshed: u64,
    pub(crate) asks: Vec<Ask>,
    /// Sessions that wait and have something to do now.
    pub(crate) woken: Vec<SessionId>,
    /// Sessions that were woken and have not had their turn.
    pub(crate) due: usize,
    pub(crate) timers: BTreeSet<(Duration, SessionId)>,
    /// Groups without members, with the time since when.
    pub(crate) empty: BTreeSet<(Duration, u32)>,
    /// Groups with periodic windows.
    pub(crate) periodic: BTreeSet<u32>,
    /// Places from here on are of this history, and all deletions after them are known.
    pub(crate) floor: Mark,
    /// Everything up to here is known to be durable.
    pub(crate) durable: Mark,
    /// Sessions of which a subscription begins when more was taken in.
    pub(crate) beginners: BTreeSet<SessionId>,
    pub(crate) last_token: u64,
    pub(crate) subs: usize,
}

impl Engine {
    /// An engine that begins at `heads`: everything up to there is past.
    #[must_use]
    pub fn new(limits: Limits, heads: &Place) -> Self {
        Self {
            store: Store::new(limits, heads),
            matcher: Matcher::default(),
            groups: Slab::new(),
            by_want: HashMap::new(),
            sessions: Slab::new(),
            news: Vec::new(),
            refreshed: 0,
            asks: Vec::new(),
            woken: Vec::new(),
            due: 0,
            timers: BTreeSet::new(),
            empty: BTreeSet::new(),
            periodic: BTreeSet::new(),
            floor: [u64::MAX; 2],
            durable: [0; 2],
            beginners: BTreeSet::new(),
            last_token: 0,
            subs: 0,
        }
    }

    /// Opens a session. Who runs the engine bounds how many there are.
    pub fn open(&mut self, opening: Opening, now: Duration) -> SessionId {
        self.last_token += 1;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it only has to differ from that of the last session in the same slot"
        )]
        let token = self.last_token as u32;
        let slot = self.sessions.insert(Session::new(opening, token, now));
        let slot = u32::try_from(slot).unwrap_or(u32::MAX);
        SessionId { slot, token }
    }

    /// Closes a session and all its subscriptions.
    pub fn close(&mut self, id: SessionId, now: Duration) {
        let Some(session) = self.session(id) else {
            return;
        };
        let timer = session.timer.take();
        let was_due = std::mem::take(&mut session.due);
        let subs = std::mem::take(&mut session.subs);
        self.due -= usize::from(was_due);
        if let Some(at) = timer {
            self.timers.remove(&(at, id));
        }
        for sub in subs {
            self.leave(&sub, now);
        }
        self.sessions.remove(id.slot());
    }

    /// Whether there is something for the shell to do.
    #[must_use]
    pub const fn has_asks(&self) -> bool {
        !self.asks.is_empty()
    }

    /// What the shell is to do; taken once.
    pub fn take_asks(&mut self) -> Vec<Ask> {
        std::mem::take(&mut self.asks)
    }

    /// Sessions that were waiting and should have their [turn](Self::turn) now; taken once.
    pub fn take_woken(&mut self, into: &mut Vec<SessionId>) {
        into.append(&mut self.woken);
    }

    /// Wakes the sessions whose time has come, and forgets what nobody needs any more.
    pub fn expire(&mut self, now: Duration) {
        while let Some(&(at, id)) = self.timers.first().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, id));
            if let Some(session) = self.session(id) {
                session.timer = None;
                self.wake(id.slot);
            }
        }
        let linger = self.store.limits.linger;
        while let Some(&(since, group)) = self.empty.first() {
            if since + linger > now {
                break;
            }
            self.remove_group(group);
        }
    }

    /// When [`expire`](Self::expire) has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let timer = self.timers.first().map(|(at, _)| *at);
        let empty = self
            .empty
            .first()
            .map(|(at, _)| *at + self.store.limits.linger);
        timer.into_iter().chain(empty).min()
    }

    /// Places not before `floor` are of this history, and all deletions after them are known: who
    /// comes back with one goes on without a question to the journal.
    pub const fn set_floor(&mut self, floor: &Place) {
        self.floor = [floor.seq(Lane::Critical).0, floor.seq(Lane::Normal).0];
    }

    /// Says what is durable: subscriptions that are asked for from now on begin after that, so they
    /// show what their client knows to be there.
    pub fn durable(&mut self, seqs: [Seq; 2]) {
        self.durable = join(self.durable, seqs.map(|seq| seq.0));
    }

    /// Where the engine stands: everything up to here has been taken in.
    #[must_use]
    pub fn heads(&self) -> Place {
        self.store.place(self.store.heads)
    }

    /// How many sessions are open.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Sessions that were woken and have not had their turn.
    #[must_use]
    pub const fn due(&self) -> usize {
        self.due
    }

    /// What it has counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.store.counters
    }

    /// How much it holds.
    #[must_use]
    pub fn levels(&self) -> Levels {
        Levels {
            sessions: self.sessions.len(),
            subs: self.subs,
            groups: self.groups.len(),
            topics: self.store.topics.len(),
            queue_bytes: self.store.queue_bytes,
            cache_bytes: self.store.rows.bytes(),
            history_bytes: self.store.topics.history_bytes(),
            tombstones: self.store.topics.tombstones(),
            replay_bytes: self.store.replay_bytes,
            due: self.due,
        }
    }

    pub(crate) fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        let session = self.sessions.get_mut(id.slot());
        session.filter(|session| session.token == id.token)
    }

    /// Wakes a session if it waits; once.
    pub(crate) fn wake(&mut self, slot: u32) {
        let Some(session) = self.sessions.get_mut(slot as usize) else {
            return;
        };
        if !std::mem::replace(&mut session.due, true) {
            self.due += 1;
        }
        if std::mem::take(&mut session.waits) {
            self.woken.push(SessionId {
                slot,
                token: session.token,
            });
        }
    }

    /// Wakes the members of a group.
    pub(crate) fn wake_group(&mut self, group: u32) {
        let Self {
            groups,
            sessions,
            woken,
            due,
            ..
        } = self;
        for (_, &slot) in &groups[group as usize].members {
            let Some(session) = sessions.get_mut(slot as usize) else {
                continue;
            };
            // It has no credit: its client will say so when it has.
            if session.is_dry {
                continue;
            }
            *due += usize::from(!std::mem::replace(&mut session.due, true));
            if std::mem::take(&mut session.waits) {
                let token = session.token;
                woken.push(SessionId { slot, token });
            }
        }
    }
}

/// A frame, encoded.
pub(crate) fn encoded(encoding: Encoding, frame: &ServerFrame) -> Bytes {
    let mut out = Vec::with_capacity(96);
    encode(encoding, frame, &mut out);
    out.into()
}
