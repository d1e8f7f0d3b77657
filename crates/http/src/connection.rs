//! A stream that gives up on a peer that takes nothing, and notes what its link takes.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::link::Link;

/// What a stream writes to.
pub(crate) trait Sink: AsyncWrite + Unpin {
    /// Lets the system take so many bytes before it has sent what it took earlier.
    fn keep_unsent(&self, bytes: u32);
}

impl Sink for TcpStream {
    fn keep_unsent(&self, bytes: u32) {
        // Without it a thin link is only less current.
        let _ = socket2::SockRef::from(self).set_tcp_notsent_lowat(bytes);
    }
}

/// A stream whose writes fail when the peer has taken nothing for a while. Reads have their limits
/// elsewhere: heads by the HTTP machine, bodies by whoever reads them.
pub(crate) struct Patient<S> {
    stream: S,
    link: Arc<Link>,
    patience: Duration,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(crate) const fn new(stream: S, link: Arc<Link>, patience: Duration) -> Self {
        Self {
            stream,
            link,
            patience,
            waiting: None,
        }
    }

    /// What is written to.
    pub(crate) const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// What its link takes.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// Passes on what a write said, or its failure when it has waited too long.
    fn judge(
        &mut self,
        cx: &mut Context<'_>,
        wrote: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match &wrote {
            Poll::Ready(Ok(bytes)) => self.link.wrote(Some(*bytes)),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.link.wrote(None),
        }
        if wrote.is_ready() {
            self.waiting = None;
            return wrote;
        }
        let patience = self.patience;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        ready!(waiting.as_mut().poll(cx));
        let said = "the client takes nothing of its answer (http.write_timeout)";
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, said)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: Sink> Patient<S> {
    /// Tells the system what it may keep, if that has changed.
    fn prepare(&self) {
        if let Some(bytes) = self.link.to_tell() {
            self.stream.keep_unsent(bytes);
        }
    }
}

impl<S: Sink> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.prepare();
        let wrote = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(cx, wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.prepare();
        let wrote = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.judge(cx, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Whoever flushes has had everything taken before.
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.link.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    impl Sink for DuplexStream {
        fn keep_unsent(&self, _: u32) {}
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_takes_nothing_is_given_up() {
        let (near, mut far) = tokio::io::duplex(4);
        let mut patient = Patient::new(near, Arc::new(Link::new()), Duration::from_secs(30));
        patient.write_all(b"1234").await.unwrap();
        let error = patient.write_all(b"5678").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let mut taken = [0; 4];
        far.read_exact(&mut taken).await.unwrap();
        patient.write_all(b"abcd").await.unwrap();
    }
}
