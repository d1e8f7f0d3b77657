//! What can go wrong, per verb.

use std::io;
use std::path::PathBuf;

use crate::Address;

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A location that is none.
    #[error(
        "pictures cannot be stored at {location:?}: give a directory, file:// and an absolute path, \
         or s3://bucket/prefix"
    )]
    Location {
        /// What was configured.
        location: String,
    },
    /// A directory cannot be made, read or flushed.
    #[error("the directory {} for pictures cannot be used: {source}", directory.display())]
    Directory {
        /// Which.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A program that was built without the adapter for S3.
    #[error("pictures cannot be stored at {location:?}: this program was built without `s3`")]
    NoS3 {
        /// What was configured.
        location: String,
    },
    /// The name of an access key without its secret, or the other way round.
    #[error(
        "one of `access_key_id` and `secret_access_key` is set: set both, or neither to take them \
         from the environment"
    )]
    HalfKey,
    /// The file of authorities cannot be read.
    #[error("the certificates in {} cannot be read: {source}", file.display())]
    Authorities {
        /// Which file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The store behind the location fails.
    #[error("the store for pictures cannot be opened: {0}")]
    Store(#[from] object_store::Error),
}

/// Why an upload cannot start or go on. The device keeps its picture.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// Larger than a picture may be.
    #[error("a picture of {bytes} bytes; {limit} are allowed")]
    TooLarge {
        /// What the header says.
        bytes: u32,
        /// What is allowed.
        limit: u32,
    },
    /// A header that describes no picture: no bytes, no block size, or over 65,536 blocks.
    #[error("{bytes} bytes in blocks of {block_bytes} are no picture")]
    Header {
        /// The size it says.
        bytes: u32,
        /// The block size it says.
        block_bytes: u16,
    },
    /// A serial that is no part of a file name.
    #[error("{0:?} is no serial")]
    Serial(String),
    /// Too many pictures are unfinished, in number or bytes.
    #[error("{pictures} pictures of {bytes} bytes are unfinished, the limit")]
    Full {
        /// How many there are.
        pictures: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// The part's file cannot be opened.
    #[error("the unfinished picture cannot be opened: {0}")]
    Io(#[from] io::Error),
}

/// Why a block is not taken.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// Not the block that is next.
    #[error("block {got} came, block {want} is next")]
    Order {
        /// The block that came.
        got: u16,
        /// The block that is next; past the last one when none is missing.
        want: u32,
    },
    /// Not as long as a block of this picture at this place.
    #[error("a block of {got} bytes; it has {want}")]
    Length {
        /// The bytes that came.
        got: usize,
        /// The bytes it must have.
        want: usize,
    },
    /// The part's file cannot be written.
    #[error("the unfinished picture cannot be written: {0}")]
    Io(#[from] io::Error),
}

/// Why a picture is not stored.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// Blocks are missing.
    #[error("the picture is not whole: block {0} is next")]
    Incomplete(u32),
    /// The content is not what the header promised. Its part is removed: it starts over.
    #[error("the picture's CRC-32 is {got:08x}, its header says {want:08x}")]
    Crc {
        /// Of the content.
        got: u32,
        /// Of the header.
        want: u32,
    },
    /// The part's file cannot be read.
    #[error("the unfinished picture cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The store fails.
    #[error("the picture cannot be stored: {0}")]
    Store(#[from] object_store::Error),
}

/// Why a picture of another node is not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Its content is not what its address says.
    #[error("what came for {0} is another content")]
    Content(Address),
    /// It is larger than this node takes.
    #[error("a picture of {bytes} bytes; this node takes {limit}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u32,
    },
    /// It cannot be hashed, since the thread that does has failed.
    #[error("the picture cannot be checked: {0}")]
    Io(#[from] io::Error),
    /// The store fails.
    #[error("the picture cannot be stored: {0}")]
    Store(#[from] object_store::Error),
}

/// Why a stored picture cannot be read or removed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No picture has this address.
    #[error("no picture is stored at {0}")]
    Unknown(Address),
    /// The range lies outside of the picture.
    #[error("the picture has {size} bytes; {from}..{to} is not a range of them")]
    Range {
        /// First byte asked for.
        from: u64,
        /// The byte after the last one asked for.
        to: u64,
        /// Bytes of the picture.
        size: u64,
    },
    /// The store fails.
    #[error("the picture cannot be read: {0}")]
    Store(object_store::Error),
}

impl ReadError {
    /// The error of the store about `address`.
    pub(crate) fn of(address: &Address, error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Unknown(address.clone()),
            other => Self::Store(other),
        }
    }
}
