//! WebSocket (RFC 6455), the server's side: the handshake's key, frames in and out. No I/O.
//!
//! Written for servers with many idle connections: a [`Decoder`] at rest holds no buffer, whoever
//! reads gives it what has come, and a [`Head`] is written before a payload that may be shared by
//! many connections. There are no extensions: their bits are refused.
//!
//! Invariants: no bytes make it panic; what it holds is at most one message of the limit, and one
//! control frame; what it gives as text is UTF-8; after a [`Violation`] it gives nothing more.

mod decode;
mod encode;
mod handshake;

pub use decode::{Decoder, Event, Violation};
pub use encode::{CONTROL_BYTES, Head, Opcode, close};
pub use handshake::accept_key;

/// Close codes of RFC 6455, section 7.4.1, that servers use.
pub mod code {
    /// Everything is done.
    pub const NORMAL: u16 = 1000;
    /// The server stops, or the page is left.
    pub const GOING_AWAY: u16 = 1001;
    /// A frame that breaks the rules.
    pub const PROTOCOL: u16 = 1002;
    /// A kind of message that is not taken.
    pub const UNSUPPORTED: u16 = 1003;
    /// A text that is not UTF-8.
    pub const NOT_UTF8: u16 = 1007;
    /// What came is against the server's policy: no valid token, no answer.
    pub const POLICY: u16 = 1008;
    /// A message beyond the limit.
    pub const TOO_BIG: u16 = 1009;
    /// Come again later.
    pub const TRY_AGAIN: u16 = 1013;
}
