//! The opening handshake of WebSocket (RFC 6455, section 4.2), and nothing else of HTTP.

use std::future::poll_fn;
use std::io;
use std::task::{Poll, ready};

use spica_ws_proto::accept_key;

use crate::buffers::with_buffers;
use crate::deframe::Framing;
use crate::io::Io;

/// Bytes of a request at most.
const REQUEST_BYTES: usize = 8 << 10;
/// Headers of a request at most.
const HEADERS: usize = 64;
/// Bytes that a client that is turned away may still send before it is cut off.
const LINGER_BYTES: usize = 64 << 10;

/// That a listener's clients come over WebSocket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocket {
    /// The path that they ask for, such as `/mqtt`; a query is not looked at.
    pub path: String,
    /// The subprotocols of which they must offer one.
    pub protocols: &'static [&'static str],
    /// Bytes of a frame at most. They are given to the station as they come, so this costs no memory.
    pub frame_bytes: usize,
}

/// Why a connection does not become a WebSocket.
#[derive(Debug)]
pub(crate) enum UpgradeError {
    /// The client is gone.
    Gone,
    /// Its request is refused, and it was told.
    Refused(Refusal),
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("this is no HTTP/1.1 request")]
    Malformed,
    #[error("the request is longer than 8 KiB, or has more than 64 headers")]
    TooLong,
    #[error("nothing is at this path")]
    Path,
    #[error("only GET is taken")]
    Method,
    #[error("only WebSocket is spoken here: a request needs Upgrade, Connection and Host")]
    NotWebSocket,
    #[error("only version 13 of WebSocket is spoken here")]
    Version,
    #[error("Sec-WebSocket-Key is missing, or not 16 bytes in base64")]
    Key,
    #[error("Sec-WebSocket-Protocol names none of the protocols that are spoken here")]
    Protocol,
}

impl Refusal {
    /// The status line, and the headers that go with it.
    const fn status(self) -> &'static str {
        match self {
            Self::Malformed | Self::Key | Self::Protocol => "400 Bad Request",
            Self::TooLong => "431 Request Header Fields Too Large",
            Self::Path => "404 Not Found",
            Self::Method => "405 Method Not Allowed\r\nAllow: GET",
            Self::NotWebSocket => "426 Upgrade Required\r\nUpgrade: websocket",
            Self::Version => {
                "426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"
            }
        }
    }

    /// Whether whoever asked so was no client with a wrong setting.
    pub(crate) const fn is_probe(self) -> bool {
        matches!(
            self,
            Self::Malformed | Self::TooLong | Self::Method | Self::NotWebSocket
        )
    }

    fn answer(self) -> String {
        let (status, detail) = (self.status(), self.to_string());
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\
             \r\nConnection: close\r\n\r\n{detail}\n",
            detail.len() + 1
        )
    }
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
struct Accepted {
    key: String,
    protocol: &'static str,
    /// Bytes of the request.
    bytes: usize,
}

/// Reads a request and answers it. After this the bytes of `io` are what frames carry.
pub(crate) async fn upgrade(io: &mut Io, wanted: &WebSocket) -> Result<(), UpgradeError> {
    let gone = |_: io::Error| UpgradeError::Gone;
    let mut head = Vec::new();
    let outcome = loop {
        match parse(&head, wanted) {
            Ok(None) => read_more(io, &mut head).await.map_err(gone)?,
            Ok(Some(accepted)) => break Ok(accepted),
            Err(refusal) => break Err(refusal),
        }
    };
    match outcome {
        Ok(accepted) => {
            io.send(accepted.answer().as_bytes()).map_err(gone)?;
            poll_fn(|cx| io.poll_sent(cx)).await.map_err(gone)?;
            // A client that did not wait for the answer.
            let mut answers = Vec::new();
            let early = &head[accepted.bytes..];
            let framing = Framing::after(early, wanted.frame_bytes, &mut answers);
            io.send(&answers).map_err(gone)?;
            io.frame(framing);
            Ok(())
        }
        Err(refusal) => {
            turn_away(io, refusal).await.map_err(gone)?;
            Err(UpgradeError::Refused(refusal))
        }
    }
}

