//! Keeps the parts of a node running: one that ends by itself is started again and counted.

use std::future::Future;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Pause before the first restart of a part.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause before a restart.
const PAUSE_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Part {
    part: &'static str,
}

/// The running duties of a node.
pub(crate) struct Supervisor {
    tasks: JoinSet<()>,
    stop: CancellationToken,
    restarts: Family<Part, Counter>,
}

impl Supervisor {
    /// A supervisor without duties, whose counters show in `registry`.
    pub(crate) fn new(registry: &mut Registry) -> Self {
        let restarts = Family::<Part, Counter>::default();
        registry.register(
            "part_restarts",
            "Parts of the node that ended by themselves and were started again",
            restarts.clone(),
        );
        Self {
            tasks: JoinSet::new(),
            stop: CancellationToken::new(),
            restarts,
        }
    }

    /// Runs `duty` until the node stops. When it panics or returns, it is made anew after a pause
    /// that grows while it keeps failing.
    pub(crate) fn run<F, D>(&mut self, part: &'static str, mut duty: D)
    where
        D: FnMut() -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let restarts = self.restarts.get_or_create(&Part { part }).clone();
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let mut pause = PAUSE_MIN;
            loop {
                let begun = tokio::time::Instant::now();
                let mut running = tokio::spawn(duty());
                let ended = tokio::select! {
                    ended = &mut running => ended,
                    () = stop.cancelled() => {
                        running.abort();
                        // What it holds is free when it is gone.
                        let _ = running.await;
                        return;
                    }
                };
                restarts.inc();
                let how = if ended.is_err() { "panicked" } else { "ended" };
                tracing::error!(part, "a part of the node {how}; it is started again");
                pause = if begun.elapsed() > PAUSE_MAX {
                    PAUSE_MIN
                } else {
                    (pause * 2).min(PAUSE_MAX)
                };
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = stop.cancelled() => return,
                }
            }
        });
    }

    /// Ends all duties and waits until they are gone.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Notify;

    #[tokio::test]
    async fn a_part_that_panics_is_started_again_and_counted() {
        let mut registry = Registry::default();
        let mut supervisor = Supervisor::new(&mut registry);
        let (runs, third) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let (counter, reached) = (Arc::clone(&runs), Arc::clone(&third));
        supervisor.run("fragile", move || {
            let run = counter.fetch_add(1, Ordering::SeqCst) + 1;
            let reached = Arc::clone(&reached);
            async move {
                match run {
                    1 => panic!("planted"),
                    2 => {}
                    _ => {
                        reached.notify_one();
                        std::future::pending::<()>().await;
                    }
                }
            }
        });
        third.notified().await;
        let restarts = supervisor
            .restarts
            .get_or_create(&Part { part: "fragile" })
            .get();
        assert_eq!(restarts, 2);
        supervisor.stop().await;
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }
}
