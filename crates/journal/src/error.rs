//! What can go wrong, per verb.

use std::sync::Arc;

use spica_model::{Lane, LimitError, Seq};

/// Why records were not placed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SubmitError {
    /// The lane's queue of records that wait for the disk is full: try again when it has moved on.
    #[error(
        "the {lane} lane has {queued_bytes} bytes waiting for the disk, its limit is {limit_bytes}; try again later"
    )]
    Full {
        /// The lane.
        lane: Lane,
        /// What waits.
        queued_bytes: usize,
        /// What may wait.
        limit_bytes: usize,
    },
    /// A part of a record is longer than its limit.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The lane has failed and acknowledges nothing any more.
    #[error(transparent)]
    Failed(#[from] CommitError),
    /// The partner of this node is active and takes records in; or is about to.
    #[error("this node is passive: its active partner takes records in")]
    Passive,
    /// The journal is closing.
    #[error("the journal is closed: the node is stopping")]
    Closed,
}

/// Why placed records never become durable. Fatal for the lane (invariant 2): the node stops.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the {lane} lane cannot commit: {detail}")]
pub struct CommitError {
    /// The lane.
    pub lane: Lane,
    /// What kind of failure, for the exit code.
    pub kind: CommitErrorKind,
    /// What happened, for the operator.
    pub detail: Arc<str>,
}

/// The kinds of commit failures an operator must tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitErrorKind {
    /// The disk is full.
    NoSpace,
    /// A write failed.
    Write,
    /// A flush to disk failed: what the disk holds is unknown until it is read again.
    Sync,
    /// The journal was closed before the record was committed.
    Closed,
}

/// Why a follower cannot start or go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FollowError {
    /// The place asked for lies in the future of this journal.
    #[error(
        "the {lane} lane ends at {durable}; nothing can follow {after}: it belongs to another history"
    )]
    Beyond {
        /// The lane.
        lane: Lane,
        /// The place asked for.
        after: Seq,
        /// The newest durable record.
        durable: Seq,
    },
    /// A file could not be read.
    #[error("the {lane} lane cannot be read: {detail}")]
    Read {
        /// The lane.
        lane: Lane,
        /// File, offset and cause.
        detail: Arc<str>,
    },
}

/// Why a cursor operation failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CursorError {
    /// A name of the wrong form.
    #[error("a consumer's name is 1 to 64 of a-z, 0-9, _ and -; {0:?} is not")]
    Name(String),
    /// No such cursor.
    #[error("no consumer {name:?} on the {lane} lane")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The lane asked for.
        lane: Lane,
    },
    /// The limit of cursors.
    #[error("there are {0} consumers already, the limit")]
    TooMany(usize),
    /// The disk failed.
    #[error("the cursors cannot be stored: {0}")]
    Store(Arc<str>),
}
