//! Messages from the station to the device.

use super::MessageError;
use super::reader::Reader;
use crate::frame::{Frame, FrameWriter, kind};

/// Data bytes of a command before its arguments: identifier and code.
pub const COMMAND_HEAD_BYTES: usize = 3;

/// A message that a station sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToDevice<'a> {
    /// `01`: say who you are.
    Identify,
    /// `02`: give me a page of your event log.
    ReadLog {
        /// The index of the first entry that is wanted.
        from: u32,
    },
    /// `03`: delete your event log.
    DeleteLog {
        /// Up to and with this index; `None` to devices that can only delete all of it.
        last: Option<u32>,
    },
    /// `10`: do something.
    Command {
        /// What the result will be known by.
        id: u16,
        /// What to do.
        code: u8,
        /// The arguments, laid out as the profile says.
        arguments: &'a [u8],
    },
    /// `40`: describe your next picture.
    NextPicture,
    /// `41`: give me a block of a picture.
    ReadBlock {
        /// The picture.
        picture: u32,
        /// The block's number.
        block: u16,
    },
    /// `42`: delete a picture.
    DeletePicture {
        /// The picture.
        picture: u32,
    },
    /// `7f`: goodbye.
    Goodbye,
}

impl<'a> ToDevice<'a> {
    /// Reads the message in a frame.
    ///
    /// # Errors
    /// If the type does not go this way or the data is not laid out as the type's.
    pub fn decode(frame: Frame<'a>) -> Result<Self, MessageError> {
        let mut reader = Reader::new(frame.kind, frame.data);
        let message = match frame.kind {
            kind::IDENTIFY => Self::Identify,
            kind::READ_LOG => Self::ReadLog {
                from: reader.u32()?,
            },
            kind::DELETE_LOG if frame.data.is_empty() => Self::DeleteLog { last: None },
            kind::DELETE_LOG => Self::DeleteLog {
                last: Some(reader.u32()?),
            },
            kind::COMMAND => {
                return Ok(Self::Command {
                    id: reader.u16()?,
                    code: reader.u8()?,
                    arguments: reader.rest(),
                });
            }
            kind::NEXT_PICTURE => Self::NextPicture,
            kind::READ_BLOCK => Self::ReadBlock {
                picture: reader.u32()?,
                block: reader.u16()?,
            },
            kind::DELETE_PICTURE => Self::DeletePicture {
                picture: reader.u32()?,
            },
            kind::GOODBYE => Self::Goodbye,
            kind => return Err(MessageError::UnknownType { kind }),
        };
        reader.end()?;
        Ok(message)
    }

    /// Appends the message as a frame to `out`. Whoever makes a command keeps its arguments within
    /// the device's limit (see [`COMMAND_HEAD_BYTES`]).
    pub fn encode(&self, out: &mut Vec<u8>) {
        let writer = FrameWriter::begin(self.kind(), out);
        let writer = match *self {
            Self::Identify | Self::NextPicture | Self::Goodbye | Self::DeleteLog { last: None } => {
                writer
            }
            Self::ReadLog { from } => writer.u32(from),
            Self::DeleteLog { last: Some(last) } => writer.u32(last),
            Self::Command {
                id,
                code,
                arguments,
            } => writer.u16(id).u8(code).bytes(arguments),
            Self::ReadBlock { picture, block } => writer.u32(picture).u16(block),
            Self::DeletePicture { picture } => writer.u32(picture),
        };
        writer.end();
    }

    /// The type of the message.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Identify => kind::IDENTIFY,
            Self::ReadLog { .. } => kind::READ_LOG,
            Self::DeleteLog { .. } => kind::DELETE_LOG,
            Self::Command { .. } => kind::COMMAND,
            Self::NextPicture => kind::NEXT_PICTURE,
            Self::ReadBlock { .. } => kind::READ_BLOCK,
            Self::DeletePicture { .. } => kind::DELETE_PICTURE,
            Self::Goodbye => kind::GOODBYE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{Decoder, Direction};

    #[test]
    fn each_message_is_the_bytes_of_the_profile() {
        for (wire, message) in [
            (&b"\x1e\x01\x1e"[..], ToDevice::Identify),
            (
                b"\x1e\x02\x04\x03\x02\x01\x1e",
                ToDevice::ReadLog { from: 0x0102_0304 },
            ),
            (
                b"\x1e\x03\x1d\x5e\0\0\0\x1e",
                ToDevice::DeleteLog { last: Some(30) },
            ),
            (b"\x1e\x03\x1e", ToDevice::DeleteLog { last: None }),
            (
                b"\x1e\x10\x02\x01\x01\x0f\x00\x1e",
                ToDevice::Command {
                    id: 0x102,
                    code: 1,
                    arguments: b"\x0f\x00",
                },
            ),
            (b"\x1e\x40\x1e", ToDevice::NextPicture),
            (
                b"\x1e\x41\x07\0\0\0\x1d\x5d\0\x1e",
                ToDevice::ReadBlock {
                    picture: 7,
                    block: 29,
                },
            ),
            (
                b"\x1e\x42\x07\0\0\0\x1e",
                ToDevice::DeletePicture { picture: 7 },
            ),
            (b"\x1e\x7f\x1e", ToDevice::Goodbye),
        ] {
            let mut out = Vec::new();
            message.encode(&mut out);
            assert_eq!(out, wire, "{message:?}");
            let mut decoder = Decoder::new(Direction::ToDevice, 120);
            let frame = decoder.next(&mut &mut out[..]).unwrap().unwrap();
            assert_eq!(ToDevice::decode(frame), Ok(message));
        }
    }

    #[test]
    fn data_that_is_too_short_or_too_long_is_no_message() {
        for (kind, allowed) in [
            (0x01, &[0][..]),
            (0x02, &[4]),
            (0x03, &[0, 4]),
            (0x10, &[3, 4, 5, 6, 7]),
            (0x40, &[0]),
            (0x41, &[6]),
            (0x42, &[4]),
            (0x7f, &[0]),
        ] {
            for length in 0..8 {
                let data = &[0; 8][..length];
                let read = ToDevice::decode(Frame { kind, data });
                assert_eq!(
                    read.is_ok(),
                    allowed.contains(&length),
                    "{kind:02x} {length}"
                );
            }
        }
    }
}
