//! The MQTT station: publishes become records, records become publishes, sessions stay.
//!
//! ```text
//!  bytes ─▶ connection ─▶ turn ─▶ journal ─▶ (durable) ─▶ acknowledgement
//!              ▲            └─▶ fan_out (QoS 0) ─┐
//!              └── session ◀── router ◀── views ─┘
//! ```
//!
//! A connection is one task; what must outlive it is its [`session`](self). One thread, the router,
//! gives records to sessions: what the views have just folded to those that are live, what the journal
//! holds to those that are behind.
//!
//! Invariants: nothing of QoS 1 or 2 is acknowledged before it is durable; a slow client costs a
//! bounded queue and no one else's time; sessions are back before anybody is let in.
//!
//! What is not here: bytes of packets (`spica-mqtt-proto`), what a session owes (`spica-mqtt`), who
//! gets what (`spica-mqtt-routes`), who may do what ([`Access`]).

mod access;
mod appends;
mod arrived;
mod arriving;
mod bridged;
mod config;
mod conflate;
mod connection;
mod control;
mod device;
mod end;
mod entry;
mod exchange;
mod fan_out;
mod gate;
mod greeting;
mod held;
mod keeper;
mod leaving;
mod link;
mod message;
mod metrics;
mod mount;
mod orders;
mod restore;
mod router;
mod server;
mod session;
mod station;
mod statistics;
mod store;
mod table;
mod turn;
mod uid;
mod wills;

pub use access::{Access, Admitted, Again, Proof, SharedAccess, Shown, TopicRule, Who};
pub use config::{AdmissionSettings, DeviceSettings, SessionSettings, Settings, TlsSettings};
pub use gate::{Gate, GateDeps, GateError, Holder, Reread, SettingsSource, Tokens};
pub use metrics::Metrics;
pub use mount::is_reserved;
pub use server::{Addresses, Deps, Server, StartError};
