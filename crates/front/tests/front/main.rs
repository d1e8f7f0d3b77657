//! The front from outside: clients that speak bytes, and a station that gives them back.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod memory;
mod plain;
mod support;
mod tls;
mod web_socket;
mod web_socket_refusals;
