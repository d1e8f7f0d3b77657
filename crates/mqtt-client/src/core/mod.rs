//! What needs no I/O: messages, the session, pauses, the choice of the server.

mod backoff;
mod message;
mod servers;
mod session;

pub use backoff::Backoff;
pub use message::{Message, MessageProperties, ReceiptOf, Received, Sent};
pub(crate) use servers::Servers;
pub(crate) use session::{Event, NotNow, Session};
