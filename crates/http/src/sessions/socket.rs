//! A WebSocket on a TCP connection: messages in, frames out.
//!
//! At rest it has no buffer: what comes is read into the stack, what goes is written from where it
//! is, many frames at once.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use spica_ws_proto::{Decoder, Event, Head, Opcode, Violation, close};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

use crate::connection::Patient;
use crate::link::Link;

/// Bytes that are read at once.
const READ_BYTES: usize = 8 << 10;
/// Slices that are written at once.
const SLICES: usize = 64;

/// Why nothing more comes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// The connection broke, or the client takes nothing.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The client broke the rules.
    #[error(transparent)]
    Violation(#[from] Violation),
}

/// What has happened on it.
#[derive(Debug)]
pub(crate) enum Turn {
    /// The client has sent something.
    Heard(Event),
    /// The client sends nothing more.
    End,
    /// Everything is written.
    Written,
}

/// A WebSocket.
pub(crate) struct Socket {
    stream: Patient<TcpStream>,
    decoder: Decoder,
    /// Read, but not yet looked at.
    rest: Bytes,
    frames: VecDeque<Frame>,
    /// Bytes of the first frame that are written.
    written: usize,
}

/// A frame that waits to be written.
struct Frame {
    head: Head,
    payload: Bytes,
}

impl Frame {
    fn len(&self) -> usize {
        self.head.as_bytes().len() + self.payload.len()
    }
}

impl Socket {
    /// A WebSocket on `stream`, of which `rest` was read already; messages of at most `limit` bytes
    /// are taken.
    pub(crate) const fn new(stream: Patient<TcpStream>, rest: Bytes, limit: usize) -> Self {
        Self {
            stream,
            decoder: Decoder::new(limit),
            rest,
            frames: VecDeque::new(),
            written: 0,
        }
    }

    /// What its link takes.
    pub(crate) fn link(&self) -> &Link {
        self.stream.link()
    }

    /// Puts a frame behind those that wait.
    pub(crate) fn send(&mut self, opcode: Opcode, payload: Bytes) {
        let head = Head::new(opcode, payload.len());
        self.frames.push_back(Frame { head, payload });
    }

    /// Puts the last frame behind those that wait.
    pub(crate) fn close(&mut self, code: u16, reason: &str) {
        self.send(Opcode::Close, close(code, reason));
    }

    /// Frames that wait to be written.
    pub(crate) fn waiting(&self) -> usize {
        self.frames.len()
    }

    /// Writes what waits, and reads if `listening`: what of it is done first. May be dropped and
    /// called again at any time; waits for ever if there is nothing to do.
    ///
    /// # Errors
    /// If the connection or the client broke.
    pub(crate) async fn turn(&mut self, listening: bool) -> Result<Turn, SocketError> {
        poll_fn(|cx| {
            if !self.frames.is_empty()
                && let Poll::Ready(wrote) = self.poll_write(cx)
            {
                return Poll::Ready(wrote.map(|()| Turn::Written).map_err(SocketError::from));
            }
            if listening {
                self.poll_read(cx)
            } else {
                Poll::Pending
            }
        })
        .await
    }

    /// Writes what waits, says that nothing more comes, and waits until the client has gone: what it
    /// has sent must not make the system drop what it has yet to read.
    ///
    /// # Errors
    /// If the connection broke.
    pub(crate) async fn finish(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_write(cx)).await?;
        poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await?;
        loop {
            self.stream.get_ref().readable().await?;
            match self.stream.get_ref().try_read(&mut [0; 1024]) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.frames.is_empty() {
            let wrote = {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let used = gather(&self.frames, self.written, &mut slices);
                let stream = Pin::new(&mut self.stream);
                ready!(stream.poll_write_vectored(cx, &slices[..used]))?
            };
            if wrote == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.wrote(wrote);
        }
        // Nothing is kept for the next burst.
        self.frames = VecDeque::new();
        Poll::Ready(Ok(()))
    }

    fn wrote(&mut self, bytes: usize) {
        self.written += bytes;
        while let Some(frame) = self.frames.front()
            && self.written >= frame.len()
        {
            self.written -= frame.len();
            self.frames.pop_front();
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Result<Turn, SocketError>> {
        loop {
            if let Some(event) = self.look()? {
                return Poll::Ready(Ok(Turn::Heard(event)));
            }
            ready!(self.stream.get_ref().poll_read_ready(cx))?;
            let mut bytes = [0; READ_BYTES];
            match self.stream.get_ref().try_read(&mut bytes) {
                Ok(0) => return Poll::Ready(Ok(Turn::End)),
                Ok(read) => self.rest = Bytes::copy_from_slice(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    /// The next event in what was read.
    fn look(&mut self) -> Result<Option<Event>, Violation> {
        let mut input = &self.rest[..];
        let event = self.decoder.next(&mut input)?;
        let taken = self.rest.len() - input.len();
        self.rest.advance(taken);
        if self.rest.is_empty() {
            // The memory behind it is free as well.
            self.rest = Bytes::new();
        }
        Ok(event)
    }
}

/// The first slices of what waits, of whose first frame so many bytes are `written`.
fn gather<'a>(
    frames: &'a VecDeque<Frame>,
    written: usize,
    slices: &mut [IoSlice<'a>; SLICES],
) -> usize {
    let parts = frames
        .iter()
        .flat_map(|frame| [frame.head.as_bytes(), &frame.payload[..]]);
    let mut skip = written;
    let mut used = 0;
    for part in parts {
        if used == SLICES {
            break;
        }
        let skipped = skip.min(part.len());
        skip -= skipped;
        if skipped < part.len() {
            slices[used] = IoSlice::new(&part[skipped..]);
            used += 1;
        }
    }
    used
}
