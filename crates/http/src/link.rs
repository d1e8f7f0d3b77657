//! What a connection's link takes: noted where it is written, asked for by whoever fills it.
//!
//! What is written before the link has taken what came earlier cannot be replaced by what is newer:
//! a live session waits until all of a turn is [taken](Link::flushed_since), and the slower that goes,
//! the less the system may [keep](Link::keep_unsent).

use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Bytes that the system takes before it has sent what it took earlier, at most.
pub(crate) const UNSENT_BYTES: u32 = 16 << 10;
/// The least that the system is let keep: a packet, and what comes while that is sent.
const UNSENT_LEAST_BYTES: u32 = 2 << 10;

/// What the link of one connection takes.
#[derive(Debug)]
pub(crate) struct Link {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    taken: Taken,
    /// Since when it takes nothing.
    since: Option<Instant>,
    /// How often everything was taken.
    flushes: u64,
    /// Who waits for the next time.
    waker: Option<Waker>,
    /// What the system keeps, and whether it was told so.
    unsent: u32,
    told: bool,
}

/// What a link has taken since that was last asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes.
    pub(crate) bytes: usize,
    /// How long it took nothing although there was more.
    pub(crate) waited: Duration,
}

impl Taken {
    /// What was taken both times.
    pub(crate) fn add(&mut self, more: Self) {
        self.bytes = self.bytes.saturating_add(more.bytes);
        self.waited = self.waited.saturating_add(more.waited);
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::new()
    }
}

impl Link {
    /// The link of a connection that is new.
    pub(crate) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                taken: Taken {
                    bytes: 0,
                    waited: Duration::ZERO,
                },
                since: None,
                flushes: 0,
                waker: None,
                unsent: UNSENT_BYTES,
                told: true,
            }),
        }
    }

    /// Notes what became of a write: how many bytes were taken; none: it has to wait.
    pub(crate) fn wrote(&self, bytes: Option<usize>) {
        let mut state = self.state.lock();
        let Some(bytes) = bytes else {
            state.since.get_or_insert_with(Instant::now);
            return;
        };
        let waited = state.since.take().map(|since| since.elapsed());
        state.taken.add(Taken {
            bytes,
            waited: waited.unwrap_or_default(),
        });
    }

    /// Notes that everything was taken.
    pub(crate) fn flushed(&self) {
        let mut state = self.state.lock();
        state.flushes += 1;
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    }

    /// How often everything was taken so far.
    pub(crate) fn flushes(&self) -> u64 {
        self.state.lock().flushes
    }

    /// Resolves when everything was taken after it had been so often. One can wait at a time.
    pub(crate) async fn flushed_since(&self, flushes: u64) {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            if state.flushes > flushes {
                return Poll::Ready(());
            }
            state.waker = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// What was taken since this was last asked.
    pub(crate) fn taken(&self) -> Taken {
        std::mem::take(&mut self.state.lock().taken)
    }

    /// Lets the system keep about as much of what is not sent as the link takes in a short time: what
    /// waits there cannot be replaced by what is newer.
    pub(crate) fn keep_unsent(&self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let bytes = bytes.clamp(UNSENT_LEAST_BYTES, UNSENT_BYTES);
        let mut state = self.state.lock();
        // The system is asked when it matters only.
        if bytes.abs_diff(state.unsent) * 2 >= state.unsent.min(bytes) {
            state.unsent = bytes;
            state.told = false;
        }
    }

    /// What the system is to keep from now on, if it does not know that yet.
    pub(crate) fn to_tell(&self) -> Option<u32> {
        let mut state = self.state.lock();
        (!std::mem::replace(&mut state.told, true)).then_some(state.unsent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_the_time_in_which_nothing_is_taken_counts() {
        let link = Link::new();
        let second = Duration::from_secs(1);
        link.wrote(Some(10));
        tokio::time::advance(second).await;
        link.wrote(None);
        tokio::time::advance(second).await;
        link.wrote(None);
        tokio::time::advance(second).await;
        link.wrote(Some(5));
        let waited = 2 * second;
        assert_eq!(link.taken(), Taken { bytes: 15, waited });
        assert_eq!(link.taken(), Taken::default());
    }

    #[tokio::test]
    async fn who_waits_is_told_when_everything_was_taken() {
        let link = Link::new();
        let flushes = link.flushes();
        tokio::join!(link.flushed_since(flushes), async {
            tokio::task::yield_now().await;
            link.flushed();
        });
        link.flushed_since(flushes).await;
    }

    #[test]
    fn the_system_is_told_what_to_keep_when_it_matters() {
        let link = Link::new();
        for (bytes, told) in [
            (usize::MAX, None),
            (12 << 10, None),
            (5_000, Some(5_000)),
            (0, Some(UNSENT_LEAST_BYTES)),
            (2_500, None),
            (usize::MAX, Some(UNSENT_BYTES)),
        ] {
            link.keep_unsent(bytes);
            assert_eq!(link.to_tell(), told, "{bytes}");
            assert_eq!(link.to_tell(), None);
        }
    }
}
