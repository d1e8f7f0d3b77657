//! What the fuzzers run, as plain functions, so that tests replay the committed corpora without a
//! fuzzer. Each module has one `run(data)`, which panics when a promise is broken.

pub mod access;
pub mod cases;
pub mod dc09;
pub mod dialogue;
pub mod frame;
pub mod http;
pub mod link;
pub mod live;
pub mod mqtt;
pub mod mqtt_session;
pub mod plans;
pub mod profile;
pub mod proxy;
pub mod rules;
pub mod scram;
pub mod segment;
pub mod smpp;
pub mod sparkplug;
pub mod websocket;
