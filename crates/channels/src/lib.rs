//! The ways out for messages, as adapters of `spica-notify`.
//!
//! ```text
//!  ChannelTable (plan file) ── open ──▶ Bounded ──▶ webhook   POST, signed
//!                                       places,     email     SMTP
//!                                       time-out,   sms-http  a gateway's own HTTP
//!                                       tally       smpp      a standing SMPP 3.4 session
//!                                                   dc09      receivers of a monitoring station
//! ```
//!
//! [`open()`] makes a channel of what the plan file says of it, without touching the network. All
//! bounds are in one place, `bounded.rs`: how long a send takes, how many are under way, and that one
//! place is kept for emergencies. A kind only knows how to carry one message.
//!
//! Invariants: no send outlives its time-out; the key of a message stands in whatever the other side
//! can tell a repetition by; a message is only called delivered when the other side said so; what an
//! answer says is cut to a line before it goes into a record; no secret is in an answer or a log.
//!
//! What is absent: retries, plans and texts (`spica-alerts`), records (the desk), anything that comes
//! in on a channel but receipts.

mod answer;
mod bounded;
mod dc09;
mod email;
mod error;
mod http;
mod open;
mod paths;
mod places;
mod settings;
#[cfg(feature = "sms")]
mod smpp;
mod sms_http;
mod template;
mod tls;
mod webhook;

pub use error::OpenError;
pub use open::{KINDS, Surroundings, open};
#[cfg(feature = "sms")]
#[doc(hidden)]
pub use smpp::fuzz as fuzz_smpp;
pub use webhook::{SIGNATURE_HEADER, TIMESTAMP_HEADER, signature};
