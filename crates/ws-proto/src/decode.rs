//! Frames in: what a client sends, put together to messages.

use bytes::Bytes;

use crate::code;
use crate::encode::{CONTROL_BYTES, Opcode};

/// Bytes of a client's head at most: two, a length of eight, a mask of four.
const HEAD_BYTES: usize = 14;

/// What has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A text: UTF-8.
    Text(Bytes),
    /// Bytes.
    Binary(Bytes),
    /// To be answered by a pong with the same payload.
    Ping(Bytes),
    /// The answer to a ping.
    Pong(Bytes),
    /// The client ends the connection; with its code, if it gave one.
    Close(Option<u16>),
}

/// The client broke the rules: it is told the [`Violation::code`], and the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A bit of an extension that nobody agreed on.
    #[error("a reserved bit is set")]
    Reserved,
    /// An opcode that is none, or not at this place.
    #[error("an opcode that is not allowed here")]
    Opcode,
    /// Clients mask every frame.
    #[error("a frame of a client is not masked")]
    NotMasked,
    /// A control frame in parts, or longer than 125 bytes.
    #[error("a control frame that is fragmented or too long")]
    Control,
    /// A length that could be written shorter, or is none.
    #[error("a length that is not written as short as can be")]
    Length,
    /// A close frame whose code is none.
    #[error("a close frame without a valid code")]
    CloseCode,
    /// A text that is not UTF-8.
    #[error("a text that is not UTF-8")]
    NotUtf8,
    /// A message beyond the limit.
    #[error("a message of more than {limit} bytes")]
    TooBig {
        /// The limit.
        limit: usize,
    },
}

impl Violation {
    /// The close code that tells the client.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::NotUtf8 => code::NOT_UTF8,
            Self::TooBig { .. } => code::TOO_BIG,
            _ => code::PROTOCOL,
        }
    }
}

/// A frame whose payload is coming.
#[derive(Debug, Clone, Copy)]
struct Frame {
    opcode: Opcode,
    last: bool,
    mask: [u8; 4],
    /// Bytes that are still to come.
    left: usize,
}

/// Reads what one client sends.
#[derive(Debug)]
pub struct Decoder {
    limit: usize,
    head: [u8; HEAD_BYTES],
    have: usize,
    frame: Option<Frame>,
    /// What the message is whose fragments are coming.
    message: Option<Opcode>,
    payload: Vec<u8>,
    /// So much of a text is known to be UTF-8.
    checked: usize,
    control: Vec<u8>,
    broken: Option<Violation>,
}

