//! Tasks, sockets and clocks around the core.

mod asks;
mod client;
mod connection;
mod end;
mod events;
mod http;
mod link;
mod recorded;
mod subscription;
mod tls;
mod ws;

pub use asks::{Answer, AskError, Publish};
pub use client::{Client, ClientError, State};
pub use subscription::Subscription;

pub(crate) use tls::{Duplex, dial};
pub(crate) use ws::{builder, message};
