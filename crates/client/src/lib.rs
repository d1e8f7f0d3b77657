//! A client of live sessions (`docs/live.md`).
//!
//! [`Client`] keeps a session open to the first of several endpoints that serves, over WebSocket,
//! server-sent events or long-poll, resumes every subscription where it was, decodes deltas, gives
//! credit and repeats what may be repeated. What to send, what is held and when to try again is
//! decided by a core without I/O (`core`); the tasks, sockets and clocks around it are in `shell`.
//!
//! [`lean`] is for those who open thousands of sessions to measure: it holds nothing and counts rows
//! without reading them.

mod core;
pub mod lean;
mod shell;

pub use core::{Content, Item, Settings, Value, Way, wanted};
pub use shell::{Answer, AskError, Client, ClientError, Publish, State, Subscription};
