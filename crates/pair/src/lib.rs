//! The pair: two nodes that are one owner. Binary Star, with what the pattern leaves open closed.
//!
//! [`Pair`] is one node's half: events in, outputs out, time as an argument. It decides who is
//! active, in which epoch, and whether the active may acknowledge together with its partner, alone,
//! or not at all ([`Gate`]). The rules are in files of their own:
//!
//! - [`star`]: the pattern's table of states and events, exactly;
//! - [`standing`]: which of two nodes holds everything that was ever acknowledged;
//! - [`epochs`]: numbers of reigns that the two nodes can never both choose;
//! - [`history`]: where two journals part;
//! - [`follow`]: the replication link, as decisions;
//! - [`witness`]: what a third party has to remember so that only one of the two goes on alone.
//!
//! The argument for safety, which the simulator tries to break: a record is acknowledged by an
//! active whose gate is *pair* (the partner holds it too) or *solo* (alone). Going from pair to solo
//! takes a new epoch. A partner that was complete in an older epoch than the newest is stale, knows
//! it from the first message on, and with a witness is refused even when it cannot know it.
//!
//! What is not here: sockets, files, clocks, the journal, and the copying of records, which is the
//! replication's business and only reports how far it is.

mod config;
pub mod epochs;
mod event;
pub mod follow;
pub mod history;
mod machine;
mod output;
pub mod standing;
pub mod star;
mod status;
#[cfg(test)]
mod tests;
pub mod witness;
mod words;

pub use config::{Config, ConfigError, Solo};
pub use event::{Event, Message, Order};
pub use machine::Pair;
pub use output::{Gate, Notice, Output, Reason, Verdict};
pub use status::{Phase, Status, Sync};
pub use words::{Beat, Durable, Facts, Side, Time};
