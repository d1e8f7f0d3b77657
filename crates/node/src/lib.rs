//! Configuration to running parts: start, supervise, stop.
//!
//! [`Node::start`] opens the journal, builds the views and starts what listens, in this order;
//! [`Node::run`] serves and stops in the opposite one. A journal that fails ends the node with the
//! [`Exit`] code that says why.

pub mod alarms;
mod automation;
mod catalogue;
pub mod config;
mod duties;
mod error;
mod exit;
mod fetching;
mod first_token;
mod foundation;
mod handling;
#[cfg(test)]
mod metrics_doc;
mod mqtt;
mod node;
mod pairing;
mod process;
mod ready;
mod reload;
mod restating;
mod supervise;

pub use error::NodeError;
pub use exit::Exit;
pub use node::{Access, Ended, Node};
pub use ready::Addresses;
pub use reload::{ReadConfig, Reload};
