//! Rules on a journal in memory, run as a node runs them, and against HTTP servers of a few lines.

mod cases;
mod common;
mod contract;
mod records;
mod reload;
mod server;
mod sinks;
