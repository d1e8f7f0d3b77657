//! WebSocket frames taken off the bytes of a station, and put around them.

use std::io;

use bytes::{Buf as _, BytesMut};
use spica_ws_proto::{Decoder, Event, Head, Opcode, Violation, code};

/// What a client that speaks no station's protocol is told.
const TEXT: &str = "only binary messages are taken";

/// One connection's frames. At rest it keeps no byte, not even of a message whose end is to come.
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
    /// With a close frame, whose code it is given back.
    Closed(u16),
    Broken(Violation),
    Text,
}

impl End {
    /// The code and the reason of our close frame.
    fn answer(self) -> (u16, String) {
        match self {
            Self::Closed(code) => (code, String::new()),
            Self::Broken(violation) => (violation.code(), violation.to_string()),
            Self::Text => (code::UNSUPPORTED, TEXT.to_owned()),
        }
    }
}

impl Framing {
    /// For frames of at most `limit` bytes.
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

    /// How the client ended it, once it did and everything before that was taken. Only now it is
    /// answered: what the station said to what came before must not come behind a close frame.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) -> Option<io::Result<()>> {
        let end = self.end.filter(|_| self.inbox.is_empty())?;
        let (code, reason) = end.answer();
        self.say_close(code, &reason, out);
        Some(match end {
            End::Closed(_) => Ok(()),
            _ => Err(io::Error::new(io::ErrorKind::InvalidData, reason)),
        })
    }

    /// Whether nothing may be sent any more.
    pub(crate) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Takes what has come; what frames carry goes to `into`, and is kept if that is full. What is to
    /// be answered goes to `out`. How many bytes of `into` were filled.
    pub(crate) fn decode(&mut self, mut raw: &[u8], into: &mut [u8], out: &mut Vec<u8>) -> usize {
        let mut filled = 0;
        while self.end.is_none() {
            match self.decoder.next(&mut raw) {
                Ok(None) => {
                    filled += self.part(&mut into[filled..]);
                    break;
                }
                Ok(Some(Event::Binary(bytes))) => {
                    filled += self.deliver(&bytes, &mut into[filled..]);
                }
                Ok(Some(Event::Ping(payload))) if !self.is_closed => {
                    put(Opcode::Pong, &payload, out);
                }
                Ok(Some(Event::Ping(_) | Event::Pong(_))) => {}
                Ok(Some(Event::Text(_))) => self.end = Some(End::Text),
                Ok(Some(Event::Close(given))) => {
                    self.end = Some(End::Closed(given.unwrap_or(code::NORMAL)));
                }
                Err(violation) => self.end = Some(End::Broken(violation)),
            }
        }
        filled
    }

    /// Takes what has come of a message whose end has not: nothing is kept for whoever never ends
    /// one. And a text is refused at its beginning.
    fn part(&mut self, into: &mut [u8]) -> usize {
        if self.decoder.coming() == Some(Opcode::Text) {
            self.end = Some(End::Text);
            return 0;
        }
        let bytes = self.decoder.take_partial();
        self.deliver(&bytes, into)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A client's message, in two fragments; its mask is 0.
    fn message(payload: &[u8], cut: usize) -> Vec<u8> {
        let (first, second) = payload.split_at(cut.min(payload.len()));
        let mut bytes = Vec::new();
        for (opcode, part) in [(0x02, first), (0x80, second)] {
            bytes.extend([opcode, 0x80 | 126]);
            let length = u16::try_from(part.len()).unwrap();
            if length > 125 {
                bytes.extend(length.to_be_bytes());
            } else {
                bytes.pop();
                bytes.push(0x80 | length as u8);
            }
            bytes.extend([0; 4]);
            bytes.extend(part);
        }
        bytes
    }

    proptest! {
        #[test]
        fn every_byte_comes_out_once_and_in_order(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..6),
            cut in 0usize..400,
            piece in 1usize..500,
            lent in 1usize..300,
        ) {
            let wire: Vec<u8> = payloads.iter().flat_map(|one| message(one, cut)).collect();
            let (mut framing, mut out, mut got) = (Framing::new(400), Vec::new(), Vec::<u8>::new());
            let mut into = vec![0; lent];
            for part in wire.chunks(piece) {
                let filled = framing.decode(part, &mut into, &mut out);
                got.extend(&into[..filled]);
                prop_assert_eq!(framing.decoder.held_bytes(), 0);
                while framing.holds() {
                    let taken = framing.take(&mut into);
                    got.extend(&into[..taken]);
                }
            }
            prop_assert_eq!(got, payloads.concat());
            prop_assert!(out.is_empty());
            prop_assert_eq!(framing.inbox.capacity(), 0);
        }
    }

    #[test]
    fn nothing_is_said_behind_a_close() {
        let (mut framing, mut out) = (Framing::new(10), Vec::new());
        framing.close(&mut out);
        let said = out.clone();
        framing.close(&mut out);
        let ping_and_close = [0x89, 0x80, 0, 0, 0, 0, 0x88, 0x80, 0, 0, 0, 0];
        framing.decode(&ping_and_close, &mut [], &mut out);
        assert!(framing.end(&mut out).is_some_and(|end| end.is_ok()));
        assert_eq!(out, said);
        assert_eq!(out, [0x88, 2, 0x03, 0xe8]);
    }

    #[test]
    fn an_idle_web_socket_is_small() {
        let bytes = size_of::<Framing>();
        assert!(bytes <= 240, "{bytes} bytes");
    }
}
