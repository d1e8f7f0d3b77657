//! Telling all connections that the station stops or the node serves no more, without a future of
//! its own in each of them.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use slab::Slab;

use crate::connection::Core;

/// How far a station has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It takes connections.
    Running,
    /// It takes no new ones and finishes what is in hand.
    Finishing,
    /// Its time is over, or the node serves no more: what is left is cut.
    Cut,
}

/// The phase, how often the node ceased to serve, and the tasks to wake when either changes.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    phase: AtomicU8,
    reign: AtomicU32,
    wakers: Mutex<Slab<Waker>>,
}

impl Stop {
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Running,
            1 => Phase::Finishing,
            _ => Phase::Cut,
        }
    }

    /// Goes on to `phase` and wakes everyone.
    pub(crate) fn advance(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::AcqRel);
        self.wake();
    }

    /// The node serves no more: cuts everything that was begun until now, and nothing that is begun
    /// when it serves again.
    pub(crate) fn cut_reign(&self) {
        self.reign.fetch_add(1, Ordering::AcqRel);
        self.wake();
    }

    fn wake(&self) {
        for (_, waker) in self.wakers.lock().iter() {
            waker.wake_by_ref();
        }
    }
}

/// One task's place among those to wake when the station stops or the node's reign ends.
#[derive(Debug)]
pub struct Stopping {
    core: Arc<Core>,
    key: Option<usize>,
    seen: Phase,
    /// In which of the node's reigns it began; none if it outlives them.
    reign: Option<u32>,
}

impl Stopping {
    /// For what begins now. Whether the node serves is to be asked after this: an end of its reign in
    /// between is not missed then.
    pub(crate) fn new(core: Arc<Core>) -> Self {
        let reign = core.stop.reign.load(Ordering::Acquire);
        Self::with(core, Some(reign))
    }

    /// For what goes on whether the node serves or not.
    pub(crate) const fn lasting(core: Arc<Core>) -> Self {
        Self::with(core, None)
    }

    const fn with(core: Arc<Core>, reign: Option<u32>) -> Self {
        Self {
            core,
            key: None,
            seen: Phase::Running,
            reign,
        }
    }

    /// Whether the node has ceased to serve since this began.
    #[must_use]
    pub fn is_deposed(&self) -> bool {
        let now = self.core.stop.reign.load(Ordering::Acquire);
        self.reign.is_some_and(|reign| reign != now)
    }

    /// Ready with a phase that was not seen before. A task polls this with the same waker always.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Phase> {
        let stop = &self.core.stop;
        if self.key.is_none() {
            self.key = Some(stop.wakers.lock().insert(cx.waker().clone()));
        }
        // Read after the waker is known: a change in between is not missed.
        let phase = if self.is_deposed() {
            Phase::Cut
        } else {
            stop.phase()
        };
        if phase > self.seen {
            self.seen = phase;
            return Poll::Ready(phase);
        }
        Poll::Pending
    }

    /// Ready when what is left is to be cut.
    pub fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Poll::Ready(phase) = self.poll(cx) {
            if phase == Phase::Cut {
                return Poll::Ready(());
            }
        }
        if self.seen == Phase::Cut {
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// What `work` comes to, or nothing if the station begins to stop before.
    pub async fn unless<T>(&mut self, mut work: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        poll_fn(|cx| {
            if self.poll(cx).is_ready() {
                return Poll::Ready(None);
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await
    }
}

impl Drop for Stopping {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.core.stop.wakers.lock().remove(key);
        }
    }
}
