//! Packets for a peer that takes no large ones.

use crate::{EncodeError, Packet, UserProperties, Version};

impl Packet<'_> {
    /// Writes the packet in `limit` bytes at most, the peer's maximum packet size. From a packet
    /// that would be too large are left out, as far as MQTT 5 allows it: its user properties, then
    /// its reason text too.
    ///
    /// # Errors
    /// If it is still too large, and as [`Self::encode`]: nothing is written, then.
    pub fn encode_within(
        &self,
        version: Version,
        limit: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let limit = limit as usize;
        let bytes = self.encoded_len(version)?;
        if bytes <= limit {
            return self.encode(version, out);
        }
        for smaller in [self.without_user(), self.without_details()] {
            if smaller.encoded_len(version)? <= limit {
                return smaller.encode(version, out);
            }
        }
        Err(EncodeError::TooLarge { bytes, limit })
    }

    /// Without what is for people or is not needed: user properties and reason text. What a client
    /// that asks for no problem information gets, but in CONNACK, PUBLISH and DISCONNECT. Messages
    /// and requests are as they were.
    #[must_use]
    pub fn without_details(&self) -> Self {
        let mut packet = self.without_user();
        match &mut packet {
            Self::ConnAck(of) => of.properties.reason_text = None,
            Self::PubAck(of) | Self::PubRec(of) | Self::PubRel(of) | Self::PubComp(of) => {
                of.properties.reason_text = None;
            }
            Self::SubAck(of) | Self::UnsubAck(of) => of.properties.reason_text = None,
            Self::Disconnect(of) => of.properties.reason_text = None,
            Self::Auth(of) => of.properties.reason_text = None,
            _ => {}
        }
        packet
    }

    fn without_user(&self) -> Self {
        let mut packet = *self;
        let none = UserProperties::default();
        match &mut packet {
            Self::ConnAck(of) => of.properties.user = none,
            Self::PubAck(of) | Self::PubRec(of) | Self::PubRel(of) | Self::PubComp(of) => {
                of.properties.user = none;
            }
            Self::SubAck(of) | Self::UnsubAck(of) => of.properties.user = none,
            Self::Disconnect(of) => of.properties.user = none,
            Self::Auth(of) => of.properties.user = none,
            _ => {}
        }
        packet
    }
}
