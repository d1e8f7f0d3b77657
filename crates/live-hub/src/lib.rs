//! Runs live sessions behind the views: one [engine](spica_live), woken by ticks, and a handle per
//! session for whatever carries its frames.
//!
//! What is not here: sockets, tokens, `hello`, `call`, heartbeats. Those are the transport's.

mod hub;
mod metrics;
mod reader;
mod runner;
mod session;
mod settings;
mod shared;
mod tail;

pub use hub::{Hub, Opening, Saturated, StartError};
pub use metrics::Metrics;
pub use session::{Frames, Session, SessionFrame};
pub use settings::Settings;
pub use spica_live::Portion;
pub use spica_live_proto::Encoding;

#[cfg(test)]
mod tests;
