//! Benchmarks that anyone can run: `spica bench …`. Each prints JSON.
//!
//! A benchmark measures the product, not its generator: where the two share a process, the
//! generator does per message only what a producer must (submit, look at the clock, wait).

#![allow(clippy::disallowed_methods, reason = "benchmarks measure real time")]

pub mod alert;
pub mod bystander;
pub mod catch_up;
pub mod critical;
pub mod disk;
pub mod failover;
mod figures;
pub mod handlers;
pub mod http;
pub mod hub;
pub mod ingest;
pub mod live;
pub mod mqtt;
pub mod pair;
pub mod stations;

pub use figures::{Latencies, Usage};
