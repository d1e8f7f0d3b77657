//! What a device does that it should not, and other things worth counting.

use crate::frame::BadFrame;
use crate::message::{MessageError, PictureErrorCode, PictureHeader};

/// Something to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oddity {
    /// A bad frame; the third on a connection (a setting) closes it.
    BadFrame(BadFrame),
    /// A frame whose data is not laid out as its type; counts as a bad frame.
    BadMessage(MessageError),
    /// A breach of the dialogue; the eighth on a connection (a setting) closes it.
    Violation(Violation),
    /// A log entry with an event code that the profile does not know. It is taken all the same.
    UnknownEvent(u8),
    /// A picture that cannot be read: its size, its block size or its number of blocks is out of
    /// bounds. It is left on the device.
    UnreadablePicture(PictureHeader),
    /// The device could not read or delete a picture.
    PictureError(PictureErrorCode),
    /// All blocks were read, and the CRC is wrong.
    BadCrc {
        /// The picture.
        picture: u32,
    },
    /// A command whose arguments do not fit a frame to the device.
    CommandTooLong {
        /// The command.
        id: u16,
    },
}

/// A breach of the dialogue, and what is done about it. All are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Violation {
    /// A message that the current step does not wait for. Ignored.
    Unexpected {
        /// Its type.
        kind: u8,
    },
    /// The same identity again. Ignored.
    IdentityAgain,
    /// A page whose indexes do not grow, or reach the greatest number there is. Its entries are taken;
    /// nothing is deleted on this connection.
    PageOrder,
    /// A page with an index before those that are already read: it answers an earlier request, or
    /// none. Its entries are taken, an answer that is due is still waited for, and the log is read
    /// again from its start, once another question is answered, before anything is deleted; after
    /// the fourth such page nothing is deleted on this connection.
    PageBackwards,
    /// An empty page that says that entries remain. Reading ends, and nothing is deleted on this
    /// connection.
    PageStuck,
    /// A page that nobody asked for, without an alarm. Its entries are taken, and the log is read
    /// again.
    PageUnasked,
    /// A block of another picture, or with another number than was asked for. Ignored.
    BlockMismatch,
    /// A block that is shorter or longer than the header says. Pictures are left for another
    /// connection.
    BlockLength,
    /// A message about another picture than was asked for. Ignored.
    PictureMismatch,
    /// The picture that was just deleted or forgotten is offered again. Pictures are left for
    /// another connection.
    PictureAgain,
    /// The result of a command that is not waited for. Ignored.
    UnknownResult {
        /// The command.
        id: u16,
    },
}

impl Oddity {
    /// The name, as metrics show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadFrame(bad) => bad.as_str(),
            Self::BadMessage(error) => error.as_str(),
            Self::Violation(violation) => violation.as_str(),
            Self::UnknownEvent(_) => "unknown-event",
            Self::UnreadablePicture(_) => "unreadable-picture",
            Self::PictureError(code) => match code {
                PictureErrorCode::Unknown => "picture-unknown",
                PictureErrorCode::Busy => "picture-busy",
                PictureErrorCode::Failed => "picture-failed",
                PictureErrorCode::Other(_) => "picture-error",
            },
            Self::BadCrc { .. } => "picture-crc",
            Self::CommandTooLong { .. } => "command-too-long",
        }
    }
}

impl Violation {
    /// The name, as metrics show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unexpected { .. } => "unexpected-message",
            Self::IdentityAgain => "identity-again",
            Self::PageOrder => "page-order",
            Self::PageBackwards => "page-backwards",
            Self::PageStuck => "page-stuck",
            Self::PageUnasked => "page-unasked",
            Self::BlockMismatch => "block-mismatch",
            Self::BlockLength => "block-length",
            Self::PictureMismatch => "picture-mismatch",
            Self::PictureAgain => "picture-again",
            Self::UnknownResult { .. } => "unknown-result",
        }
    }
}
