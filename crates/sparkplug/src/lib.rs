//! Sparkplug B as a host application sees it.
//!
//! [`Payload`] reads the messages of edge nodes, which are protobuf; [`Machine`] follows births,
//! deaths and sequence numbers, and says as [`Effect`]s which records come of a message: a state for
//! each metric, an event for each value of the past, and a request for a new birth where something is
//! missing.
//!
//! **The machine is a fold of one lane of the journal.** Its time is that of the records; that a
//! missing message has been waited for long enough is a record, too ([`Machine::overdue`]). So who
//! reads the same records again gets the same effects with the same keys.
//!
//! **It survives a restart by [notes](Note)**, `state` records of its own: one for each edge node,
//! with its place in the lane, and one for each birth, with names, aliases and datatypes (as a
//! Sparkplug payload without values, which is never longer than the birth was). The other way, a
//! rebirth of all edge nodes whenever a host starts, is a storm just when everybody comes back, and
//! what is published until each has answered cannot be read. Notes are written behind the effects, so any
//! beginning of what was written is something to go on from: the messages that follow come once more,
//! and give the same values.
//! Only when a birth is asked for, and the counts in a status, may then be others.
//!
//! What is not here: files, clocks, protocols below; commands to metrics; compressed payloads.

mod arrays;
mod birth;
mod composite;
mod counts;
mod datatype;
mod edge;
mod effect;
mod limits;
mod machine;
mod message;
mod note;
mod payload;
mod quality;
mod topics;
mod value;
mod wire;

pub use counts::Counts;
pub use datatype::DataType;
pub use effect::{Draft, Effect};
pub use limits::Limits;
pub use machine::{Arrival, Machine};
pub use message::{Message, MessageType};
pub use note::{Note, Notes};
pub use payload::{DecodeError, METRICS_MAX, Metric, Payload, Value, rebirth_command};
pub use topics::{HANDLER, ROOT, SPARKPLUG, Topics};
