//! What goes wrong with a witness.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::{DamageError, NameError, SettingsError};

/// Why a witness says nothing, or nothing that counts.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    /// The pair's name cannot stand there.
    #[error(transparent)]
    Name(#[from] NameError),
    /// What is recorded is not what a witness wrote.
    #[error(
        "what is recorded in {place} is damaged ({reason}); nobody is permitted to go on alone until \
         it is put right: see docs/witness.md, \"Damage\""
    )]
    Damaged {
        /// The file, URL or key.
        place: String,
        /// What is wrong with it.
        reason: DamageError,
    },
    /// The store does not do what a witness must.
    #[error("{0}; such a store is no witness and grants nothing")]
    Unfit(String),
    /// The store does not let us in.
    #[error("the witness refuses this node ({0}); check `token` and `user`")]
    Denied(String),
    /// The store, or the way to it, fails.
    #[error("{0}")]
    Failed(String),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Late(Duration),
    /// Others write all the time.
    #[error("somebody else wrote first {0} times in a row; is the pair's name used twice?")]
    Outrun(u32),
}

/// Why a witness cannot be opened. Whether its store answers is not looked at.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The settings contradict each other.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The authority's file is not there.
    #[error("the certificates of `ca`, {}, cannot be read: {source}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// TLS or HTTP cannot be set up.
    #[error("the client of the witness cannot be set up: {0}")]
    Client(String),
    /// No thread.
    #[error("no thread for the files of the witness: {0}")]
    Thread(io::Error),
    /// This program was built without it.
    #[error("this program was built without NATS (cargo feature `nats`); choose another witness")]
    WithoutNats,
}

impl LookError {
    /// The store failed, with all that an error knows about why.
    pub(crate) fn failed(error: &dyn std::error::Error) -> Self {
        Self::Failed(with_causes(error))
    }
}

/// An error and its causes on one line; a cause that repeats the line before is left out.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = error.source();
    }
    text
}
