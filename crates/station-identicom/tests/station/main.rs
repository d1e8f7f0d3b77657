//! The station from outside: devices that speak bytes, and the records that come of it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod commands;
mod connections;
mod dialogue;
mod journal;
mod pictures;
mod proxy;
mod role;
mod stop;
mod support;
mod tls;
