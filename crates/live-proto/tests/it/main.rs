//! The wire as a peer sees it.
#![expect(clippy::unwrap_used, reason = "tests")]

mod samples;
mod vectors;
