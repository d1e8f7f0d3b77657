//! Runs handlers: a thread for each of their lanes, durable cursors, retries, dead letters, restarts.
//!
//! [`Handlers::start`] takes factories of handlers and keeps them running. The critical lane has
//! threads of its own, so nothing that happens on the normal one delays it, and no handler delays
//! another.
//!
//! - A batch is read once and given to the handler. What it fails on is tried again, with growing
//!   pauses; after a number of attempts the record becomes a **dead letter** and the handler goes on.
//!   Dead letters and pauses are `state` records of the node's own journal, so they survive restarts
//!   and take-overs:
//!
//!   | topic below the node | payload |
//!   |---|---|
//!   | `handlers/<name>/dead/<lane>-<seq>` | [`spica_handler::DeadLetter`] |
//!   | `handlers/<name>/paused` | [`spica_handler::Pause`] |
//!   | `handlers/<name>/place` | `{"critical":u64,"normal":u64}`: how far it is, for a partner |
//!   | `handlers/<name>/steps` | event: what an operator did, who and why |
//! - The durable cursor only goes as far as the handler has kept what it did, and never beyond a dead
//!   letter that is not yet in the journal.
//! - A handler that crashes, or is in one call for longer than `hang_after`, is made anew. A record
//!   that it dies of three times becomes a dead letter.
//! - Gaps and damage in the journal are told to the handler, counted and reported.
//!
//! [`Backlog`] is what the watch over all cursors, the journal's growth and the disk last saw.
//!
//! What is not here: any handler, HTTP, and what becomes of the trouble that is told.

mod backlog;
mod backoff;
mod config;
mod control;
mod lag;
mod letters;
mod metrics;
mod post;
mod records;
mod runtime;
mod standing;
mod supervisor;
mod trouble;
mod watch;
mod worker;

pub use backlog::{Backlog, CursorLag, Disk, LaneGrowth};
pub use config::{Settings, WatchSettings};
pub use metrics::Metrics;
pub use runtime::{Handlers, Marks, NoMarks, Parts, StartError};
pub use standing::Standing;
pub use watch::forecast::{Forecast, Trend};
