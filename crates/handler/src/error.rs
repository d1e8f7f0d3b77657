//! How handling fails.

/// What a failure says about the record that it happened at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It may work another time. After a number of attempts the record becomes a dead letter.
    Retry,
    /// It never will: the record becomes a dead letter at once.
    Refuse,
    /// It has nothing to do with the record: a disk is full, a service is down. It is tried again
    /// for as long as it takes.
    Unavailable,
}

/// A failure of a handler.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct HandleError {
    /// Index in the batch of the record that it failed on. Those before it are done.
    pub at: usize,
    /// Whether to try again.
    pub kind: ErrorKind,
    /// What happened, for the operator.
    pub detail: String,
}

impl HandleError {
    /// A failure that may not happen again, at the record with index `at`.
    #[must_use]
    pub fn retry(at: usize, detail: impl Into<String>) -> Self {
        Self::new(at, ErrorKind::Retry, detail)
    }

    /// A record, with index `at`, that can never be handled.
    #[must_use]
    pub fn refuse(at: usize, detail: impl Into<String>) -> Self {
        Self::new(at, ErrorKind::Refuse, detail)
    }

    /// A failure that is no record's fault; those before index `at` are done.
    #[must_use]
    pub fn unavailable(at: usize, detail: impl Into<String>) -> Self {
        Self::new(at, ErrorKind::Unavailable, detail)
    }

    fn new(at: usize, kind: ErrorKind, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { at, kind, detail }
    }
}
