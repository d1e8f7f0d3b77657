//! The alarm desk of a node: it follows both lanes of the journal, the critical one first, decides on
//! cases and alerts, and sends what is to be said.
//!
//! [`Desk`] is the handle by which the other parts give orders and report troubles. Behind it one
//! thread runs one loop, only while this node serves:
//!
//! ```text
//! records, orders, troubles, answers, time ──▶ spica_alarms::Alarms ──▶ one batch ──▶ journal
//!                                                                          │ durable
//!                                     channels ◀── notices that are due ◀──┘
//! ```
//!
//! Invariants:
//! - Nothing leaves, and nobody is answered, before what was decided is durable.
//! - What is decided on a record and the note that it is decided are one batch.
//! - A channel that is slow, down or panics delays no other channel and no decision.
//! - A deadline is not delayed by a wall clock that is set back.
//!
//! What is not here: any decision (`spica-alarms`, `spica-cases`, `spica-alerts`), any protocol of a
//! channel (`spica-channels`).

mod channels;
mod config;
mod error;
mod feed;
mod handle;
mod metrics;
mod queue;
mod reign;
mod start;
mod status;
mod store;
mod troubles;
mod worker;

pub use channels::Channels;
pub use config::Settings;
pub use error::DeskError;
pub use handle::{Deps, Desk};
pub use metrics::Metrics;
pub use start::BeginError;
pub use status::{ChannelStatus, DeskStatus};
pub use troubles::Reporter;
