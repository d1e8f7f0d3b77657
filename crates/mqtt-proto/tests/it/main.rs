//! The packets from outside: what is written is read again, by this crate and by another.
#![expect(clippy::unwrap_used, reason = "test code")]

mod other;
mod properties;
mod strategies;
