//! Frames out: their heads, which stand before payloads that are not copied.

use bytes::{BufMut as _, Bytes, BytesMut};

/// Bytes a control frame carries at most.
pub const CONTROL_BYTES: usize = 125;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message before.
    Continuation,
    /// UTF-8.
    Text,
    /// Bytes.
    Binary,
    /// The end.
    Close,
    /// To be answered by a pong.
    Ping,
    /// The answer.
    Pong,
}

impl Opcode {
    pub(crate) const fn of(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::Continuation),
            1 => Some(Self::Text),
            2 => Some(Self::Binary),
            8 => Some(Self::Close),
            9 => Some(Self::Ping),
            10 => Some(Self::Pong),
            _ => None,
        }
    }

    const fn bits(self) -> u8 {
        match self {
            Self::Continuation => 0,
            Self::Text => 1,
            Self::Binary => 2,
            Self::Close => 8,
            Self::Ping => 9,
            Self::Pong => 10,
        }
    }

    pub(crate) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The head of a frame from a server: whole, not masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    bytes: [u8; 10],
    len: u8,
}

impl Head {
    /// The head of a whole message of `len` bytes.
    #[must_use]
    pub fn new(opcode: Opcode, len: usize) -> Self {
        let mut bytes = [0; 10];
        bytes[0] = 0x80 | opcode.bits();
        let used = match (u16::try_from(len), len) {
            (Ok(_), 0..=125) => {
                // Below 126: it fits.
                bytes[1] = len.to_le_bytes()[0];
                2
            }
            (Ok(short), _) => {
                bytes[1] = 126;
                bytes[2..4].copy_from_slice(&short.to_be_bytes());
                4
            }
            (Err(_), _) => {
                bytes[1] = 127;
                bytes[2..].copy_from_slice(&(len as u64).to_be_bytes());
                10
            }
        };
        Self { bytes, len: used }
    }

    /// What is written before the payload.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

/// The payload of a close frame; what is too long of the reason is left out.
#[must_use]
pub fn close(code: u16, reason: &str) -> Bytes {
    let room = CONTROL_BYTES - 2;
    let reason = &reason[..reason.floor_char_boundary(room)];
    let mut payload = BytesMut::with_capacity(2 + reason.len());
    payload.put_u16(code);
    payload.put_slice(reason.as_bytes());
    payload.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_short_as_can_be() {
        let head = |len| Head::new(Opcode::Binary, len).as_bytes().to_vec();
        assert_eq!(head(0), [0x82, 0]);
        assert_eq!(head(125), [0x82, 125]);
        assert_eq!(head(126), [0x82, 126, 0, 126]);
        assert_eq!(head(65_535), [0x82, 126, 0xff, 0xff]);
        assert_eq!(head(65_536), [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_reason_is_cut_at_a_character() {
        let payload = close(1002, &"ä".repeat(100));
        assert_eq!(payload.len(), 124);
        assert!(std::str::from_utf8(&payload[2..]).is_ok());
        assert_eq!(&close(1000, "")[..], [0x03, 0xe8]);
    }
}
