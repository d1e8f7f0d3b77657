//! Cases and alerts together, through days of a clock that a test turns.

mod delivery;
mod escalation;
mod messages;
mod restart;
mod support;
