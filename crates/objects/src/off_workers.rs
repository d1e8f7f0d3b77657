//! File work, off the async workers.

use std::io;

/// Runs `work`, which may wait for the disk, on the pool for such work.
///
/// # Errors
/// Its own error, or that it panicked.
#[expect(
    clippy::disallowed_methods,
    reason = "one block or one picture at a time, and no acknowledgement of a record waits for it"
)]
pub(crate) async fn off_workers<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failed) => Err(io::Error::other(failed)),
    }
}
