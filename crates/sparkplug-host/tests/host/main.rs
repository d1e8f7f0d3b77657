//! The host on a journal in memory: what it writes, and that it writes it once.

mod contract;
mod presence;
mod sessions;
mod world;
