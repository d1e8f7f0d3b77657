//! What is wrong with a packet that came, or with one that is to be sent.

use crate::{Reason, Version};

/// A packet that breaks the rules: the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} ({reason})")]
pub struct DecodeError {
    /// What a CONNACK or DISCONNECT gives as the reason.
    pub reason: Reason,
    /// For the log: what is wrong.
    pub what: &'static str,
    /// In which version to answer: the one that a CONNECT asked for, or the nearest that there is.
    pub version: Version,
}

/// A packet that cannot be written; what was to hold it is as before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A string or binary value of more than 65,535 bytes.
    #[error("a value of {bytes} bytes: MQTT carries 65,535 at most")]
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
    /// Beyond what the peer, or MQTT itself, takes.
    #[error("a packet of {bytes} bytes: {limit} are taken at most")]
    TooLarge {
        /// The packet's bytes.
        bytes: usize,
        /// What is taken.
        limit: usize,
    },
    /// A text with U+0000, which MQTT forbids.
    #[error("a text with U+0000, which MQTT forbids")]
    Nul,
    /// The version has no such packet.
    #[error("MQTT {} has no {packet}", version.as_str())]
    NotInVersion {
        /// The version.
        version: Version,
        /// The packet.
        packet: &'static str,
    },
    /// What contradicts itself: a QoS 1 publish without packet id, a SUBSCRIBE without filters.
    #[error("a packet that contradicts itself: {0}")]
    Contradiction(
        /// What does.
        &'static str,
    ),
}
