//! The sender of one account, as a state machine: events and what happens on the paths in, what to
//! do out, time as an argument.
//!
//! - One message is under way on a path at a time. An event keeps its [`Sequence`](crate::Sequence)
//!   until it is answered, on whichever path it is repeated, so that a receiver can tell a repeat.
//! - A *miss* is a connection that did not come about or broke, or a message that was not answered
//!   in time. After each, the connection is closed and the path rests, longer each time.
//! - Events take the main path; the backup from some misses in a row on the main path on, until the
//!   main path answers again, if only a poll. When neither answers, they try whichever rests less.
//! - Every path is polled (`NULL`) when nothing else was answered on it for its interval, and again
//!   after a miss; from some misses in a row on it counts as failed, until it answers.
//! - `NAK` with the receiver's time corrects the time that is sent on this path; the message goes
//!   again at once, up to [`MAX_NAKS`] times, then it is a miss. An event that every receiver has
//!   refused so is given up, as is one that a receiver answers with `DUH`, which it would again.
//! - After a start the caller gives the last number that was sent, and queues again what was not
//!   delivered, each event with the number that it had if it was sent before: at most the one that
//!   was under way comes to the station twice, and under the same number.
//!
//! What is not here: sockets, and the knowledge of what was delivered, which is the caller's to keep.

mod answers;
mod config;
mod link;
mod machine;
mod queue;
mod sending;
#[cfg(test)]
mod tests;
mod words;

pub use answers::MAX_NAKS;
pub use config::{Config, ConfigError};
pub use machine::Sender;
pub use words::{
    Counters, EventId, Ignored, Input, Now, Output, Path, PathStatus, QueueFull, Refusal, Status,
};
