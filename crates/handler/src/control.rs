//! What operators do with handlers.

use crate::{DeadLetter, HandlerStatus, LetterId, Pause};

/// Which dead letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// This one.
    One(LetterId),
    /// All that there are now.
    All,
}

/// Some dead letters of a handler, critical lane first, each lane in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterPage {
    /// The letters.
    pub letters: Vec<DeadLetter>,
    /// How many there are in all.
    pub total: usize,
    /// Give this as `after` for the next page; none at the end.
    pub next: Option<LetterId>,
}

/// What became of dead letters that were to be handled again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Handled; their letters are gone.
    pub done: usize,
    /// Failed again; their letters say why.
    pub failed: usize,
    /// Not tried yet. They will be.
    pub pending: usize,
}

/// Why an operator's wish is not granted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// No such handler.
    #[error("there is no handler {name:?}; there are {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names that there are, with commas.
        known: String,
    },
    /// No such dead letter.
    #[error("{name} has no dead letter {id}: it was replayed or dropped, or never was one")]
    NoLetter {
        /// The handler.
        name: String,
        /// The letter asked for.
        id: LetterId,
    },
    /// Who asks, or the reason, is missing or too long.
    #[error("{0} is missing or too long; 1 to 200 characters are allowed")]
    Text(&'static str),
    /// The handler does nothing now.
    #[error("{name} is {state}: it handles nothing now; resume it first")]
    Idle {
        /// The handler.
        name: String,
        /// What it is at.
        state: &'static str,
    },
    /// The active partner decides.
    #[error("this node does not serve: ask its active partner")]
    NotServing,
    /// It cannot be recorded.
    #[error("it cannot be written to the journal, and is not done: {0}")]
    Journal(String),
}

/// The control of all handlers of a node. Calls may block for as long as a commit takes, `replay` up
/// to ten seconds: from async code, off the workers.
pub trait HandlerControl: Send + Sync + 'static {
    /// How each handler stands on each of its lanes, by name, critical lane first.
    fn handlers(&self) -> Vec<HandlerStatus>;

    /// Lets a handler do nothing on any lane from the next record on, also after a restart or
    /// take-over, until it is resumed. Its cursors keep what it has not handled. To pause it again
    /// changes nothing, and says who paused it first.
    ///
    /// # Errors
    /// If there is no such handler, or it cannot be recorded.
    fn pause(&self, name: &str, by: &str, why: &str) -> Result<Pause, ControlError>;

    /// Lets a paused handler go on. To resume one that is not paused changes nothing.
    ///
    /// # Errors
    /// If there is no such handler, or it cannot be recorded.
    fn resume(&self, name: &str, by: &str, why: &str) -> Result<(), ControlError>;

    /// The dead letters of a handler after the letter `after`, at most `limit`.
    ///
    /// # Errors
    /// If there is no such handler.
    fn dead_letters(
        &self,
        name: &str,
        after: Option<LetterId>,
        limit: usize,
    ) -> Result<LetterPage, ControlError>;

    /// Gives dead letters to the handler again. A letter that is handled is deleted.
    ///
    /// # Errors
    /// If there is no such handler or letter, or the handler is at rest.
    fn replay(&self, name: &str, which: Which, by: &str) -> Result<Replayed, ControlError>;

    /// Deletes dead letters without handling them: the one way to lose a record on purpose. Says how
    /// many were deleted.
    ///
    /// # Errors
    /// If there is no such handler or letter, or it cannot be recorded.
    fn drop_dead(
        &self,
        name: &str,
        which: Which,
        by: &str,
        why: &str,
    ) -> Result<usize, ControlError>;
}
