//! The small words of the protocol: version, quality of service, who reads.

use std::num::NonZeroU16;

/// What names a packet that awaits its acknowledgement: never zero.
pub type PacketId = NonZeroU16;

/// The version that a connection speaks: its number is the protocol level in CONNECT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Version {
    /// MQTT 3.1 (`MQIsdp`).
    V31 = 3,
    /// MQTT 3.1.1.
    V311 = 4,
    /// MQTT 5.
    V5 = 5,
}

impl Version {
    /// All of them, the oldest first.
    pub const ALL: [Self; 3] = [Self::V31, Self::V311, Self::V5];

    /// As people write it: `3.1`, `3.1.1`, `5`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V31 => "3.1",
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }

    pub(crate) const fn is_v5(self) -> bool {
        matches!(self, Self::V5)
    }

    /// The name that CONNECT carries.
    pub(crate) const fn protocol_name(self) -> &'static str {
        match self {
            Self::V31 => "MQIsdp",
            Self::V311 | Self::V5 => "MQTT",
        }
    }
}

/// How surely a message is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum QoS {
    /// Once or not at all.
    #[default]
    AtMostOnce = 0,
    /// Once or more often.
    AtLeastOnce = 1,
    /// Once.
    ExactlyOnce = 2,
}

impl QoS {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::AtMostOnce, Self::AtLeastOnce, Self::ExactlyOnce];

    /// Of the two low bits of a byte; none for 3.
    pub(crate) const fn of(bits: u8) -> Option<Self> {
        match bits {
            0 => Some(Self::AtMostOnce),
            1 => Some(Self::AtLeastOnce),
            2 => Some(Self::ExactlyOnce),
            _ => None,
        }
    }
}

/// A number that is no quality of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a quality of service is 0, 1 or 2, not {0}")]
pub struct NoQoS(
    /// The number.
    pub u8,
);

impl TryFrom<u8> for QoS {
    type Error = NoQoS;

    fn try_from(number: u8) -> Result<Self, NoQoS> {
        Self::of(number).ok_or(NoQoS(number))
    }
}

/// Who reads: it decides which packets and properties may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The server reads what a client sent.
    Server,
    /// The client reads what a server sent.
    Client,
}

/// What an incoming packet may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a packet in all, its fixed header included: MQTT 5's Maximum Packet Size.
    pub packet_bytes: u32,
    /// Bytes of a CONNECT in all: nobody knows yet who sends it.
    pub connect_bytes: u32,
    /// Bytes of a client id.
    pub client_id_bytes: u16,
    /// Bytes of a client id of MQTT 3.1, which itself allows 23.
    pub client_id_bytes_v31: u16,
    /// Bytes of a topic or filter.
    pub topic_bytes: u16,
    /// Levels of a topic or filter.
    pub topic_levels: u16,
    /// Filters in one SUBSCRIBE or UNSUBSCRIBE.
    pub filters: u32,
    /// User properties in one packet, those of a will counted apart.
    pub user_properties: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            packet_bytes: 1 << 20,
            connect_bytes: 64 << 10,
            client_id_bytes: 1_024,
            client_id_bytes_v31: 23,
            topic_bytes: 4_096,
            topic_levels: 128,
            filters: 1_024,
            user_properties: 64,
        }
    }
}
