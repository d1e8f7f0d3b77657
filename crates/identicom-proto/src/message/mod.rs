//! What the data of each frame means, in both directions.
//!
//! Reading never panics and never guesses: data that is shorter or longer than its layout is a
//! [`MessageError`]. Writing goes straight into the bytes that will be sent.

mod from_device;
mod identity;
mod key;
mod log;
mod picture;
mod reader;
mod to_device;

pub use from_device::FromDevice;
pub use identity::{Identity, IdentityError};
pub use key::{ENTRY_KEY_BYTES, PICTURE_KEY_BYTES, entry_key, picture_key};
pub use log::{Entries, LogEntry, LogPage, LogPageError};
pub use picture::{PictureErrorCode, PictureHeader};
pub use to_device::{COMMAND_HEAD_BYTES, ToDevice};

/// Why the data of a frame is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The type is not one that goes this way.
    #[error("there is no message of type {kind:#04x} in this direction")]
    UnknownType {
        /// The type.
        kind: u8,
    },
    /// The data ends before the last field.
    #[error("the data of a {kind:#04x} message ends before its last field")]
    Short {
        /// The type.
        kind: u8,
    },
    /// There is data after the last field.
    #[error("a {kind:#04x} message has data after its last field")]
    Long {
        /// The type.
        kind: u8,
    },
    /// An `81` whose serial number or version is not as it must be.
    #[error("an identity message: {0}")]
    Identity(#[from] IdentityError),
}

impl MessageError {
    /// The name of the reason, as metrics show it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownType { .. } => "message-type",
            Self::Short { .. } => "message-short",
            Self::Long { .. } => "message-long",
            Self::Identity(_) => "message-identity",
        }
    }
}
