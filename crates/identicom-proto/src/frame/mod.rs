//! Frames: `1e` type data `1e`, with `1e` and `1d` escaped in the data.
//!
//! No length, no checksum, no number: TCP is what keeps a frame whole. The reader is strict, because
//! an alarm must not be read out of noise: anything that is not exactly a frame is a [`BadFrame`],
//! said once and never acted upon.

mod decode;
mod encode;

use std::fmt;

pub use decode::Decoder;
pub use encode::{FrameWriter, encode_frame};

/// Begins and ends a frame.
pub const MARK: u8 = 0x1e;
/// Begins an escape in the data: the next byte is the original XOR [`FLIP`].
pub const ESCAPE: u8 = 0x1d;
/// What an escaped byte is combined with.
pub const FLIP: u8 = 0x40;

/// Data bytes that a device can take in one frame, before escaping, unless its profile differs.
pub const DATA_TO_DEVICE: u16 = 120;
/// Data bytes that a device may send in one frame, before escaping, unless its profile differs.
pub const DATA_FROM_DEVICE: u16 = 1024;

/// The type bytes.
pub mod kind {
    /// To the device: say who you are.
    pub const IDENTIFY: u8 = 0x01;
    /// To the device: read the event log.
    pub const READ_LOG: u8 = 0x02;
    /// To the device: delete the event log.
    pub const DELETE_LOG: u8 = 0x03;
    /// To the device: a command.
    pub const COMMAND: u8 = 0x10;
    /// To the device: describe the next picture.
    pub const NEXT_PICTURE: u8 = 0x40;
    /// To the device: read a block of a picture.
    pub const READ_BLOCK: u8 = 0x41;
    /// To the device: delete a picture.
    pub const DELETE_PICTURE: u8 = 0x42;
    /// To the device: goodbye.
    pub const GOODBYE: u8 = 0x7f;
    /// From the device: serial number and software version.
    pub const IDENTITY: u8 = 0x81;
    /// From the device: a page of the event log.
    pub const LOG_PAGE: u8 = 0x82;
    /// From the device: the event log was deleted.
    pub const LOG_DELETED: u8 = 0x83;
    /// From the device: the result of a command.
    pub const COMMAND_RESULT: u8 = 0x90;
    /// From the device: the next picture, or none.
    pub const PICTURE_HEADER: u8 = 0xc0;
    /// From the device: a block of a picture.
    pub const PICTURE_BLOCK: u8 = 0xc1;
    /// From the device: a picture was deleted.
    pub const PICTURE_DELETED: u8 = 0xc2;
    /// From the device: a request for a picture failed.
    pub const PICTURE_ERROR: u8 = 0xc3;
}

/// Who sends the frames: it decides which types are known and how much data is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the device to the station.
    FromDevice,
    /// From the station to the device.
    ToDevice,
}

impl Direction {
    /// Whether a frame of type `kind` may go this way.
    #[must_use]
    pub const fn knows(self, kind: u8) -> bool {
        match self {
            Self::FromDevice => matches!(kind, 0x81..=0x83 | 0x90 | 0xc0..=0xc3),
            Self::ToDevice => matches!(kind, 0x01..=0x03 | 0x10 | 0x40..=0x42 | 0x7f),
        }
    }
}

/// A whole frame, unescaped.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The type byte, one of [`kind`].
    pub kind: u8,
    /// The data, at most as much as the direction allows.
    pub data: &'a [u8],
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}[", self.kind)?;
        for byte in self.data {
            write!(f, "{byte:02x}")?;
        }
        f.write_str("]")
    }
}

/// Why bytes are no frame. Said once per loss of step; the reader then looks for the next [`MARK`]
/// that is followed by a known type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BadFrame {
    /// Bytes between two frames, or more bytes than the longest frame without the start of one.
    #[error("bytes outside a frame")]
    Noise,
    /// The byte after the starting mark is no type that goes this way.
    #[error("an unknown frame type")]
    UnknownType,
    /// An escape is followed by something else than the two bytes that need one.
    #[error("an escape of a byte that needs none")]
    BadEscape,
    /// An escape stands right before the closing mark.
    #[error("an escape cut off by the end of the frame")]
    CutEscape,
    /// More data than the direction allows.
    #[error("more data than is allowed")]
    TooLong,
    /// The connection ended inside a frame.
    #[error("a frame cut off by the end of the connection")]
    Torn,
}

impl BadFrame {
    /// All reasons, in the order of [`BadFrame::index`].
    pub const ALL: [Self; 6] = [
        Self::Noise,
        Self::UnknownType,
        Self::BadEscape,
        Self::CutEscape,
        Self::TooLong,
        Self::Torn,
    ];

    /// An index into an array of counters, below `BadFrame::ALL.len()`.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The name of the reason, as metrics show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Noise => "noise",
            Self::UnknownType => "unknown-type",
            Self::BadEscape => "bad-escape",
            Self::CutEscape => "cut-escape",
            Self::TooLong => "too-long",
            Self::Torn => "torn",
        }
    }
}
