//! The pair as it runs: the half that this node is, and the link to the other one.
//!
//! A thread of its own runs everything here, so that no load on the node's other parts delays a
//! heartbeat. On it, `actor` gives events to the pair's core and does what it says; `link` is the
//! connection to the partner, with a reader and a writer; `dial` finds it. What must be durable is
//! written by `scribe`, on a thread beside it. Other parts of the node
//! see a [`Role`](spica_role::Role) and wait for [`PairHandle::restart`].
//!
//! What is not here: who is active and when (`spica-pair`), the bytes (`spica-pair-proto`), and how
//! a journal is shortened between two lives of a node (`spica-node`).

mod actor;
mod config;
mod dial;
mod handle;
mod link;
mod memory;
mod metrics;
mod notices;
mod pictures;
mod reentry;
mod role;
mod scribe;
mod witness;

pub use config::{CompressSetting, Settings, SideSetting, SoloSetting};
pub use handle::{Deps, PairHandle, Restart, StartError};
pub use memory::{Memory, MemoryError, Remembered};
pub use metrics::Metrics;
pub use pictures::{Fetch, FetchError, Fetched, PairShare};
pub use reentry::Shows;
