//! Work that may wait for the disk, off the async workers, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::problem::{Problem, ProblemKind};

/// Places for work that reads from disk.
#[derive(Debug, Clone)]
pub(crate) struct Offload {
    places: Arc<Semaphore>,
    patience: Duration,
}

impl Offload {
    /// At most `places` pieces of work at once; who waits for one longer than `patience` is refused.
    pub(crate) fn new(places: usize, patience: Duration) -> Self {
        let places = Arc::new(Semaphore::new(places.max(1)));
        Self { places, patience }
    }

    /// Runs `work` as soon as there is a place.
    #[expect(
        clippy::disallowed_methods,
        reason = "reads of history: bounded by the semaphore, and no acknowledgement waits for them"
    )]
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let place = tokio::time::timeout(self.patience, Arc::clone(&self.places).acquire_owned());
        let Ok(Ok(place)) = place.await else {
            return Err(Problem::busy(
                "too many reads of history are running; try again later",
            ));
        };
        let running = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(place);
            done
        });
        running.await.map_err(|error| {
            tracing::error!(%error, "a read of history panicked");
            Problem::new(
                ProblemKind::Internal,
                "the read failed; the node's log says why",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn beyond_its_places_it_refuses() {
        let offload = Offload::new(1, Duration::from_millis(1));
        let (release, held) = std::sync::mpsc::channel::<()>();
        let (started, running) = tokio::sync::oneshot::channel();
        let busy = offload.clone();
        let first = tokio::spawn(async move {
            let work = move || {
                let _ = started.send(());
                held.recv()
            };
            busy.run(work).await
        });
        running.await.unwrap();
        let refused = offload.run(|| ()).await.unwrap_err();
        assert_eq!(refused.kind(), ProblemKind::Busy);
        drop(release);
        first.await.unwrap().unwrap().unwrap_err();
        offload.run(|| ()).await.unwrap();
    }
}
