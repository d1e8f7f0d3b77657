//! The state tree: the last record of every topic, as a fold of the journal.
//!
//! - A put sets its topic, a delete leaves a tombstone, so that an older record that comes late
//!   revives nothing (invariant 8). Tombstones are forgotten by count and age.
//! - Within a lane the later position wins. A topic normally stays in one lane; when it appears in
//!   both, the last records of the two lanes are compared: the later received one wins, the critical
//!   one when equal. Because the last record of each lane is kept, the tree does not depend on how
//!   the lanes were interleaved when they were folded.
//! - Events stand on the state of their topic: beside the last record of all, the last one of kind
//!   `state` is kept, each by the same rules. What [`StateTree::state`] says is what a tree would say
//!   that no event was ever folded into.
//! - The number of topics is bounded: a record of a topic beyond the limit is counted and left out.
//!   It is still in the journal.
//! - Folding a record again changes nothing. A restated record is its original, folded again.
//!
//! What is not here: any clock (time is an argument), I/O, or a word about devices.

mod compact;
mod entry;
mod tree;

pub use tree::{Change, Limits, Outcome, StateTree};
