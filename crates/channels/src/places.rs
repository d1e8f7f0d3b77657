//! How many messages are under way at once.

use tokio::sync::{Semaphore, SemaphorePermit};

/// The places of a channel. Where there are two or more, one is kept for emergencies: a flood of
/// lesser messages to a provider that hangs does not hold one up.
#[derive(Debug)]
pub(crate) struct Places {
    all: Semaphore,
    lesser: Semaphore,
}

/// A place that is taken, until it is dropped.
pub(crate) struct Place<'a> {
    _lesser: Option<SemaphorePermit<'a>>,
    _one: Option<SemaphorePermit<'a>>,
}

impl Places {
    /// So many places, at least one.
    pub(crate) fn new(count: usize) -> Self {
        Self {
            all: Semaphore::new(count.max(1)),
            lesser: Semaphore::new(count.saturating_sub(1).max(1)),
        }
    }

    /// Waits for a place; who came first goes first.
    pub(crate) async fn take(&self, is_emergency: bool) -> Place<'_> {
        // Neither is ever closed, so both come.
        let lesser = match is_emergency {
            true => None,
            false => self.lesser.acquire().await.ok(),
        };
        Place {
            _lesser: lesser,
            _one: self.all.acquire().await.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn one_place_is_kept_for_emergencies() {
        let places = Places::new(3);
        let first = places.take(false).now_or_never().unwrap();
        let _second = places.take(false).now_or_never().unwrap();
        assert!(places.take(false).now_or_never().is_none());
        let _emergency = places.take(true).now_or_never().unwrap();
        assert!(
            places.take(true).now_or_never().is_none(),
            "three are taken"
        );
        drop(first);
        assert!(places.take(true).now_or_never().is_some());
    }

    #[test]
    fn a_single_place_serves_all() {
        for count in [0, 1] {
            let places = Places::new(count);
            let taken = places.take(false).now_or_never().unwrap();
            assert!(places.take(true).now_or_never().is_none());
            drop(taken);
            assert!(places.take(true).now_or_never().is_some());
        }
    }
}
