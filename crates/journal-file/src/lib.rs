//! The journal on files: two lanes, group commit, recovery, retention.
//!
//! [`FileJournal`] keeps each lane in its own directory, with its own files and threads: the critical
//! lane never waits for the normal one, and the normal one for the critical one a bounded time only. `docs/journal-format.md` describes the files. What an operator
//! may set is in [`Settings`]; what was found when the journal was opened is in [`RecoveryReport`].
//!
//! Invariants:
//! - A record is called durable only after a flush of its bytes has succeeded. After a flush that
//!   failed, the lane commits nothing more and touches no file.
//! - Bytes whose checksum is wrong are never served, and never cut unless nothing proves that they
//!   were ever durable.
//! - Retention never takes what a durable cursor has not passed.

mod cut;
mod dump;
mod error;
mod journal;
mod lane;
mod meta;
mod metrics;
mod names;
mod open;
mod options;
mod priority;
mod repair;
mod report;
mod segment;
mod small_files;
mod verify;
#[cfg(test)]
mod workload;

pub use cut::{
    Aside, AsideError, AsideRecords, CutError, CutReport, Fresh, aside_done, aside_done_on,
    cut_after, cut_after_on, read_aside, read_aside_on, reset_lane, reset_lane_on,
};
pub use dump::{Dumped, dump, dump_on};
pub use error::{CopyError, EpochError, OpenError};
pub use journal::{Acknowledge, Failed, FileJournal, LaneDetails, LaneHistory};
pub use lane::tail::{Tail, Tailed};
pub use metrics::Metrics;
pub use options::{CriticalLane, NormalLane, Options, Settings};
pub use priority::Priorities;
pub use repair::{RepairReport, repair, repair_on};
pub use report::{LaneReport, Note, RecoveryReport, TornTail};
pub use verify::{LaneVerified, VerifyReport, verify, verify_on};
