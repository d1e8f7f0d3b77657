//! When all faults are over, the pair is complete again within a bounded time, with one active, and
//! every client, command and fact that was put aside has come to its end. Under every profile.
//!
//! Checked where the world is looked at (`faults.rs`), which knows what is still open.

pub(crate) const NAME: &str = "recovers";
