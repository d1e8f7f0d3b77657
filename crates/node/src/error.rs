//! Why a node does not start, or ends.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spica_journal::{CommitError, CommitErrorKind};
use spica_journal_file::OpenError;
use spica_storage::OpenError as StorageError;

use crate::Exit;

/// Why a node did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The configuration is wrong; what is wrong has been said already.
    #[error("the configuration is wrong; nothing was started")]
    Config,
    /// The data directory cannot be used.
    #[error("the data directory {path} cannot be used: {source}")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The journal cannot be opened.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// The views cannot be opened.
    #[error("the views cannot be built: {0}")]
    Views(#[from] spica_views::OpenError),
    /// A part cannot be set up with its settings.
    #[error("the {part} cannot be set up")]
    Part {
        /// Which part.
        part: &'static str,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The HTTP interface cannot start.
    #[error("the HTTP interface: {0}")]
    Http(#[from] spica_http::StartError),
    /// The Identicom station cannot start.
    #[error(transparent)]
    Identicom(#[from] spica_station_identicom::StartError),
    /// The MQTT station cannot start.
    #[error(transparent)]
    Mqtt(#[from] spica_station_mqtt::StartError),
    /// The views stopped to follow while the node ran.
    #[error(
        "the views do not follow the journal any more: {0}; what they show would be stale, so the node ends. Nothing is lost: start it again"
    )]
    ViewsEnded(Arc<str>),
    /// Live sessions stopped while the node ran.
    #[error(
        "live sessions are served no more: what people see would stand still, so the node ends. Nothing is lost: start it again"
    )]
    LiveEnded,
    /// The journal failed while the node ran.
    #[error("{0}; the node has stopped acknowledging and ends. Nothing acknowledged is lost{hint}", hint = hint(.0))]
    Commit(#[from] CommitError),
}

const fn hint(error: &CommitError) -> &'static str {
    match error.kind {
        CommitErrorKind::NoSpace => ": the disk is full; make space and start again",
        _ => ": check the disk and the kernel's log, then start again",
    }
}

impl NodeError {
    /// The exit code that tells this error from others.
    #[must_use]
    pub fn exit(&self) -> Exit {
        use spica_http::StartError as Http;
        use spica_station_identicom::StartError as Identicom;
        match self {
            Self::Config => Exit::Config,
            Self::Http(Http::Listen { .. }) | Self::Identicom(Identicom::Listen { .. }) => {
                Exit::Listen
            }
            Self::Mqtt(error) if error.is_address() => Exit::Listen,
            Self::Commit(error) if error.kind == CommitErrorKind::NoSpace => Exit::DiskFull,
            Self::Commit(_) => Exit::CommitFailed,
            Self::Journal(error) => of_open(error),
            Self::DataDir { source, .. } => of_io(source),
            Self::ViewsEnded(_)
            | Self::LiveEnded
            | Self::Http(_)
            | Self::Identicom(_)
            | Self::Mqtt(_)
            | Self::Views(_)
            | Self::Part { .. } => Exit::Failure,
        }
    }
}

fn of_open(error: &OpenError) -> Exit {
    match error {
        OpenError::Storage(StorageError::Locked { .. }) => Exit::InUse,
        OpenError::Storage(StorageError::Directory { source, .. })
        | OpenError::Io { source, .. } => of_io(source),
        OpenError::MetaLost { .. } | OpenError::Foreign { .. } | OpenError::TailDamaged { .. } => {
            Exit::Damaged
        }
        OpenError::Settings(_) => Exit::Config,
        _ => Exit::Failure,
    }
}

fn of_io(error: &io::Error) -> Exit {
    match error.kind() {
        io::ErrorKind::StorageFull => Exit::DiskFull,
        _ => Exit::Failure,
    }
}

impl NodeError {
    pub(crate) fn data_dir(path: &Path, source: io::Error) -> Self {
        Self::DataDir {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn part(
        part: &'static str,
        error: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Part {
            part,
            source: Box::new(error),
        }
    }
}
