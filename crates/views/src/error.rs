//! What can go wrong, per verb.

use std::io;
use std::path::PathBuf;

use spica_devices::{NoFreeId, RegistrationError, Serial, TransitionError};
use spica_journal::{CommitError, CursorError, FollowError, SubmitError};
use spica_model::{LimitError, TopicError};

/// Why the views cannot start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The checkpoint's file cannot be used, for a reason that throwing it away would not change.
    #[error(
        "the checkpoint of the views, {}, cannot be opened: {detail}. Is another node running on \
         this directory, or is it not writable?",
        path.display()
    )]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What happened.
        detail: String,
    },
    /// The journal cannot be read.
    #[error("the views cannot be rebuilt: {0}")]
    Follow(#[from] FollowError),
    /// The journal cannot keep what a checkpoint does not hold yet.
    #[error("the views cannot hold back the journal's retention: {0}")]
    Cursor(#[from] CursorError),
    /// The node's path leaves no room for topics below it.
    #[error("the node's path is too long for devices below it: {0}")]
    Node(#[from] TopicError),
    /// The thread could not be started.
    #[error("the views' thread cannot be started: {0}")]
    Thread(#[from] io::Error),
}

/// Why a change of a device or its commands was not made, or is not known to be.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeviceError {
    /// No such device.
    #[error("there is no device {0}")]
    Unknown(Serial),
    /// No such command.
    #[error("device {serial} has no command {id}")]
    UnknownCommand {
        /// The device.
        serial: Serial,
        /// The command.
        id: u16,
    },
    /// A part of a registration is not allowed.
    #[error(transparent)]
    Registration(#[from] RegistrationError),
    /// A part of a command request is not allowed.
    #[error("{field}: {allowed}")]
    Request {
        /// Which part, by its name in JSON.
        field: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// The life of the command has no such step.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// The device has as many unsettled commands as it may.
    #[error("device {serial} has {limit} commands waiting, the limit; cancel one, or wait")]
    TooManyCommands {
        /// The device.
        serial: Serial,
        /// The limit.
        limit: usize,
    },
    /// The device has no free command id.
    #[error(transparent)]
    NoFreeId(#[from] NoFreeId),
    /// The state tree is full.
    #[error(
        "the state tree has {limit} topics, its limit (views.max_topics); delete some, or raise it"
    )]
    TopicLimit {
        /// The limit.
        limit: usize,
    },
    /// The author's name is too long to be a cause.
    #[error(transparent)]
    Author(#[from] LimitError),
    /// The node's path is too long.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The journal did not take the records.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The journal took the records, but they never become durable: whether they are there is known
    /// after the restart.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The records are durable, but the views have ended and do not show them.
    #[error("the node is stopping: the change is stored, but not in effect before the next start")]
    Stopped,
}
