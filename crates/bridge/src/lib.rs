//! Bridges to other MQTT brokers.
//!
//! - **Out** is a handler of the journal, `bridge-<name>`, on both lanes, each with a connection of its
//!   own. The journal is its spool: while the other side is down, its cursor stands still. A record is
//!   done when the other side has acknowledged it.
//! - **In** is a client that subscribes there ([`Bridge::take_in`]). What comes is acknowledged when
//!   its record is durable here, and not before.
//!
//! Nothing goes in a circle: what came in by a bridge does not go out by it again, and with MQTT 5 each
//! message carries the nodes that it has come through (`route.rs`).
//!
//! What is not here: threads, cursors, retries, dead letters (`crates/handlers`); whether the node
//! serves (who runs [`Bridge::take_in`] knows).

mod bridge;
mod config;
mod inward;
mod map;
mod metrics;
mod outward;
mod route;
mod tls;
mod watch;

pub use bridge::{Bridge, OpenError, Parts, Standing};
pub use config::{
    InSettings, Lane, OutSettings, Protocol, Service, Settings, SettingsError, TlsSettings, check,
};
pub use metrics::Metrics;
