//! Bytes in and out of a connection, without a buffer of its own while it is idle.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::buffers::{Buffers, with_frame_buffers};
use crate::deframe::Framing;
use crate::pipe::Pipe;

/// A connection's bytes, and what could not be written yet. Over WebSocket they are what the frames
/// carry.
#[derive(Debug)]
pub struct Io {
    stream: Stream,
    unsent: Vec<u8>,
    is_flushed: bool,
    /// Whether TLS may hold read bytes back, of which the socket knows nothing.
    may_hold: bool,
    framing: Option<Box<Framing>>,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Pipe(Pipe),
}

impl Io {
    /// A connection in memory.
    #[must_use]
    pub const fn pipe(pipe: Pipe) -> Self {
        Self::new(Stream::Pipe(pipe), false)
    }

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
            framing: None,
        }
    }

    /// From here on the bytes come and go in WebSocket frames.
    pub(crate) fn frame(&mut self, framing: Framing) {
        self.framing = Some(Box::new(framing));
    }

    /// Ready when there may be something to read.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.may_hold || self.framing.as_ref().is_some_and(|one| one.holds()) {
            return Poll::Ready(Ok(()));
        }
        match &self.stream {
            Stream::Plain(stream) => stream.poll_read_ready(cx),
            Stream::Tls(stream) => stream.get_ref().0.poll_read_ready(cx),
            Stream::Pipe(pipe) => pipe.poll_readable(cx),
        }
    }

    /// Reads what is there: `None` if that is nothing now, 0 bytes at the end. To be waited for with
    /// [`Io::poll_readable`] after that. What must be answered below the station (pings, a close) is.
    ///
    /// # Errors
    /// If the connection is broken; as [`io::ErrorKind::InvalidData`] if the client broke the rules of
    /// TLS or WebSocket.
    pub fn try_read(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        match self.framing.take() {
            None => self.read_raw(into),
            Some(mut framing) => {
                let read = self.read_frames(&mut framing, into);
                self.framing = Some(framing);
                read
            }
        }
    }

    fn read_frames(&mut self, framing: &mut Framing, into: &mut [u8]) -> io::Result<Option<usize>> {
        let held = framing.take(into);
        if held > 0 {
            return Ok(Some(held));
        }
        with_frame_buffers(|buffers| {
            let Buffers { input, output } = buffers;
            if let Some(end) = framing.end(output) {
                self.send_raw(output)?;
                return end.map(|()| Some(0));
            }
            let read = match self.read_raw(input)? {
                None => return Ok(None),
                Some(0) => return Ok(Some(0)),
                Some(read) => read,
            };
            let taken = framing.decode(&input[..read], into, output);
            self.send_raw(output)?;
            // Part of a frame, or one that is not the station's: what comes next is asked for again.
            Ok((taken > 0).then_some(taken))
        })
    }

    fn read_raw(&mut self, into: &mut [u8]) -> io::Result<Option<usize>> {
        let mut buffer = ReadBuf::new(into);
        // Who waits is known to the stream from `poll_readable`, which always comes next.
        let mut cx = Context::from_waker(Waker::noop());
        let read = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(&mut cx, &mut buffer),
            Stream::Tls(stream) => {
                let read = Pin::new(&mut **stream).poll_read(&mut cx, &mut buffer);
                self.may_hold = read.is_ready();
                read
            }
            Stream::Pipe(pipe) => Pin::new(pipe).poll_read(&mut cx, &mut buffer),
        };
        match read {
            Poll::Pending => Ok(None),
            Poll::Ready(result) => result.map(|()| Some(buffer.filled().len())),
        }
    }

    /// Writes as much of `bytes` as can be now, and keeps the rest for [`Io::poll_sent`]. Over
    /// WebSocket they are one message, and nothing once the connection is closed there.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let Some(framing) = &self.framing else {
            return self.send_raw(bytes);
        };
        if framing.is_closed() {
            // Nobody may hear it: the close frame was the last one.
            return Ok(());
        }
        with_frame_buffers(|buffers| {
            Framing::wrap(bytes, &mut buffers.output);
            self.send_raw(&buffers.output)
        })
    }

    fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
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

    /// Whether there is nothing left to write.
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        self.is_flushed
    }

    /// Bytes that wait to be written. Who sends on top of them is to have a limit.
    #[must_use]
    pub const fn unsent_bytes(&self) -> usize {
        self.unsent.len()
    }

    /// Ready when everything is written.
    ///
    /// # Errors
    /// If the connection is broken.
    pub fn poll_sent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
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
    pub fn close(&mut self) {
        if let Some(mut framing) = self.framing.take() {
            let mut frame = Vec::new();
            framing.close(&mut frame);
            self.framing = Some(framing);
            // Whether the other side hears it or not, the connection ends.
            let _ = self.send_raw(&frame);
        }
        if let Stream::Tls(stream) = &mut self.stream {
            let mut cx = Context::from_waker(Waker::noop());
            // As above.
            let _ = Pin::new(&mut **stream).poll_shutdown(&mut cx);
        }
    }

    /// Ready when the other side was told that nothing more comes.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_sent(cx))?;
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
            Stream::Pipe(pipe) => Pin::new(pipe).poll_shutdown(cx),
        }
    }
}

impl Stream {
    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_write(cx, bytes),
            Self::Pipe(pipe) => Pin::new(pipe).poll_write(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(&mut **stream).poll_flush(cx),
            Self::Pipe(pipe) => Pin::new(pipe).poll_flush(cx),
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
        let stream = listener.accept().await.unwrap().0;
        stream.writable().await.unwrap();
        let mut io = Io::plain(stream);
        let bytes: Vec<u8> = (0..16u32 << 20).map(|n| (n >> 8) as u8).collect();
        for part in bytes.chunks(5_000_000) {
            io.send(part).unwrap();
        }
        assert!(!io.is_sent(), "a socket does not take 16 MiB at once");
        assert!(io.unsent_bytes() > 0);
        let mut got = vec![0; bytes.len()];
        let (sent, read) =
            tokio::join!(poll_fn(|cx| io.poll_sent(cx)), reader.read_exact(&mut got));
        sent.unwrap();
        read.unwrap();
        assert!(io.is_sent());
        assert!(got == bytes, "not the same bytes");
    }
}
