//! Alarms in the real binary: every emergency is told of, through kills, take-overs and receivers
//! that fail; nothing is raised twice, and no acknowledgement is lost.
//!
//! `SPICA_KILLS=100 SPICA_ROUNDS=100 cargo test --release --test alarms` for a long run.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

mod book;
mod channels;
mod kills;
mod take_overs;
