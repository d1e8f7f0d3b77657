//! A thread for files, so that a slow or hung disk holds up nobody else.

use std::io;

use tokio::sync::{mpsc, oneshot};

/// Work that waits for the thread; whoever comes beyond it waits for its turn to wait.
const QUEUE: usize = 64;

type Job = Box<dyn FnOnce() + Send>;

/// One thread that does one thing after another. A call on a mount that hangs hangs this thread and
/// nothing else.
#[derive(Debug)]
pub(crate) struct DiskThread {
    jobs: mpsc::Sender<Job>,
}

/// The thread is gone: what it did last has panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the thread for files has ended; restart the program and report this")]
pub(crate) struct Ended;

impl DiskThread {
    pub(crate) fn start() -> io::Result<Self> {
        let (jobs, mut next) = mpsc::channel::<Job>(QUEUE);
        std::thread::Builder::new()
            .name("witness-disk".to_owned())
            .spawn(move || {
                while let Some(job) = next.blocking_recv() {
                    job();
                }
            })?;
        Ok(Self { jobs })
    }

    /// Lets the thread do `work`, unless the caller has given up before its turn.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            if !done.is_closed() {
                // Nobody may be waiting any more; the work is done all the same.
                let _ = done.send(work());
            }
        });
        self.jobs.send(job).await.map_err(|_| Ended)?;
        result.await.map_err(|_| Ended)
    }
}
