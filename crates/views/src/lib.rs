//! The views of a node: state tree, device registry and command queue, folded from the journal.
//!
//! [`Views`] follows both lanes on a thread of its own, the critical one first, and folds what is
//! durable; anyone may ask it at any time. What it knows is written to a checkpoint now and then, so
//! that a restart replays only the tail of the journal; a checkpoint that cannot be trusted is set
//! aside and the journal replayed from its beginning. So that this brings back everything although
//! retention removes old records, a [`Restater`] appends what still stands in them again.
//! [`DeviceService`] is the one writer of
//! registrations and commands: it decides on the views and waits until they show what it wrote.
//!
//! Invariants:
//! - A view never shows what is not durable.
//! - The registry and the command queue are functions of the state tree, the only view that a
//!   checkpoint holds.
//! - What cannot be folded (a gap, damage, a payload that is none) is counted and shown in
//!   [`Status`], never skipped silently.

mod apply;
mod audit;
mod checkpoint;
mod error;
mod folds;
mod metrics;
mod restate;
mod runner;
mod service;
mod settings;
mod shared;
mod status;
mod topics;
mod views;
mod watch;

pub use audit::Audit;
pub use error::{DeviceError, OpenError};
pub use metrics::Metrics;
pub use restate::{Batch, RestateError, Restater, STANDING};
pub use runner::CURSOR;
pub use service::{CommandRequest, DeviceService};
pub use settings::Settings;
pub use status::Status;
pub use views::Views;
pub use watch::DeviceWatch;
