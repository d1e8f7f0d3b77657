//! What the threads of the hub and its sessions share.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Waker;
use std::thread::Thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use spica_clock::SharedClock;
use spica_journal::SharedJournal;
use spica_live::{Ask, Engine, SessionId};
use spica_views::Views;
use tokio::sync::watch;

use crate::tail::Tail;
use crate::{Metrics, Settings};

/// What the threads of the hub and its sessions share.
pub(crate) struct Shared {
    pub(crate) journal: SharedJournal,
    pub(crate) views: Arc<Views>,
    pub(crate) clock: SharedClock,
    pub(crate) settings: Settings,
    pub(crate) metrics: Metrics,
    pub(crate) engine_id: Arc<str>,
    /// Time counts from here.
    pub(crate) start: Instant,
    pub(crate) core: Mutex<Core>,
    pub(crate) tail: Mutex<Tail>,
    pub(crate) asks: Mutex<VecDeque<Ask>>,
    /// The threads that may have to be woken.
    pub(crate) threads: Mutex<Threads>,
    pub(crate) stopping: AtomicBool,
    pub(crate) ended: watch::Sender<bool>,
}

/// The engine, and who waits for it.
pub(crate) struct Core {
    pub(crate) engine: Engine,
    /// By the slot of the session.
    wakers: Vec<Option<Waker>>,
    woken: Vec<SessionId>,
    /// Until when the live thread sleeps, at most.
    pub(crate) sleeps_until: Duration,
    /// How far the sessions together are behind.
    pub(crate) behind: Duration,
}

/// The threads that may have to be woken.
#[derive(Debug, Default)]
pub(crate) struct Threads {
    pub(crate) live: Option<Thread>,
    pub(crate) reader: Option<Thread>,
}

impl Core {
    pub(crate) const fn new(engine: Engine) -> Self {
        Self {
            engine,
            wakers: Vec::new(),
            woken: Vec::new(),
            sleeps_until: Duration::ZERO,
            behind: Duration::ZERO,
        }
    }

    /// Remembers whom to wake when a session has something to do.
    pub(crate) fn wait(&mut self, id: SessionId, waker: &Waker) {
        let slot = id.slot();
        if self.wakers.len() <= slot {
            self.wakers.resize(slot + 1, None);
        }
        match &mut self.wakers[slot] {
            Some(known) => known.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
    }

    pub(crate) fn forget(&mut self, id: SessionId) {
        if let Some(waker) = self.wakers.get_mut(id.slot()) {
            *waker = None;
        }
    }

    /// Who is to be woken, once the lock is free.
    pub(crate) fn take_due(&mut self, into: &mut Vec<Waker>) {
        self.engine.take_woken(&mut self.woken);
        for id in self.woken.drain(..) {
            into.extend(self.wakers.get_mut(id.slot()).and_then(Option::take));
        }
    }
}

impl Shared {
    /// The time since the hub began.
    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic().saturating_duration_since(self.start)
    }

    /// Asks something of the engine, and does what follows from it.
    pub(crate) fn with<T>(&self, ask: impl FnOnce(&mut Core, Duration) -> T) -> T {
        let now = self.now();
        let mut due = Vec::new();
        let (answer, asks, is_earlier) = {
            let mut core = self.core.lock();
            let answer = ask(&mut core, now);
            core.take_due(&mut due);
            let asks = core.engine.has_asks().then(|| core.engine.take_asks());
            let earlier = core.engine.deadline().filter(|at| *at < core.sleeps_until);
            if let Some(at) = earlier {
                core.sleeps_until = at;
            }
            (answer, asks, earlier.is_some())
        };
        due.into_iter().for_each(Waker::wake);
        if let Some(asks) = asks {
            self.asks.lock().extend(asks);
            unpark(self.threads.lock().reader.as_ref());
        }
        if is_earlier {
            unpark(self.threads.lock().live.as_ref());
        }
        answer
    }
}

pub(crate) fn unpark(thread: Option<&Thread>) {
    if let Some(thread) = thread {
        thread.unpark();
    }
}
