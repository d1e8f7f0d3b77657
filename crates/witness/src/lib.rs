//! The witness of a pair: a third party that remembers one epoch per pair, so that of two nodes that
//! lost each other only one goes on alone.
//!
//! ```text
//!  Witness::ask ──▶ rounds of: read ─▶ spica_pair::witness::judge ─▶ write if unchanged
//!                                  └───────── Register ─────────────┘
//!                    file (entries)   http (ETag)   nats (revision)   etcd (mod_revision)
//! ```
//!
//! A [`Witness`] is any store with a compare-and-set. The rule is the pair's core's
//! ([`spica_pair::witness::judge`]); an adapter only reads and conditionally writes, which is what a
//! `Register` is. [`open()`] makes the one that [`Settings`] name by a URL. [`server`] is a store of our
//! own for a third machine. [`contract`] is what all of them must do.
//!
//! Invariants: `Granted` is only said after a conditional write of this very question succeeded, so
//! that a stale read, a cache or a lagging replica can never grant; what is damaged, unfit or silent
//! grants nothing and is [`Answer::Unreachable`](spica_pair::witness::Answer::Unreachable) within the
//! time-out; nothing is created where a directory is missing, since it may be a mount that is.
//!
//! What is not here: when to ask and what to make of the answer (the pair's core), leases and clocks
//! (an epoch does not expire), parent nodes and PLCs as witnesses.

mod address;
mod client;
pub mod contract;
mod disk_thread;
mod error;
mod etcd;
mod file;
mod http;
mod name;
#[cfg(feature = "nats")]
mod nats;
mod open;
mod register;
pub mod server;
mod settings;
mod value;
mod witness;

pub use address::{Address, ParseAddressError};
pub use error::{LookError, OpenError};
pub use name::NameError;
pub use open::open;
pub use settings::{MAX_TIMEOUT, MIN_TIMEOUT, Settings, SettingsError};
pub use value::DamageError;
pub use witness::Witness;
