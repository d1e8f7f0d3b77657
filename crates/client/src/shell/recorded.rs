//! A stream whose first bytes can be looked at afterwards: a refused upgrade says when to come
//! again in a header that the WebSocket library does not give out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is kept of an answer.
const HEAD_BYTES: usize = 8 << 10;

/// The first bytes of an answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head(Arc<Mutex<Vec<u8>>>);

impl Head {
    /// The value of a header, if the answer has it.
    fn header(&self, name: &str) -> Option<String> {
        let bytes = self.0.lock();
        let text = String::from_utf8_lossy(&bytes);
        let head = text.split("\r\n\r\n").next()?;
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    }

    /// `Retry-After`, if it is in seconds.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        seconds(&self.header("retry-after")?)
    }

    /// `Location`.
    pub(crate) fn location(&self) -> Option<String> {
        self.header("location")
    }
}

/// Seconds of a `Retry-After`; a date is not understood.
pub(crate) fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}

/// A stream that copies the first bytes that it reads.
#[derive(Debug)]
pub(crate) struct Recorded<S> {
    inner: S,
    head: Option<Head>,
}

impl<S> Recorded<S> {
    pub(crate) fn new(inner: S, head: Head) -> Self {
        Self {
            inner,
            head: Some(head),
        }
    }

    /// Copies nothing more.
    pub(crate) fn stop(&mut self) {
        self.head = None;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Recorded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Some(head) = &self.head {
            let new = buf.filled().get(before..).unwrap_or_default();
            let mut kept = head.0.lock();
            let room = HEAD_BYTES.saturating_sub(kept.len()).min(new.len());
            kept.extend(new.iter().take(room));
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Recorded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
