//! Messages from the device to the station.

use super::reader::Reader;
use super::{Identity, LogPage, MessageError, PictureErrorCode, PictureHeader};
use crate::frame::{Frame, FrameWriter, kind};

/// A message that a device sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FromDevice<'a> {
    /// `81`: who I am. The first message of a connection.
    Identity(Identity),
    /// `82`: entries of my event log, asked for or not.
    LogPage(LogPage<'a>),
    /// `83`: I have deleted this many entries.
    LogDeleted {
        /// How many.
        count: u16,
    },
    /// `90`: what became of a command.
    CommandResult {
        /// The command.
        id: u16,
        /// 0: done; anything else: refused with that code.
        status: u8,
    },
    /// `c0`: my next picture, or none.
    PictureHeader(PictureHeader),
    /// `c1`: a block of a picture.
    PictureBlock {
        /// The picture.
        picture: u32,
        /// The block's number.
        block: u16,
        /// The block.
        bytes: &'a [u8],
    },
    /// `c2`: I have deleted this picture.
    PictureDeleted {
        /// The picture.
        picture: u32,
    },
    /// `c3`: I cannot do that about this picture.
    PictureError {
        /// The picture.
        picture: u32,
        /// Why.
        code: PictureErrorCode,
    },
}

impl<'a> FromDevice<'a> {
    /// Reads the message in a frame. The entries of a log page are read later, one by one.
    ///
    /// # Errors
    /// If the type does not go this way or the data is not laid out as the type's.
    pub fn decode(frame: Frame<'a>) -> Result<Self, MessageError> {
        let mut reader = Reader::new(frame.kind, frame.data);
        let message = match frame.kind {
            kind::IDENTITY => return Identity::decode(frame.data).map(Self::Identity),
            kind::LOG_PAGE => return LogPage::decode(frame.data).map(Self::LogPage),
            kind::PICTURE_HEADER => {
                return PictureHeader::decode(frame.data).map(Self::PictureHeader);
            }
            kind::PICTURE_BLOCK => {
                return Ok(Self::PictureBlock {
                    picture: reader.u32()?,
                    block: reader.u16()?,
                    bytes: reader.rest(),
                });
            }
            kind::LOG_DELETED => Self::LogDeleted {
                count: reader.u16()?,
            },
            kind::COMMAND_RESULT => Self::CommandResult {
                id: reader.u16()?,
                status: reader.u8()?,
            },
            kind::PICTURE_DELETED => Self::PictureDeleted {
                picture: reader.u32()?,
            },
            kind::PICTURE_ERROR => Self::PictureError {
                picture: reader.u32()?,
                code: reader.u8()?.into(),
            },
            kind => return Err(MessageError::UnknownType { kind }),
        };
        reader.end()?;
        Ok(message)
    }

