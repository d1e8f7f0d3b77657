//! Cases and alerts together, through days of a clock that a test turns.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "only tests are here"
)]

mod delivery;
mod escalation;
mod hours;
mod messages;
mod restart;
mod support;
