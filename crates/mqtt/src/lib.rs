//! The session machine of the MQTT station: what a connection agrees on, what is owed to a client
//! and what it owes, what of it is kept, and when it ends. No I/O, no clock, no task.
//!
//! - [`negotiate()`]: CONNECT to what holds for the connection, or why not.
//! - [`Inbound`]: what the client publishes. It is answered when it is durable, in the order in which
//!   it came; a QoS 2 message is taken once.
//! - [`Outbound`]: what the client is sent: a bounded queue, a window of messages in flight, and per
//!   lane the place up to which everything is delivered. A session that cannot hold what comes is
//!   *behind* and is fed from the journal.
//! - [`Life`]: will, session expiry, take-over. [`KeepAlive`]: when a silent client is gone.
//! - [`SessionRecord`], [`InNote`], [`OutNote`]: what of it is durable, and how it is restored.
//!
//! Invariants:
//! - PUBACK and PUBREC only after the message is durable, PUBREC also after the note that its id is
//!   open, PUBCOMP after the note that it is not.
//! - To the client, PUBLISH of QoS 2 goes out after the note of its packet id, PUBREL after the note
//!   of its release; an entry leaves the note when the low-water place has passed it.
//! - A packet id names one message at a time; what is sent again is so with its own, after a
//!   reconnect only, in the order of before.
//! - The low-water place is never at or beyond a message that is not delivered.
//!
//! Absent: who may do what, which topic is in which lane, who subscribes to what, and all packets that
//! do not change a session.

mod ack;
mod inbound;
mod keep_alive;
mod life;
mod limits;
mod negotiate;
mod note;
mod outbound;
mod record;
mod violation;
mod will;

pub use ack::AckKind;
pub use inbound::{Accepted, Arrived, Inbound, Ordinal, publish_key};
pub use keep_alive::KeepAlive;
pub use life::{Due, Ending, Life};
pub use limits::SessionLimits;
pub use negotiate::{Negotiated, Refused, Terms, negotiate};
pub use note::{InNote, NoUid, NotedId, NotedStage, OutNote, Uid};
pub use outbound::{
    Acked, Chunk, Delivery, Dropped, Message, Next, NoteNumber, Origin, Outbound, Pushed,
};
pub use record::{RecordError, SessionRecord, SubscriptionRecord};
pub use violation::Violation;
pub use will::Will;
