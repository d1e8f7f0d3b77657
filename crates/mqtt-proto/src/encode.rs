//! Packets out.

mod connect;
mod fit;
mod properties;
mod publish;
mod rest;

use crate::write::{self, Count, Sink};
use crate::{AckProperties, EncodeError, Packet, PacketId, Reason, Version};
use properties::{Written, length};

pub use publish::{PublishStamp, encode_publish, encode_publish_head};

impl Packet<'_> {
    /// Writes the packet at the end of `out`, as `version` has it; a CONNECT as its own version.
    /// What the version does not have, such as properties before MQTT 5, is left out.
    ///
    /// # Errors
    /// If the packet cannot be written so: nothing is, then.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let body = self.body_len(version)?;
        out.reserve(5 + body);
        out.push(self.first_byte());
        write::varint(out, length(body)?);
        self.body(version, out)
    }

    /// Bytes that [`Self::encode`] would write.
    ///
    /// # Errors
    /// If the packet cannot be written.
    pub fn encoded_len(&self, version: Version) -> Result<usize, EncodeError> {
        let body = self.body_len(version)?;
        Ok(1 + write::varint_bytes(length(body)?) + body)
    }

    fn body_len(&self, version: Version) -> Result<usize, EncodeError> {
        let mut count = Count::default();
        self.body(version, &mut count)?;
        length(count.0)?;
        Ok(count.0)
    }

    /// Kind and flags.
    fn first_byte(&self) -> u8 {
        match self {
            Self::Connect(_) => 0x10,
            Self::ConnAck(_) => 0x20,
            Self::Publish(publish) => publish::first_byte(publish),
            Self::PubAck(_) => AckKind::PubAck as u8,
            Self::PubRec(_) => AckKind::PubRec as u8,
            Self::PubRel(_) => AckKind::PubRel as u8,
            Self::PubComp(_) => AckKind::PubComp as u8,
            Self::Subscribe(_) => 0x82,
            Self::SubAck(_) => 0x90,
            Self::Unsubscribe(_) => 0xA2,
            Self::UnsubAck(_) => 0xB0,
            Self::PingReq => 0xC0,
            Self::PingResp => 0xD0,
            Self::Disconnect(_) => 0xE0,
            Self::Auth(_) => 0xF0,
        }
    }

    fn body(&self, version: Version, sink: &mut impl Sink) -> Written {
        match self {
            Self::Connect(connect) => connect::connect(connect, sink),
            Self::ConnAck(connack) => connect::connack(connack, version, sink),
            Self::Publish(publish) => {
                publish::head(publish, version, sink)?;
                sink.put(publish.payload);
                Ok(())
            }
            Self::PubAck(ack) | Self::PubRec(ack) => {
                rest::ack(ack, crate::allowed::PUBLISHED, version, sink)
            }
            Self::PubRel(ack) | Self::PubComp(ack) => {
                rest::ack(ack, crate::allowed::RELEASED, version, sink)
            }
            Self::Subscribe(subscribe) => rest::subscribe(subscribe, version, sink),
            Self::SubAck(suback) => rest::suback(suback, version, sink),
            Self::Unsubscribe(unsubscribe) => rest::unsubscribe(unsubscribe, version, sink),
            Self::UnsubAck(unsuback) => rest::unsuback(unsuback, version, sink),
            Self::PingReq | Self::PingResp => Ok(()),
            Self::Disconnect(disconnect) => rest::disconnect(disconnect, version, sink),
            Self::Auth(auth) => rest::auth(auth, version, sink),
        }
    }
}

/// Which acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum AckKind {
    /// A QoS 1 message has been taken.
    PubAck = 0x40,
    /// A QoS 2 message has been taken.
    PubRec = 0x50,
    /// A QoS 2 message's id will be given up.
    PubRel = 0x62,
    /// It has been given up.
    PubComp = 0x70,
}

/// Writes an acknowledgement without properties: four bytes, or five for MQTT 5 to give a reason
/// other than success. Before MQTT 5 the reason cannot be given.
///
/// `reason` is one that this packet may give; [`Packet::encode`] checks that.
#[inline]
pub fn encode_ack(
    kind: AckKind,
    id: PacketId,
    reason: Reason,
    version: Version,
    out: &mut Vec<u8>,
) {
    let [high, low] = id.get().to_be_bytes();
    if reason == Reason::Success || !version.is_v5() {
        out.extend_from_slice(&[kind as u8, 2, high, low]);
    } else {
        out.extend_from_slice(&[kind as u8, 3, high, low, reason.code()]);
    }
}

/// Whether there is nothing to say but a reason.
fn is_plain(properties: &AckProperties<'_>) -> bool {
    *properties == AckProperties::default()
}

#[cfg(test)]
mod tests;
