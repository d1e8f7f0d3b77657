//! Reports of made-up years, against files that were looked at, and against a naive count.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod golden;
mod model;
mod trail;
