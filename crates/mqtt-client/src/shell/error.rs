//! What can go wrong, by what was wanted.

use std::io;
use std::sync::Arc;

use spica_mqtt_proto::{EncodeError, Reason};

/// Why there is no connection.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ConnectError {
    /// The network, or TLS.
    #[error("cannot reach {server}: {error}")]
    Unreachable {
        /// The server.
        server: String,
        /// Why.
        error: Arc<io::Error>,
    },
    /// The server says no.
    #[error("{server} refuses the connection: {reason}{}{text}", if text.is_empty() { "" } else { ": " })]
    Refused {
        /// The server.
        server: String,
        /// Why.
        reason: Reason,
        /// What it says to people, or nothing.
        text: String,
    },
    /// The server has ended the connection, and there is to be no other.
    #[error("{server} has ended the connection: {reason}")]
    Ended {
        /// The server.
        server: String,
        /// Why.
        reason: Reason,
    },
    /// Something else than MQTT, or MQTT that breaks its own rules.
    #[error("{server} breaks the protocol: {what}")]
    Protocol {
        /// The server.
        server: String,
        /// What it did.
        what: &'static str,
    },
    /// What is to be said cannot be said.
    #[error("the connection cannot be asked for: {0}")]
    Encode(
        /// Why.
        #[from]
        EncodeError,
    ),
    /// No server was named.
    #[error("no server to connect to: name one as host:port")]
    NoServer,
    /// The client has been closed, or dropped.
    #[error("the client is closed")]
    Closed,
}

impl ConnectError {
    /// Whether another attempt would only fail in the same way.
    pub(super) const fn is_final(&self) -> bool {
        match self {
            Self::Refused { reason, .. } => matches!(
                reason,
                Reason::UnsupportedProtocolVersion
                    | Reason::ClientIdentifierNotValid
                    | Reason::MalformedPacket
                    | Reason::ProtocolError
            ),
            // Two clients of one id would chase each other for ever.
            Self::Ended { reason, .. } => matches!(reason, Reason::SessionTakenOver),
            Self::Encode(_) | Self::NoServer | Self::Closed => true,
            Self::Unreachable { .. } | Self::Protocol { .. } => false,
        }
    }
}

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// It cannot be said in MQTT.
    #[error("the message cannot be sent: {0}")]
    Encode(
        /// Why.
        EncodeError,
    ),
    /// The server does not take packets that large.
    #[error("the message is larger than the server takes")]
    TooLarge,
    /// The server says no.
    #[error("the server refuses the message: {0}")]
    Refused(
        /// Why.
        Reason,
    ),
    /// The client has ended before the server said that it has the message: it may have it or not.
    #[error("the client has ended before the message was acknowledged")]
    Ended,
}

/// Why a subscription was not made or given up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// It cannot be said in MQTT.
    #[error("the request cannot be sent: {0}")]
    Encode(
        /// Why.
        EncodeError,
    ),
    /// Too many subscriptions, or requests without an answer.
    #[error("too many subscriptions, or requests that are not answered yet")]
    Full,
    /// The client has ended before the server answered.
    #[error("the client has ended before the server answered")]
    Ended,
}