impl Decoder {
    /// A decoder for messages of at most `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            head: [0; HEAD_BYTES],
            have: 0,
            frame: None,
            message: None,
            payload: Vec::new(),
            checked: 0,
            control: Vec::new(),
            broken: None,
        }
    }

    /// Takes from `input` up to the end of the next event; none if it ends before that.
    ///
    /// # Errors
    /// If the client broke the rules; from then on always.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Violation> {
        if let Some(violation) = self.broken {
            return Err(violation);
        }
        self.advance(input)
            .inspect_err(|violation| self.broken = Some(*violation))
    }

    /// Bytes that its buffers take: none at rest.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.payload.capacity() + self.control.capacity()
    }

    /// What the message is of which a part has come and the end has not.
    #[must_use]
    pub fn coming(&self) -> Option<Opcode> {
        let begun = self.frame.filter(|frame| !frame.opcode.is_control());
        self.message.or(begun.map(|frame| frame.opcode))
    }

    /// Takes what has come of a message of bytes whose end has not, for whom messages are no more than
    /// a stream. Its event comes as ever, with what came after this; the limit counts from here again.
    pub fn take_partial(&mut self) -> Bytes {
        match self.coming() {
            Some(Opcode::Binary) => std::mem::take(&mut self.payload).into(),
            _ => Bytes::new(),
        }
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<Event>, Violation> {
        loop {
            let begun = match self.frame.take() {
                Some(frame) => Some(frame),
                None => self.begin(input)?,
            };
            let Some(mut frame) = begun else {
                return Ok(None);
            };
            self.take(&mut frame, input);
            self.check(&frame)?;
            if frame.left > 0 {
                self.frame = Some(frame);
                return Ok(None);
            }
            self.have = 0;
            if let Some(event) = self.finish(frame)? {
                return Ok(Some(event));
            }
        }
    }

    /// Reads a head, as far as it has come.
    fn begin(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Violation> {
        loop {
            if self.have >= 2 {
                let (opcode, last) = self.kind()?;
                let (at, short) = (self.have, self.head[1] & 0x7f);
                if opcode.is_control() && short > 125 {
                    return Err(Violation::Control);
                }
                let length_bytes = match short {
                    126 => 2,
                    127 => 8,
                    _ => 0,
                };
                if at == 2 + length_bytes + 4 {
                    let left = self.length(opcode, length_bytes)?;
                    let mut mask = [0; 4];
                    mask.copy_from_slice(&self.head[at - 4..at]);
                    return Ok(Some(Frame {
                        opcode,
                        last,
                        mask,
                        left,
                    }));
                }
            }
            let Some((first, rest)) = input.split_first() else {
                return Ok(None);
            };
            self.head[self.have] = *first;
            self.have += 1;
            *input = rest;
        }
    }

    /// What the first two bytes say, and whether that may be said here.
    fn kind(&self) -> Result<(Opcode, bool), Violation> {
        let (first, second) = (self.head[0], self.head[1]);
        if first & 0x70 != 0 {
            return Err(Violation::Reserved);
        }
        let opcode = Opcode::of(first & 0x0f).ok_or(Violation::Opcode)?;
        let last = first & 0x80 != 0;
        if opcode.is_control() {
            if !last {
                return Err(Violation::Control);
            }
        } else if (opcode == Opcode::Continuation) != self.message.is_some() {
            return Err(Violation::Opcode);
        }
        if second & 0x80 == 0 {
            return Err(Violation::NotMasked);
        }
        Ok((opcode, last))
    }

    fn length(&self, opcode: Opcode, length_bytes: usize) -> Result<usize, Violation> {
        let mut wide = [0; 8];
        let length = match length_bytes {
            0 => u64::from(self.head[1] & 0x7f),
            bytes => {
                wide[8 - bytes..].copy_from_slice(&self.head[2..2 + bytes]);
                u64::from_be_bytes(wide)
            }
        };
        let shortest = match length_bytes {
            0 => true,
            2 => length > 125,
            _ => length > u64::from(u16::MAX) && length >> 63 == 0,
        };
        if !shortest {
            return Err(Violation::Length);
        }
        let room = if opcode.is_control() {
            CONTROL_BYTES
        } else {
            self.limit - self.payload.len()
        };
        match usize::try_from(length) {
            Ok(length) if length <= room => Ok(length),
            _ => Err(Violation::TooBig { limit: self.limit }),
        }
    }

    /// Takes what has come of a payload.
    fn take(&mut self, frame: &mut Frame, input: &mut &[u8]) {
        let (taken, rest) = input.split_at(frame.left.min(input.len()));
        *input = rest;
        let into = if frame.opcode.is_control() {
            &mut self.control
        } else {
            &mut self.payload
        };
        let from = into.len();
        into.extend_from_slice(taken);
        unmask(&mut into[from..], frame.mask);
        frame.mask.rotate_left(taken.len() % 4);
        frame.left -= taken.len();
    }

    /// Checks what has come of a text: a wrong one is refused before all of it is there.
    fn check(&mut self, frame: &Frame) -> Result<(), Violation> {
        let kind = match frame.opcode {
            Opcode::Continuation => self.message,
            opcode => Some(opcode),
        };
        if kind != Some(Opcode::Text) {
            return Ok(());
        }
        let whole = frame.last && frame.left == 0;
        match std::str::from_utf8(&self.payload[self.checked..]) {
            Ok(_) => self.checked = self.payload.len(),
            // The rest of a character is still to come.
            Err(error) if error.error_len().is_none() && !whole => {
                self.checked += error.valid_up_to();
            }
            Err(_) => return Err(Violation::NotUtf8),
        }
        Ok(())
    }

    fn finish(&mut self, frame: Frame) -> Result<Option<Event>, Violation> {
        match frame.opcode {
            Opcode::Ping => Ok(Some(Event::Ping(self.control()))),
            Opcode::Pong => Ok(Some(Event::Pong(self.control()))),
            Opcode::Close => closing(&self.control()).map(|code| Some(Event::Close(code))),
            opcode => {
                let kind = self.message.take().unwrap_or(opcode);
                if !frame.last {
                    self.message = Some(kind);
                    return Ok(None);
                }
                self.checked = 0;
                let payload = std::mem::take(&mut self.payload).into();
                Ok(Some(match kind {
                    Opcode::Binary => Event::Binary(payload),
                    _ => Event::Text(payload),
                }))
            }
        }
    }

    fn control(&mut self) -> Bytes {
        std::mem::take(&mut self.control).into()
    }
}

fn unmask(bytes: &mut [u8], mask: [u8; 4]) {
    let mut chunks = bytes.chunks_exact_mut(4);
    for chunk in &mut chunks {
        for (byte, mask) in chunk.iter_mut().zip(mask) {
            *byte ^= mask;
        }
    }
    for (byte, mask) in chunks.into_remainder().iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

/// The code of a close frame.
fn closing(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() {
            Ok(None)
        } else {
            Err(Violation::CloseCode)
        };
    };
    let code = u16::from_be_bytes(*code);
    // What may stand on the wire: 1004 to 1006 and 1015 may not.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::CloseCode);
    }
    match std::str::from_utf8(reason) {
        Ok(_) => Ok(Some(code)),
        Err(_) => Err(Violation::NotUtf8),
    }
}

#[cfg(test)]
mod tests;