    /// Appends the message as a frame to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let writer = FrameWriter::begin(self.kind(), out);
        let writer = match *self {
            Self::Identity(identity) => writer
                .bytes(identity.serial_bytes())
                .bytes(identity.version_bytes()),
            Self::LogPage(page) => writer
                .u16(page.remaining)
                .u8(page.count())
                .bytes(page.body()),
            Self::LogDeleted { count } => writer.u16(count),
            Self::CommandResult { id, status } => writer.u16(id).u8(status),
            Self::PictureHeader(header) => writer
                .u32(header.picture)
                .u32(header.size)
                .u16(header.block_size)
                .u32(header.time)
                .u32(header.crc32),
            Self::PictureBlock {
                picture,
                block,
                bytes,
            } => writer.u32(picture).u16(block).bytes(bytes),
            Self::PictureDeleted { picture } => writer.u32(picture),
            Self::PictureError { picture, code } => writer.u32(picture).u8(code.into()),
        };
        writer.end();
    }

    /// The type of the message.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Identity(_) => kind::IDENTITY,
            Self::LogPage(_) => kind::LOG_PAGE,
            Self::LogDeleted { .. } => kind::LOG_DELETED,
            Self::CommandResult { .. } => kind::COMMAND_RESULT,
            Self::PictureHeader(_) => kind::PICTURE_HEADER,
            Self::PictureBlock { .. } => kind::PICTURE_BLOCK,
            Self::PictureDeleted { .. } => kind::PICTURE_DELETED,
            Self::PictureError { .. } => kind::PICTURE_ERROR,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes written by hand from the profile, and what they mean.
    fn table() -> Vec<(&'static [u8], FromDevice<'static>)> {
        let header = PictureHeader {
            picture: 7,
            size: 0x0001_0203,
            block_size: 1000,
            time: 0x6000_0000,
            crc32: 0xcbf4_3926,
        };
        vec![
            (
                b"\x1e\x8112345\0\0\0\0\0v2\0\0\0\0\0\0\x1e",
                FromDevice::Identity(Identity::new("12345", "v2").unwrap()),
            ),
            (
                b"\x1e\x82\x00\x01\x00\x1e",
                FromDevice::LogPage(LogPage::over(256, 0, b"")),
            ),
            (
                b"\x1e\x83\x03\x01\x1e",
                FromDevice::LogDeleted { count: 0x103 },
            ),
            (
                b"\x1e\x90\x1d\x5e\x00\x02\x1e",
                FromDevice::CommandResult {
                    id: 0x1e,
                    status: 2,
                },
            ),
            (
                b"\x1e\xc0\x07\0\0\0\x03\x02\x01\0\xe8\x03\0\0\0\x60\x26\x39\xf4\xcb\x1e",
                FromDevice::PictureHeader(header),
            ),
            (
                b"\x1e\xc1\x07\0\0\0\x02\0\xff\x1d\x5d\xd8\x1e",
                FromDevice::PictureBlock {
                    picture: 7,
                    block: 2,
                    bytes: b"\xff\x1d\xd8",
                },
            ),
            (
                b"\x1e\xc2\x07\0\0\x80\x1e",
                FromDevice::PictureDeleted {
                    picture: 0x8000_0007,
                },
            ),
            (
                b"\x1e\xc3\x07\0\0\0\x02\x1e",
                FromDevice::PictureError {
                    picture: 7,
                    code: PictureErrorCode::Busy,
                },
            ),
        ]
    }

    #[test]
    fn each_message_is_the_bytes_of_the_profile() {
        for (wire, message) in table() {
            let mut out = Vec::new();
            message.encode(&mut out);
            assert_eq!(out, wire, "{message:?}");
            let mut bytes = wire.to_vec();
            let mut decoder = crate::frame::Decoder::new(crate::frame::Direction::FromDevice, 1024);
            let frame = decoder.next(&mut &mut bytes[..]).unwrap().unwrap();
            assert_eq!(FromDevice::decode(frame), Ok(message));
        }
    }

    #[test]
    fn data_that_is_too_short_or_too_long_is_no_message() {
        for (kind, length) in [(0x83, 2), (0x90, 3), (0xc0, 18), (0xc2, 4), (0xc3, 5)] {
            let data = [0u8; 32];
            let decode = |length: usize| {
                FromDevice::decode(Frame {
                    kind,
                    data: &data[..length],
                })
            };
            assert!(decode(length).is_ok(), "{kind:02x}");
            assert_eq!(decode(length - 1), Err(MessageError::Short { kind }));
            assert_eq!(decode(length + 1), Err(MessageError::Long { kind }));
        }
        let short = Frame {
            kind: 0xc1,
            data: &[0; 5],
        };
        assert_eq!(
            FromDevice::decode(short),
            Err(MessageError::Short { kind: 0xc1 })
        );
        let unknown = Frame {
            kind: 0x03,
            data: b"",
        };
        assert_eq!(
            FromDevice::decode(unknown),
            Err(MessageError::UnknownType { kind: 0x03 })
        );
    }
}
