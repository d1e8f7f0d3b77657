//! The whole interface on a node in memory, without a socket but in `server`.

mod access;
mod bans;
mod batches;
mod browser;
mod cases;
mod devices;
mod handlers;
mod history;
mod limits;
mod live;
mod mqtt;
mod pair;
mod pictures;
mod records;
mod server;
mod sessions;
mod table;
mod tree;
