//! Who may connect: caps, rates, bans. Pure; time is an argument.
//!
//! A listener asks [`Admission`] before it spends anything on a connection, tells it of offences,
//! and gives the [`Slot`] back at the end. A *source* is what one attacker can hold cheaply: an
//! IPv4 address, or an IPv6 /64.
//!
//! Invariants: established connections are never closed from here; a refused connection takes no
//! token, no slot and no entry of a table, so that a storm of them starves nobody else; every ban
//! ends; a source that brings more good dialogues than offences (many devices behind one address)
//! is never banned automatically; every table has a limit.
//!
//! What is not here: any socket, clock or lock, and the wall clock's time. Time is monotonic, so
//! that a wall clock that jumps neither lifts a ban nor makes it last.

mod admission;
mod bans;
mod bucket;
mod limits;
mod source;
mod sources;
mod status;
#[cfg(test)]
mod tests;

pub use admission::{Admission, Slot};
pub use bans::{Ban, BanError};
pub use limits::{BanRule, Limits, Rate};
pub use source::source_of;
pub use status::{Offence, Refusal, Status};
