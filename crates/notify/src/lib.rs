//! The port by which messages leave: a [`Channel`] sends one [`Message`] and says what came of it.
//!
//! ```text
//!  desk ── Message ──▶ Channel::send ──▶ Outcome ──▶ desk (the notice's next attempt)
//!   ▲                     │
//!   └────── Event ────────┘   a path failed or was restored; a receipt came late
//! ```
//!
//! Invariants, which [`contract::all`] checks on every adapter: a send ends within the channel's
//! time-out whatever the other side does; one that hangs does not hold up another; every attempt of a
//! message carries the same key; what may work later is never called refused.
//!
//! What is not here: when, to whom and how often something is sent (`spica-alerts`), who asks for it
//! (the desk), how it is sent (the adapters).

mod channel;
pub mod contract;
mod event;
mod health;
mod scripted;

pub use channel::{Channel, SharedChannel};
pub use event::{Event, EventSink};
pub use health::{Health, Last, Path, Tally};
pub use scripted::{Reply, ScriptedChannel};
pub use spica_alerts::{Message, Outcome};
