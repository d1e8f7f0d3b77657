//! WebSocket frames taken off the bytes of a station, and put around them.

use std::io;

use bytes::{Buf as _, BytesMut};
use spica_ws_proto::{Decoder, Event, Head, Opcode, Violation, code};

/// What a client that speaks no station's protocol is told.
const TEXT: &str = "only binary messages are taken";

/// One connection's frames.
#[derive(Debug)]
pub(crate) struct Framing {
    decoder: Decoder,
    /// What was carried and did not fit into what the station lent.
    inbox: BytesMut,
    end: Option<End>,
    /// Whether our close frame is on its way: nothing may come behind it.
    is_closed: bool,
}

/// How the client ended it.
#[derive(Debug, Clone, Copy)]
enum End {
    Closed,
    Broken(Violation),
    Text,
}

impl Framing {
    /// For messages of at most `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            decoder: Decoder::new(limit),
            inbox: BytesMut::new(),
            end: None,
            is_closed: false,
        }
    }

    /// The same, for a connection from which `raw` was read too far.
    pub(crate) fn after(raw: &[u8], limit: usize, out: &mut Vec<u8>) -> Self {
        let mut framing = Self::new(limit);
        framing.decode(raw, &mut [], out);
        framing
    }

    /// Puts `bytes` into a message.
    pub(crate) fn wrap(bytes: &[u8], out: &mut Vec<u8>) {
        put(Opcode::Binary, bytes, out);
    }

    /// Whether something can be had without another byte of the client.
    pub(crate) fn holds(&self) -> bool {
        !self.inbox.is_empty() || self.end.is_some()
    }

    /// What was kept, as far as it fits.
    pub(crate) fn take(&mut self, into: &mut [u8]) -> usize {
        let taken = self.inbox.len().min(into.len());
        self.inbox.copy_to_slice(&mut into[..taken]);
        if self.inbox.is_empty() {
            self.inbox = BytesMut::new();
        }
        taken
    }

    /// How the client ended it, once it did and everything before that was taken.
    pub(crate) fn end(&self) -> Option<io::Result<()>> {
        let broken = |what| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        self.end.map(|end| match end {
            End::Closed => Ok(()),
            End::Broken(violation) => broken(violation.to_string()),
            End::Text => broken(TEXT.to_owned()),
        })
    }

    /// Takes what has come; what frames carry goes to `into`, and is kept if that is full. What is to
    /// be answered goes to `out`. How many bytes of `into` were filled.
    pub(crate) fn decode(&mut self, mut raw: &[u8], into: &mut [u8], out: &mut Vec<u8>) -> usize {
        let mut filled = 0;
        while self.end.is_none() {
            match self.decoder.next(&mut raw) {
                Ok(None) => break,
                Ok(Some(Event::Binary(bytes))) => {
                    filled += self.deliver(&bytes, &mut into[filled..]);
                }
                Ok(Some(Event::Ping(payload))) if !self.is_closed => {
                    put(Opcode::Pong, &payload, out);
                }
                Ok(Some(Event::Ping(_) | Event::Pong(_))) => {}
                Ok(Some(Event::Text(_))) => self.fail(End::Text, code::UNSUPPORTED, TEXT, out),
                Ok(Some(Event::Close(given))) => {
                    self.fail(End::Closed, given.unwrap_or(code::NORMAL), "", out);
                }
                Err(violation) => {
                    let said = violation.to_string();
                    self.fail(End::Broken(violation), violation.code(), &said, out);
                }
            }
        }
        filled
    }

    fn deliver(&mut self, bytes: &[u8], into: &mut [u8]) -> usize {
        let fits = if self.inbox.is_empty() {
            bytes.len().min(into.len())
        } else {
            0
        };
        into[..fits].copy_from_slice(&bytes[..fits]);
        self.inbox.extend_from_slice(&bytes[fits..]);
        fits
    }

    fn fail(&mut self, end: End, code: u16, reason: &str, out: &mut Vec<u8>) {
        self.end = Some(end);
        self.say_close(code, reason, out);
    }

    /// Says that nothing more comes, unless that is said.
    pub(crate) fn close(&mut self, out: &mut Vec<u8>) {
        self.say_close(code::NORMAL, "", out);
    }

    fn say_close(&mut self, code: u16, reason: &str, out: &mut Vec<u8>) {
        if !self.is_closed {
            self.is_closed = true;
            put(Opcode::Close, &spica_ws_proto::close(code, reason), out);
        }
    }
}

fn put(opcode: Opcode, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(Head::new(opcode, payload.len()).as_bytes());
    out.extend_from_slice(payload);
}