/// Appends what comes next, at least one byte, and never more than a request may have.
async fn read_more(io: &mut Io, head: &mut Vec<u8>) -> io::Result<()> {
    let room = REQUEST_BYTES - head.len();
    match read(io, |bytes| head.extend_from_slice(bytes), room).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// Gives `take` what comes next, at most `room` bytes; how many came.
async fn read(io: &mut Io, mut take: impl FnMut(&[u8]), room: usize) -> io::Result<usize> {
    poll_fn(|cx| {
        loop {
            ready!(io.poll_readable(cx))?;
            let read = with_buffers(|buffers| {
                let room = room.min(buffers.input.len());
                let read = io.try_read(&mut buffers.input[..room])?;
                take(&buffers.input[..read.unwrap_or(0)]);
                io::Result::Ok(read)
            })?;
            if let Some(read) = read {
                return Poll::Ready(Ok(read));
            }
        }
    })
    .await
}

/// Says why, and waits until the client has closed: if there were unread bytes when the connection
/// is dropped, the client's system might throw the answer away.
async fn turn_away(io: &mut Io, refusal: Refusal) -> io::Result<()> {
    io.send(refusal.answer().as_bytes())?;
    poll_fn(|cx| io.poll_shutdown(cx)).await?;
    let mut left = LINGER_BYTES;
    while left > 0 {
        match read(io, |_: &[u8]| {}, left).await? {
            0 => break,
            read => left -= read,
        }
    }
    Ok(())
}

/// Reads a request; none if it is not complete.
fn parse(head: &[u8], wanted: &WebSocket) -> Result<Option<Accepted>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    let bytes = match request.parse(head) {
        Ok(httparse::Status::Complete(bytes)) => bytes,
        Ok(httparse::Status::Partial) if head.len() < REQUEST_BYTES => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Err(Refusal::TooLong);
        }
        Err(_) => return Err(Refusal::Malformed),
    };
    if request.version != Some(1) {
        return Err(Refusal::Malformed);
    }
    if request.method != Some("GET") {
        return Err(Refusal::Method);
    }
    let path = request.path.unwrap_or_default();
    if path.split('?').next() != Some(&wanted.path) {
        return Err(Refusal::Path);
    }
    let (key, protocol) = judge(&Headers(request.headers), wanted)?;
    Ok(Some(Accepted {
        key,
        protocol,
        bytes,
    }))
}

fn judge(headers: &Headers<'_>, wanted: &WebSocket) -> Result<(String, &'static str), Refusal> {
    let is_upgrade = headers.list("upgrade", |token| token.eq_ignore_ascii_case("websocket"))
        && headers.list("connection", |token| token.eq_ignore_ascii_case("upgrade"))
        && headers.one("host").is_some();
    if !is_upgrade {
        return Err(Refusal::NotWebSocket);
    }
    if headers.one("sec-websocket-version") != Some("13") {
        return Err(Refusal::Version);
    }
    let key = headers.one("sec-websocket-key").and_then(accept_key);
    let key = key.ok_or(Refusal::Key)?;
    let mut protocol = None;
    headers.list("sec-websocket-protocol", |token| {
        protocol = wanted.protocols.iter().find(|one| **one == token);
        protocol.is_some()
    });
    Ok((key, protocol.ok_or(Refusal::Protocol)?))
}

impl Accepted {
    fn answer(&self) -> String {
        let Self { key, protocol, .. } = self;
        format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\
             \r\nSec-WebSocket-Accept: {key}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n"
        )
    }
}

/// The headers of a request.
struct Headers<'a>(&'a [httparse::Header<'a>]);

impl<'a> Headers<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter();
        let named = named.filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.filter_map(|header| std::str::from_utf8(header.value).ok().map(str::trim))
    }

    /// The value of a header that stands there once.
    fn one(&self, name: &'static str) -> Option<&'a str> {
        let mut all = self.all(name);
        all.next().filter(|_| all.next().is_none())
    }

    /// Whether `is_it` finds an element of a header that is a list.
    fn list(&self, name: &'static str, mut is_it: impl FnMut(&str) -> bool) -> bool {
        self.all(name)
            .flat_map(|value| value.split(','))
            .any(|token| is_it(token.trim()))
    }
}
