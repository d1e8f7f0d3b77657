//! The device's own framing: `1e`, type, escaped data, `1e`.
//!
//! Written from the profile's page alone and shared with nothing: if the hub's decoder and this
//! encoder agree, they agree about the page.

/// Begins and ends a frame.
const FLAG: u8 = 0x1e;
/// Announces an escaped byte.
const ESCAPE: u8 = 0x1d;
/// What an escaped byte is XORed with.
const MASK: u8 = 0x40;
/// Most data bytes a device accepts in a frame.
pub const TO_DEVICE_MAX: usize = 120;
/// Most data bytes a device sends in a frame.
pub const FROM_DEVICE_MAX: usize = 1_024;

/// Frame types, as the profile numbers them.
pub mod kind {
    /// Station: say who you are.
    pub const IDENTIFY: u8 = 0x01;
    /// Station: read the log from an index.
    pub const READ_LOG: u8 = 0x02;
    /// Station: forget the log up to an index.
    pub const DELETE_LOG: u8 = 0x03;
    /// Station: a command.
    pub const COMMAND: u8 = 0x10;
    /// Station: is there a picture?
    pub const NEXT_PICTURE: u8 = 0x40;
    /// Station: a block of a picture.
    pub const PICTURE_BLOCK: u8 = 0x41;
    /// Station: forget a picture.
    pub const DELETE_PICTURE: u8 = 0x42;
    /// Station: goodbye.
    pub const GOODBYE: u8 = 0x7f;
    /// Device: serial and software version.
    pub const IDENTITY: u8 = 0x81;
    /// Device: a page of the log.
    pub const LOG_PAGE: u8 = 0x82;
    /// Device: how many entries were forgotten.
    pub const DELETED: u8 = 0x83;
    /// Device: what came of a command.
    pub const RESULT: u8 = 0x90;
    /// Device: a picture, or none.
    pub const PICTURE_HEADER: u8 = 0xc0;
    /// Device: a block of a picture.
    pub const BLOCK: u8 = 0xc1;
    /// Device: a picture was forgotten.
    pub const PICTURE_DELETED: u8 = 0xc2;
    /// Device: a picture cannot be had.
    pub const PICTURE_ERROR: u8 = 0xc3;
}

/// Appends the frame of `kind` with `data` to `out`.
pub fn encode(kind: u8, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[FLAG, kind]);
    for &byte in data {
        match byte {
            FLAG | ESCAPE => out.extend_from_slice(&[ESCAPE, byte ^ MASK]),
            _ => out.push(byte),
        }
    }
    out.push(FLAG);
}

/// What a station must not send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// `1d` before a byte that needs no escape.
    #[error("1d {0:02x} is no escape")]
    Escape(u8),
    /// The frame's type may not be one.
    #[error("1d is no frame type")]
    Type,
    /// More data than a device can take.
    #[error("a frame has more than {TO_DEVICE_MAX} data bytes")]
    TooLong,
    /// Bytes outside of any frame.
    #[error("byte {0:02x} stands outside of a frame")]
    Outside(u8),
}

/// A frame from the station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Its type.
    pub kind: u8,
    /// Its data, unescaped.
    pub data: &'a [u8],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Outside,
    Type,
    Data,
    Escaped,
}

/// Takes frames out of the station's bytes, one byte at a time, without allocating.
#[derive(Debug, Clone)]
pub struct Decoder {
    state: State,
    kind: u8,
    len: u8,
    data: [u8; TO_DEVICE_MAX],
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            state: State::Outside,
            kind: 0,
            len: 0,
            data: [0; TO_DEVICE_MAX],
        }
    }
}

impl Decoder {
    /// Takes the next byte; the frame that it completes, if any.
    ///
    /// # Errors
    /// If the station breaks the framing; the connection is of no use then.
    pub fn push(&mut self, byte: u8) -> Result<Option<Frame<'_>>, WireError> {
        match (self.state, byte) {
            (State::Outside, FLAG) => self.state = State::Type,
            (State::Outside, other) => return Err(WireError::Outside(other)),
            // `1e 1e` is an idle fill; the second flag may be the start of a frame.
            (State::Type, FLAG) => {}
            (State::Type, ESCAPE) => return Err(WireError::Type),
            (State::Type, kind) => {
                (self.kind, self.len, self.state) = (kind, 0, State::Data);
            }
            (State::Data, FLAG) => {
                self.state = State::Outside;
                return Ok(Some(self.frame()));
            }
            (State::Data, ESCAPE) => self.state = State::Escaped,
            (State::Data, byte) => self.keep(byte)?,
            (State::Escaped, byte) => {
                let plain = byte ^ MASK;
                if !matches!(plain, FLAG | ESCAPE) {
                    return Err(WireError::Escape(byte));
                }
                self.state = State::Data;
                self.keep(plain)?;
            }
        }
        Ok(None)
    }

    /// The frame that was completed last, until the next one begins.
    #[must_use]
    pub fn frame(&self) -> Frame<'_> {
        Frame {
            kind: self.kind,
            data: &self.data[..usize::from(self.len)],
        }
    }

    fn keep(&mut self, byte: u8) -> Result<(), WireError> {
        let slot = self
            .data
            .get_mut(usize::from(self.len))
            .ok_or(WireError::TooLong)?;
        *slot = byte;
        self.len += 1;
        Ok(())
    }
}

/// Reads little-endian numbers off the front of a frame's data.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> Result<Vec<(u8, Vec<u8>)>, WireError> {
        let mut decoder = Decoder::default();
        let mut frames = Vec::new();
        for &byte in bytes {
            if let Some(frame) = decoder.push(byte)? {
                frames.push((frame.kind, frame.data.to_vec()));
            }
        }
        Ok(frames)
    }

    #[test]
    fn a_frame_is_written_as_the_page_says() {
        let mut out = Vec::new();
        encode(0x82, &[0x00, 0x1e, 0x1d, 0x5e, 0xff], &mut out);
        assert_eq!(
            out,
            [0x1e, 0x82, 0x00, 0x1d, 0x5e, 0x1d, 0x5d, 0x5e, 0xff, 0x1e]
        );
        assert_eq!(
            decode(&out),
            Ok(vec![(0x82, vec![0x00, 0x1e, 0x1d, 0x5e, 0xff])])
        );
    }

    #[test]
    fn fills_are_ignored_and_limits_hold() {
        let frames = decode(&[0x1e, 0x1e, 0x1e, 0x7f, 0x1e, 0x1e, 0x01, 0x1e]);
        assert_eq!(frames, Ok(vec![(0x7f, vec![]), (0x01, vec![])]));
        let mut full = Vec::new();
        encode(0x10, &[7; TO_DEVICE_MAX], &mut full);
        assert_eq!(decode(&full).unwrap()[0].1.len(), TO_DEVICE_MAX);
        let mut over = Vec::new();
        encode(0x10, &[7; TO_DEVICE_MAX + 1], &mut over);
        assert_eq!(decode(&over), Err(WireError::TooLong));
    }

    #[test]
    fn a_station_that_breaks_the_framing_is_found_out() {
        assert_eq!(decode(&[0x42]), Err(WireError::Outside(0x42)));
        assert_eq!(decode(&[0x1e, 0x1d]), Err(WireError::Type));
        assert_eq!(
            decode(&[0x1e, 0x02, 0x1d, 0x41]),
            Err(WireError::Escape(0x41))
        );
        assert_eq!(
            decode(&[0x1e, 0x02, 0x1d, 0x1e]),
            Err(WireError::Escape(0x1e))
        );
    }
}
