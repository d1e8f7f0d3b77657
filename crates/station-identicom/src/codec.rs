//! Bytes in and out of a connection, without a buffer of its own while it is idle.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// Bytes that are read at once: some eight of the longest frames.
const READ_BYTES: usize = 16 << 10;
/// A larger buffer for output is given back: no worker thread keeps it for ever.
const WRITE_BYTES_KEPT: usize = 64 << 10;

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        input: vec![0; READ_BYTES].into(),
        output: Vec::new(),
    });
}

/// What a worker thread lends to the connection that it is just working on.
pub(crate) struct Buffers {
    /// For what is read; its content means nothing.
    pub(crate) input: Box<[u8]>,
    /// For what is to be written; empty.
    pub(crate) output: Vec<u8>,
}

/// Lends this thread's buffers to `work`, which must not ask for them again.
pub(crate) fn with_buffers<T>(work: impl FnOnce(&mut Buffers) -> T) -> T {
    BUFFERS.with_borrow_mut(|buffers| {
        let result = work(buffers);
        buffers.output.clear();
        buffers.output.shrink_to(WRITE_BYTES_KEPT);
        result
    })
}

/// A connection, and what could not be written to it yet.
#[derive(Debug)]
pub(crate) struct Io {
    stream: Stream,
    unsent: Vec<u8>,
    is_flushed: bool,
    /// Whether TLS may hold read bytes back, of which the socket knows nothing.
    may_hold: bool,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Io {
    pub(crate) const fn plain(stream: TcpStream) -> Self {
        Self::new(Stream::Plain(stream), false)
    }

    pub(crate) fn tls(stream: TlsStream<TcpStream>) -> Self {
        // The client may have said something right behind its handshake.
        Self::new(Stream::Tls(Box::new(stream)), true)
    }

    const fn new(stream: Stream, may_hold: bool) -> Self {
        Self {
            stream,
            unsent: Vec::new(),
            is_flushed: true,
            may_hold,
        }
    }

    /// Ready when there may be something to read.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &self.stream {
            _ if self.may_hold => Poll::Ready(Ok(())),
            Stream::Plain(stream) => stream.poll_read_ready(cx),
            Stream::Tls(stream) => stream.get_ref().0.poll_read_ready(cx),
        }
    }

    /// Reads what is there: `None` if that is nothing now, 0 bytes at the end.
    pub(crate) fn try_read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let mut buffer = ReadBuf::new(into);
        // Who waits is known to the socket from `poll_readable`, which always comes next.
        let mut cx = Context::from_waker(Waker::noop());
        let read = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(&mut cx, &mut buffer),
            Stream::Tls(stream) => {
                let read = Pin::new(&mut **stream).poll_read(&mut cx, &mut buffer);
                self.may_hold = read.is_ready();
                read
            }
        };
        match read {
            Poll::Pending => Ok(None),
            Poll::Ready(result) => result.map(|()| Some(buffer.filled().len())),
        }
    }

    /// Writes as much of `bytes` as can be now, and keeps the rest for [`Io::poll_sent`].
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.is_flushed = false;
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(());
        }
        let mut cx = Context::from_waker(Waker::noop());
        let written = match self.stream.poll_write(&mut cx, bytes) {
            Poll::Ready(result) => result?,
            Poll::Pending => 0,
        };
        self.unsent.extend_from_slice(&bytes[written..]);
        match self.poll_sent(&mut cx) {
            Poll::Ready(result) => result,
            Poll::Pending => Ok(()),
        }
    }

    /// Whether there is something left to write.
    pub(crate) const fn is_sent(&self) -> bool {
        self.is_flushed
    }

    /// Ready when everything is written.
    pub(crate) fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.unsent.is_empty() {
            let written = ready!(self.stream.poll_write(cx, &self.unsent))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unsent.drain(..written);
        }
        self.unsent = Vec::new();
        ready!(self.stream.poll_flush(cx))?;
        self.is_flushed = true;
        Poll::Ready(Ok(()))
    }

    /// Tells the other side that nothing more comes, as far as that can be done at once.
    pub(crate) fn close(&mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            let mut cx = Context::from_waker(Waker::noop());
            // Whether the other side hears it or not, the connection ends.
            let _ = Pin::new(&mut **stream).poll_shutdown(&mut cx);
        }
    }
}

impl Stream {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn what_cannot_be_written_at_once_is_kept_and_written_in_order() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut reader = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let mut io = Io::plain(listener.accept().await.unwrap().0);
        poll_fn(|cx| match &io.stream {
            Stream::Plain(stream) => stream.poll_write_ready(cx),
            Stream::Tls(_) => Poll::Ready(Ok(())),
        })
        .await
        .unwrap();
        let bytes: Vec<u8> = (0..16u32 << 20).map(|n| (n >> 8) as u8).collect();
        for part in bytes.chunks(5_000_000) {
            io.send(part).unwrap();
        }
        assert!(!io.is_sent(), "a socket does not take 16 MiB at once");
        let mut got = vec![0; bytes.len()];
        let (sent, read) =
            tokio::join!(poll_fn(|cx| io.poll_sent(cx)), reader.read_exact(&mut got));
        sent.unwrap();
        read.unwrap();
        assert!(io.is_sent());
        assert!(got == bytes, "not the same bytes");
    }
}
