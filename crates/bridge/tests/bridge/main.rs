//! Bridges between a journal in memory and a broker of a few lines, which does what a test says.

mod broker;
mod circles;
mod common;
mod contract;
mod inward;
mod outward;
