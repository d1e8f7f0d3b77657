//! The wire as a peer sees it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod other_reader;
mod properties;
mod refusals;
mod samples;
mod strategies;
mod vectors;
