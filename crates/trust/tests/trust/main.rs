//! The authority, what nodes make of its files, and handshakes between them.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod authority;
mod handshake;
mod holder;
mod load;
mod support;
