//! The place up to which a lane is durable, and the futures that wait for it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use spica_model::Seq;

use crate::CommitError;

/// The newest durable record of a lane. Waiting costs an entry only while the place is not yet
/// reached; one advance wakes just those whose place is.
#[derive(Debug)]
pub struct Watermark {
    durable: AtomicU64,
    failed: OnceLock<CommitError>,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    next_id: u64,
    /// By place, then by arrival.
    wakers: BTreeMap<(u64, u64), Waker>,
}

impl Watermark {
    /// A watermark at `durable`.
    #[must_use]
    pub fn new(durable: Seq) -> Self {
        Self {
            durable: AtomicU64::new(durable.0),
            failed: OnceLock::new(),
            waiting: Mutex::default(),
        }
    }

    /// The newest durable record.
    #[must_use]
    pub fn durable(&self) -> Seq {
        Seq(self.durable.load(Ordering::Acquire))
    }

    /// Why nothing more becomes durable, if so.
    #[must_use]
    pub fn failure(&self) -> Option<&CommitError> {
        self.failed.get()
    }

    /// Raises the watermark and wakes who waited for it. Never lowers it.
    pub fn advance(&self, to: Seq) {
        self.durable.fetch_max(to.0, Ordering::AcqRel);
        let due = {
            let mut waiting = self.waiting.lock();
            let rest = waiting.wakers.split_off(&(to.0 + 1, 0));
            std::mem::replace(&mut waiting.wakers, rest)
        };
        due.into_values().for_each(Waker::wake);
    }

    /// Says that nothing more becomes durable, and wakes everyone. Only the first reason counts.
    pub fn fail(&self, error: CommitError) {
        // A second failure adds nothing an operator needs: the first one is the cause.
        let _ = self.failed.set(error);
        let all = std::mem::take(&mut self.waiting.lock().wakers);
        all.into_values().for_each(Waker::wake);
    }

    /// A future that resolves when `seq` is durable, or never will be.
    #[must_use]
    pub fn reached(self: &Arc<Self>, seq: Seq) -> Durable {
        Durable {
            watermark: Arc::clone(self),
            seq,
            id: None,
        }
    }

    fn outcome(&self, seq: Seq) -> Option<Result<(), CommitError>> {
        if self.durable() >= seq {
            return Some(Ok(()));
        }
        self.failed.get().cloned().map(Err)
    }
}

/// Resolves when a place is durable (`Ok`), or never will be (`Err`).
#[derive(Debug)]
pub struct Durable {
    watermark: Arc<Watermark>,
    seq: Seq,
    id: Option<u64>,
}

impl Future for Durable {
    type Output = Result<(), CommitError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(outcome) = self.watermark.outcome(self.seq) {
            return Poll::Ready(outcome);
        }
        let watermark = Arc::clone(&self.watermark);
        let mut waiting = watermark.waiting.lock();
        // Checked again under the lock: an advance in between has not seen our waker.
        if let Some(outcome) = watermark.outcome(self.seq) {
            return Poll::Ready(outcome);
        }
        let id = self.id.unwrap_or_else(|| {
            waiting.next_id += 1;
            waiting.next_id
        });
        self.id = Some(id);
        waiting.wakers.insert((self.seq.0, id), cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.watermark
                .waiting
                .lock()
                .wakers
                .remove(&(self.seq.0, id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CommitErrorKind;
    use futures::executor::block_on;
    use futures::future::join;
    use spica_model::Lane;

    #[test]
    fn an_advance_wakes_those_it_reaches_and_no_other() {
        let watermark = Arc::new(Watermark::new(Seq(1)));
        let mut early = Box::pin(watermark.reached(Seq(2)));
        let mut late = Box::pin(watermark.reached(Seq(5)));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(early.as_mut().poll(&mut cx).is_pending());
        assert!(late.as_mut().poll(&mut cx).is_pending());
        watermark.advance(Seq(3));
        assert!(early.as_mut().poll(&mut cx).is_ready());
        assert_eq!(watermark.waiting.lock().wakers.len(), 1);
        drop(late);
        assert!(watermark.waiting.lock().wakers.is_empty());
        assert!(block_on(watermark.reached(Seq(3))).is_ok());
    }

    #[test]
    fn a_failure_ends_every_wait_but_takes_back_nothing() {
        let watermark = Arc::new(Watermark::new(Seq(4)));
        let kind = CommitErrorKind::Sync;
        let error = CommitError {
            lane: Lane::Normal,
            kind,
            detail: "EIO".into(),
        };
        watermark.fail(error);
        let (old, new) = block_on(join(watermark.reached(Seq(4)), watermark.reached(Seq(5))));
        assert!(old.is_ok());
        assert_eq!(new.unwrap_err().kind, CommitErrorKind::Sync);
    }

    #[test]
    fn waiting_across_threads_misses_no_wake() {
        let watermark = Arc::new(Watermark::new(Seq(0)));
        let waiter = {
            let watermark = Arc::clone(&watermark);
            std::thread::spawn(move || {
                for seq in 1..2_000 {
                    block_on(watermark.reached(Seq(seq))).unwrap();
                }
            })
        };
        for seq in 1..2_000 {
            watermark.advance(Seq(seq));
        }
        waiter.join().unwrap();
    }
}
