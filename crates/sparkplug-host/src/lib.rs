//! The Sparkplug B host application of a node.
//!
//! - The handler `sparkplug` follows what edge nodes publish, in one lane of the journal, with the
//!   machine of `spica-sparkplug`. What comes of a batch is durable before its cursor moves: effects
//!   first, then notes. Keys make a second delivery no second fact.
//! - [`Host::serve`] says that the host is online, also when somebody else says that it is not, and
//!   notes in the journal when a missing message has been waited for long enough. It runs where and
//!   while the node serves.
//!
//! What is not here: MQTT. Edge nodes publish to the station, or to another broker to which there is
//! a bridge; commands and the host's state go the same way back.

mod config;
mod handler;
mod host;
mod metrics;
mod overdue;
mod presence;
mod writer;

pub use config::{Lane, SettingError, Settings};
pub use host::{Host, OpenError, Parts, Standing};
pub use metrics::Metrics;
