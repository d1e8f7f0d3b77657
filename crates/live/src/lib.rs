//! Live sessions as a state machine: matching, conflation, windows, recovery, limits.
//!
//! All subscriptions that want the same are one *group*, which has one log per lane: states at the
//! number of their latest record, events at their own. A subscription is a *place* in the log of its
//! group. What waits for it is what comes after that place, so a snapshot (the place before the first
//! record), the way back after an interruption (the place that the client has seen), a slow session
//! and a fast one are the same thing, and a session that has everything costs nothing.
//!
//! [`Engine`] is told what happens ([`take`](Engine::take)) and what clients say
//! ([`say`](Engine::say)), and gives each session its [`turn`](Engine::turn). What it needs from the
//! outside it asks for ([`Ask`]).
//!
//! What is not here: clocks (the time since some start is an argument), I/O, threads, sockets, tokens.

mod ask;
mod begin;
mod bucket;
mod collect;
mod compute;
mod deliver;
mod derived;
mod drain;
mod engine;
mod gaps;
mod group;
mod held;
mod ingest;
mod limits;
mod load;
mod log;
mod mark;
mod membership;
mod order;
mod part;
mod portion;
mod promise;
mod ring;
mod rows;
mod session;
mod share;
mod store;
mod subscription;
mod sweep;
mod telemetry;
mod topics;
mod turn;
mod want;
mod windows;

pub use ask::{Ask, GroupId, Past, Replayed, SubToken};
pub use drain::Drain;
pub use engine::{Engine, Frames, Opening, SessionId};
pub use limits::Limits;
pub use portion::Portion;
pub use promise::{Asked, promise};
pub use session::SessionFrame;
pub use subscription::Checked;
pub use telemetry::{Counters, Levels};
pub use topics::compact;
pub use want::Want;

#[cfg(test)]
mod tests;
