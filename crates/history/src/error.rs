//! What can go wrong.

use std::path::PathBuf;

use spica_journal::FollowError;

/// Why the index cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file cannot be used, and another one in its place could not either.
    #[error(
        "the history's index {} cannot be opened: {detail}. If the file is damaged, remove it: it is \
         built again from the journal", path.display()
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        detail: String,
    },
    /// A rule that cannot be kept.
    #[error("{0}")]
    Settings(String),
}

/// Why a question has no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum HistoryError {
    /// The index cannot be read.
    #[error("the history's index cannot be read: {0}")]
    Index(String),
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] FollowError),
}

impl HistoryError {
    pub(crate) fn index(error: impl Into<redb::Error>) -> Self {
        Self::Index(error.into().to_string())
    }
}
