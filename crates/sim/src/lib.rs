//! The deterministic simulator of a pair and its surroundings: one thread, virtual time, everything
//! from one seed.
//!
//! The two nodes run the production core (`spica_pair::Pair`), its comparison of histories and its
//! decisions of the replication link. What is around them is a model: disks that lose what was not
//! flushed, a network that delays and breaks, clients that retry, a witness, a handler. The oracle
//! sees all of it; [`invariants`] has a file for each thing that must hold.
//!
//! - [`Run`]: a seed under a [`Profile`], perhaps with a [`Plant`]ed bug;
//! - [`shrink()`]: the faults that a failure needs;
//! - [`Scenario`]: the cases that have names, as text.
//!
//! What is not here: real sockets, files and threads. Those are tested against the real program.

mod ask;
mod book;
mod chance;
mod client;
mod desk;
mod disk;
mod faults;
mod handler;
pub mod invariants;
mod link;
mod net;
mod node;
mod oracle;
mod plan;
mod plant;
mod profile;
mod queue;
mod replicate;
mod run;
mod scenario;
mod serve;
mod shell;
mod shrink;
mod trace;
mod view;
mod words;
mod world;

pub use oracle::Broken;
pub use plan::Fault;
pub use plant::{Plant, UnknownPlant};
pub use profile::{Profile, UnknownProfile};
pub use run::{Report, Run};
pub use scenario::{ParseScenarioError, Scenario, ScenarioFailed};
pub use shrink::shrink;
