//! A connection without a socket, for tests and measurements: two ends in one process.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// One end of a connection in memory. While no bytes are on their way it has no buffer: two ends
/// take some 200 bytes, so that a million of them fit into one process.
#[derive(Debug)]
pub struct Pipe {
    shared: Arc<Shared>,
    /// Which of the ways is read from; the other one is written to.
    reads: usize,
}

#[derive(Debug)]
struct Shared {
    limit: usize,
    ways: Mutex<[Way; 2]>,
}

/// Bytes on their way to one end.
#[derive(Debug, Default)]
struct Way {
    bytes: VecDeque<u8>,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Whether nothing more comes.
    is_ended: bool,
    /// Whether nobody reads any more.
    is_dropped: bool,
}

/// A connection in memory that takes `limit` bytes each way before its writer has to wait.
#[must_use]
pub fn pipe(limit: usize) -> (Pipe, Pipe) {
    let shared = Arc::new(Shared {
        limit: limit.max(1),
        ways: Mutex::default(),
    });
    let end = |reads| Pipe {
        shared: Arc::clone(&shared),
        reads,
    };
    (end(0), end(1))
}

impl Way {
    fn is_readable(&self) -> bool {
        !self.bytes.is_empty() || self.is_ended
    }

    /// Takes what fits into `into`.
    fn take(&mut self, into: &mut ReadBuf<'_>) {
        let mut left = into.remaining().min(self.bytes.len());
        let (first, second) = self.bytes.as_slices();
        let taken = left;
        for part in [first, second] {
            let part = &part[..part.len().min(left)];
            into.put_slice(part);
            left -= part.len();
        }
        if taken == self.bytes.len() {
            self.bytes = VecDeque::new();
        } else {
            self.bytes.drain(..taken);
        }
        wake(&mut self.writer);
    }
}

fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

fn note(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

impl Pipe {
    const fn writes(&self) -> usize {
        1 - self.reads
    }

    /// Ready when there is something to read, the end included.
    pub(crate) fn poll_readable(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let way = &mut self.shared.ways.lock()[self.reads];
        if way.is_readable() {
            return Poll::Ready(Ok(()));
        }
        note(&mut way.reader, cx);
        Poll::Pending
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let way = &mut self.shared.ways.lock()[self.reads];
        if !way.is_readable() {
            note(&mut way.reader, cx);
            return Poll::Pending;
        }
        if !way.bytes.is_empty() {
            way.take(into);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let way = &mut self.shared.ways.lock()[self.writes()];
        if way.is_dropped || way.is_ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let room = self.shared.limit - way.bytes.len();
        if room == 0 {
            note(&mut way.writer, cx);
            return Poll::Pending;
        }
        let taken = &bytes[..bytes.len().min(room)];
        way.bytes.extend(taken);
        wake(&mut way.reader);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let way = &mut self.shared.ways.lock()[self.writes()];
        way.is_ended = true;
        wake(&mut way.reader);
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut ways = self.shared.ways.lock();
        let written = &mut ways[self.writes()];
        written.is_ended = true;
        wake(&mut written.reader);
        let read = &mut ways[self.reads];
        read.is_dropped = true;
        read.bytes = VecDeque::new();
        wake(&mut read.writer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn bytes_come_in_order_and_a_full_way_waits() {
        let (mut near, mut far) = pipe(7);
        let sent: Vec<u8> = (0..=255).collect();
        let (mut got, copy) = (Vec::new(), sent.clone());
        let write = async move {
            near.write_all(&copy).await.unwrap();
            near.shutdown().await.unwrap();
            near
        };
        let (near, read) = tokio::join!(write, far.read_to_end(&mut got));
        read.unwrap();
        assert_eq!(got, sent);
        drop(near);
    }

    #[tokio::test]
    async fn an_end_that_is_dropped_is_seen_at_the_other_one() {
        let (near, mut far) = pipe(2);
        far.write_all(b"12").await.unwrap();
        let (written, ()) = tokio::join!(far.write_all(b"3"), async { drop(near) });
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(far.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_pipe_at_rest_has_no_buffer() {
        let (mut near, mut far) = pipe(1 << 20);
        near.write_all(&[1; 100_000]).await.unwrap();
        far.read_exact(&mut [0; 100_000]).await.unwrap();
        let held: usize = near
            .shared
            .ways
            .lock()
            .iter()
            .map(|way| way.bytes.capacity())
            .sum();
        assert_eq!(held, 0);
        let bytes = size_of::<Shared>() + 2 * size_of::<Pipe>();
        assert!(bytes <= 256, "{bytes} bytes");
    }
}
