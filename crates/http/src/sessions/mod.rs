//! Live sessions (`docs/live.md`): how they are reached.
//!
//! ```text
//!  WebSocket ──▶ handshake ─▶ websocket ─┐                   ┌─▶ spica-live-hub: what is subscribed
//!                                        ├─▶ conversation ───┤
//!  POST, events, poll ─▶ table ─▶ room ──┘                   └─▶ calls: back into the router
//! ```
//!
//! A [conversation](conversation::Conversation) is what both have in common: who it is, what the
//! client says, heartbeats, calls, the end. Over WebSocket it has a [socket](socket::Socket); over
//! requests a [room](room::Room) that a [keeper](keeper::keep) fills, whose frames wait in an
//! [outbox](outbox::Outbox).
//!
//! Invariants: a session whose client takes nothing holds what was once given to it, and is given
//! nothing more, and waits for what is newer where it is conflated; every frame of a client has an answer or an effect; a session ends with a reason,
//! which is told and counted.

pub(crate) mod calls;
mod config;
mod conversation;
mod ending;
mod guest;
pub(crate) mod handshake;
mod keeper;
mod key;
mod metrics;
mod outbox;
pub(crate) mod room;
pub(crate) mod socket;
mod stream;
mod table;
pub(crate) mod websocket;

pub use config::LiveSettings;
pub(crate) use conversation::{Conversation, read_hello};
pub(crate) use ending::Ending;
pub(crate) use guest::Guest;
pub use handshake::upgrade_answer;
pub(crate) use keeper::keep;
pub(crate) use key::Key;
pub(crate) use metrics::SessionMetrics;
pub(crate) use stream::Stream;
pub(crate) use table::{Sessions, admit, busy};
