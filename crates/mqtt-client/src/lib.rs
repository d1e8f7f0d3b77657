//! A client of MQTT 3.1.1 and 5.
//!
//! [`Client`] keeps a connection to the first of several servers that takes it, follows them when
//! they name another one, comes back with a growing pause when it is lost, and sends again what was
//! not acknowledged. What is owed to whom is decided by a core without I/O (`core`, its
//! `Session`); the task, socket and clocks around it are in `shell`.
//!
//! Everything is bounded: publishes wait for a window, messages that nobody takes stop the reading
//! of the socket, and so the server.
//!
//! Absent: wills, topic aliases of our own, enhanced authentication, WebSocket.

mod core;
mod shell;

pub use core::{Backoff, Message, MessageProperties, ReceiptOf, Received, Sent};
pub use shell::{
    AskError, Client, ConnectError, Connected, Granted, Inbox, Pending, PublishError, Settings,
    State,
};
pub use spica_mqtt_proto::{QoS, Reason, RetainHandling, SubscribeOptions, Version};
