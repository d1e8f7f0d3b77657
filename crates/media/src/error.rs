//! What can go wrong, per verb.

use std::io;
use std::path::PathBuf;

use spica_objects::{Address, ReadError};

/// Why the index cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Its file cannot be made, read or locked. What is damaged is set aside and begun anew.
    #[error(
        "the index of pictures {} cannot be opened: {source}; it is rebuilt when it is removed",
        file.display()
    )]
    File {
        /// The file.
        file: PathBuf,
        /// What the store says.
        source: IndexError,
    },
    /// The settings make no sense.
    #[error(transparent)]
    Settings(#[from] crate::SettingsError),
}

/// Why the index does not answer.
#[derive(Debug, thiserror::Error)]
#[error("the index of pictures fails: {0}")]
pub struct IndexError(#[from] pub(crate) redb::Error);

macro_rules! from_redb {
    ($($error:ident),+) => {
        $(impl From<redb::$error> for IndexError {
            fn from(error: redb::$error) -> Self {
                Self(error.into())
            }
        })+
    };
}

from_redb!(
    DatabaseError,
    TransactionError,
    TableError,
    StorageError,
    CommitError
);

impl From<io::Error> for IndexError {
    fn from(error: io::Error) -> Self {
        Self(redb::Error::Io(error))
    }
}

/// Why there is no thumbnail.
#[derive(Debug, thiserror::Error)]
pub enum ThumbnailError {
    /// No picture is stored there: it never was, has not come yet, or was removed.
    #[error("no picture is stored at {0}")]
    Unknown(Address),
    /// The picture cannot be shown.
    #[error("there is no thumbnail of the picture: {0}")]
    Unreadable(String),
    /// The store of pictures fails.
    #[error(transparent)]
    Store(ReadError),
    /// The thread that made it is gone.
    #[error("the thumbnail could not be made: {0}")]
    Lost(String),
}

impl From<ReadError> for ThumbnailError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unknown(address) => Self::Unknown(address),
            other => Self::Store(other),
        }
    }
}
