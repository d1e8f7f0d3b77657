//! What a client did that ends its connection.

use spica_mqtt_proto::Reason;

/// A rule of the standard, or a limit, that the client broke: DISCONNECT with the reason where the
/// version has one, and the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({reason})")]
pub struct Violation {
    /// What the DISCONNECT says.
    pub reason: Reason,
    /// For the log: what was done.
    pub what: &'static str,
}

impl Violation {
    pub(crate) const fn new(reason: Reason, what: &'static str) -> Self {
        Self { reason, what }
    }

    pub(crate) const fn protocol(what: &'static str) -> Self {
        Self::new(Reason::ProtocolError, what)
    }
}
