//! The checkpoint: what the state tree holds, on disk, so that a restart replays only the tail.
//!
//! One redb file with two tables, written in one transaction per checkpoint:
//! - `topics`: topic → the records that the tree holds of it, tombstones and states beneath later
//!   events included ([`codec`]);
//! - `meta`: `format` (the number of this layout), `rows` (how many rows `topics` has), and for each
//!   lane how far it is folded in, with the very record that stands there.
//!
//! Every row carries a checksum. The record at the end of each lane ties the checkpoint to the one
//! journal whose fold it is. What does not fit is never used: the file is set aside and the journal
//! replayed from its beginning. When retention has removed that beginning, the rows that are sound
//! are kept and all that is left of the journal, restated records included, is folded on top: folding
//! a record again is harmless.

mod codec;
mod load;
mod store;
mod writer;

use spica_model::{Record, Seq};
use spica_state::{Change, Limits, StateTree};

pub(crate) use load::open;
pub(crate) use store::Store;
pub(crate) use writer::{Writer, hold, save};

/// The number of the layout; another one is not read.
const FORMAT: u32 = 2;

/// How far a lane is folded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    /// The last place that is folded, or known to hold nothing that can be.
    pub(crate) seq: Seq,
    /// The record there, unless it was missing or damaged.
    pub(crate) last: Option<Record>,
}

/// What a checkpoint held.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) tree: StateTree,
    pub(crate) marks: [Mark; 2],
    /// Whether all of it was sound.
    is_whole: bool,
}

impl Loaded {
    fn empty(limits: Limits) -> Self {
        Self {
            tree: StateTree::new(limits),
            marks: Default::default(),
            is_whole: true,
        }
    }
}

/// What goes into the next checkpoint.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) changes: Vec<Change>,
    pub(crate) marks: [Mark; 2],
}

#[cfg(test)]
mod tests;
