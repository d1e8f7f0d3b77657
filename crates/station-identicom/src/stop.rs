//! Telling all connections that the station stops, without a future of its own in each of them.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use slab::Slab;

use crate::shared::Shared;

/// How far a station has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It takes connections.
    Running,
    /// It takes no new ones and finishes what is in hand.
    Finishing,
    /// Its time is over: what is left is cut.
    Cut,
}

/// The phase, and the tasks to wake when it changes.
#[derive(Debug, Default)]
pub(crate) struct Stop {
    phase: AtomicU8,
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
        for (_, waker) in self.wakers.lock().iter() {
            waker.wake_by_ref();
        }
    }
}

/// One task's place among those to wake.
#[derive(Debug)]
pub(crate) struct Stopping {
    shared: Arc<Shared>,
    key: Option<usize>,
    seen: Phase,
}

impl Stopping {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            key: None,
            seen: Phase::Running,
        }
    }

    /// Ready with a phase that was not seen before. A task polls this with the same waker always.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Phase> {
        let stop = &self.shared.stop;
        if self.key.is_none() {
            self.key = Some(stop.wakers.lock().insert(cx.waker().clone()));
        }
        // Read after the waker is known: a change in between is not missed.
        let phase = stop.phase();
        if phase > self.seen {
            self.seen = phase;
            return Poll::Ready(phase);
        }
        Poll::Pending
    }

    /// Ready when what is left is to be cut.
    pub(crate) fn poll_cut(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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
    pub(crate) async fn unless<T>(
        &mut self,
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> Option<T> {
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
            self.shared.stop.wakers.lock().remove(key);
        }
    }
}
