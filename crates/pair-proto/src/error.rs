//! What is wrong with a frame. Any of it ends the link.

/// What is wrong with a frame.
#[derive(Debug, thiserror::Error)]
pub enum ProtoError {
    /// It is longer than any frame may be.
    #[error("a frame of {bytes} bytes; {limit} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Its kind is not known in the version that was agreed on.
    #[error("a frame of the unknown kind {0}")]
    UnknownKind(u8),
    /// Its body is not what its kind has.
    #[error("a frame that cannot be read: {0}")]
    Malformed(&'static str),
    /// A control message that is not understood.
    #[error("a control message that cannot be read: {0}")]
    Control(#[from] serde_json::Error),
    /// A batch that cannot be unpacked.
    #[error("a batch that cannot be unpacked: {0}")]
    Unpack(#[from] lz4_flex::block::DecompressError),
}
