//! What the decider wants done.

use std::sync::Arc;

use spica_model::{Cause, Key, Kind, Op, Topic};

use crate::{Case, CaseId, Step};

/// A record to append to the critical lane. Its payload is JSON; that of a deletion is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is about.
    pub topic: Topic,
    /// How the topic's records relate.
    pub kind: Kind,
    /// What it does to its topic.
    pub op: Op,
    /// The payload.
    pub payload: Vec<u8>,
    /// What makes a second delivery recognisable.
    pub key: Option<Key>,
    /// Why it exists.
    pub cause: Option<Cause>,
}

/// One step of a case, with the case before and after it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The case before; none if this step raised it.
    pub before: Option<Arc<Case>>,
    /// The case after.
    pub after: Arc<Case>,
    /// The step.
    pub step: Step,
}

/// What follows from one input, in order. Every call appends; all of it is to become durable
/// together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Output {
    /// The records.
    pub drafts: Vec<Draft>,
    /// The same, as those want it who decide what follows from a case.
    pub changes: Vec<Change>,
    /// Cases that were deleted, since more than enough closed ones are kept. What belongs to them
    /// may go too.
    pub forgotten: Vec<CaseId>,
}

impl Output {
    /// Whether nothing is to be done.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.drafts.is_empty() && self.changes.is_empty() && self.forgotten.is_empty()
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.drafts.clear();
        self.changes.clear();
        self.forgotten.clear();
    }
}
