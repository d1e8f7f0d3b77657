//! Pictures: what a device says about them.

use super::MessageError;
use super::reader::Reader;
use crate::frame::kind;

/// The data of a `c0` message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureHeader {
    /// The picture's number on its device.
    pub picture: u32,
    /// Its size in bytes; 0 says that there is no picture left.
    pub size: u32,
    /// Bytes of each block but the last.
    pub block_size: u16,
    /// The device's time of the picture, in Unix seconds.
    pub time: u32,
    /// CRC-32 (IEEE) of the whole picture.
    pub crc32: u32,
}

impl PictureHeader {
    /// Largest block that the profile allows.
    pub const BLOCK_SIZE_MAX: u16 = 1000;

    pub(crate) fn decode(data: &[u8]) -> Result<Self, MessageError> {
        let mut reader = Reader::new(kind::PICTURE_HEADER, data);
        let header = Self {
            picture: reader.u32()?,
            size: reader.u32()?,
            block_size: reader.u16()?,
            time: reader.u32()?,
            crc32: reader.u32()?,
        };
        reader.end()?;
        Ok(header)
    }

    /// Whether the header describes a picture that can be read block by block: its size is at most
    /// `size_max`, its blocks have 1 to 1000 bytes, and their numbers fit 16 bits.
    #[must_use]
    pub const fn is_readable(&self, size_max: u32) -> bool {
        self.size > 0
            && self.size <= size_max
            && self.block_size > 0
            && self.block_size <= Self::BLOCK_SIZE_MAX
            && self.blocks() <= 1 << 16
    }

    /// How many blocks the picture has.
    #[must_use]
    pub const fn blocks(&self) -> u32 {
        if self.block_size == 0 {
            return 0;
        }
        self.size.div_ceil(self.block_size as u32)
    }

    /// How many bytes block number `block` has; 0 behind the last one.
    #[must_use]
    pub fn block_bytes(&self, block: u32) -> usize {
        let from = u64::from(block) * u64::from(self.block_size);
        let left = u64::from(self.size).saturating_sub(from);
        left.min(u64::from(self.block_size)) as usize
    }
}

/// Why a device does not do what it was asked about a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureErrorCode {
    /// 1: there is no such picture.
    Unknown,
    /// 2: not now.
    Busy,
    /// 3: it cannot be read.
    Failed,
    /// A code that the profile does not have.
    Other(u8),
}

impl From<u8> for PictureErrorCode {
    fn from(code: u8) -> Self {
        match code {
            1 => Self::Unknown,
            2 => Self::Busy,
            3 => Self::Failed,
            other => Self::Other(other),
        }
    }
}

impl From<PictureErrorCode> for u8 {
    fn from(code: PictureErrorCode) -> Self {
        match code {
            PictureErrorCode::Unknown => 1,
            PictureErrorCode::Busy => 2,
            PictureErrorCode::Failed => 3,
            PictureErrorCode::Other(other) => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(size: u32, block_size: u16) -> PictureHeader {
        PictureHeader {
            picture: 1,
            size,
            block_size,
            time: 2,
            crc32: 3,
        }
    }

    #[test]
    fn the_last_block_has_what_is_left() {
        for (size, block_size, blocks, last) in [
            (1, 1000, 1, 1),
            (1000, 1000, 1, 1000),
            (1001, 1000, 2, 1),
            (65_536, 1, 65_536, 1),
        ] {
            let header = header(size, block_size);
            assert_eq!(header.blocks(), blocks);
            assert_eq!(header.block_bytes(blocks - 1), last);
            assert_eq!(header.block_bytes(blocks), 0);
        }
        assert_eq!(header(u32::MAX, u16::MAX).block_bytes(u32::MAX), 0);
    }

    #[test]
    fn pictures_that_cannot_be_read_are_told_apart() {
        for (size, block_size, readable) in [
            (1, 1000, true),
            (5000, 1000, true),
            (5001, 1000, false),
            (0, 1000, false),
            (5000, 0, false),
            (5000, 1001, false),
        ] {
            assert_eq!(
                header(size, block_size).is_readable(5000),
                readable,
                "{size} {block_size}"
            );
        }
        assert!(header(65_536, 1).is_readable(u32::MAX));
        assert!(!header(65_537, 1).is_readable(u32::MAX));
    }
}
