//! Two halves of a pair in one process: real journals, real certificates, real TLS on loopback, and
//! wires between them that can be cut.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests fail by it"
)]

mod basics;
mod half;
mod pictures;
mod reentry;
mod wire;
mod world;
