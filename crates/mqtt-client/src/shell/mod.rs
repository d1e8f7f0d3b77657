//! The task of a client, its socket and its handle.

mod client;
mod connection;
mod dial;
mod error;
mod settings;
mod socket;

pub use client::{Client, Connected, Granted, Inbox, Pending, State};
pub use error::{AskError, ConnectError, PublishError};
pub use settings::Settings;
