//! Runs rules (`spica-rules`) as handlers of the journal.
//!
//! - `rules` republishes records and says which conditions hold. What it submits is durable before its
//!   cursor moves; keys make a second delivery no second fact.
//! - `sink-<name>`, one for each sink of the file, POSTs over HTTP. Each has a cursor of its own, so
//!   one that is down holds up nothing but itself, and loses nothing.
//!
//! That a condition holds is a `state` record, `handlers/rules/standing/<condition>/<source>`, as well:
//! the desk is told again of all of them when the node begins to serve.
//!
//! [`Engine`] is their control, too: the file can be read again, and is when it changes.
//!
//! What is not here: threads, cursors, retries, dead letters (`crates/handlers`).

mod cases;
mod config;
mod engine;
mod journal;
mod load;
mod metrics;
mod reading;
mod reload;
mod sink;
mod target;

pub use cases::{CaseSink, Standing};
pub use config::Settings;
pub use engine::{Engine, OpenError, Parts};
pub use load::{LoadError, load};
pub use metrics::Metrics;
