//! PUBLISH, whole or without its payload, so that many subscribers can share one encoding.

use super::properties::{Written, length};
use crate::write::{self, Count, Sink};
use crate::{EncodeError, PacketId, Publish, QoS, Version};

pub(super) const fn first_byte(publish: &Publish<'_>) -> u8 {
    0x30 | (publish.dup as u8) << 3 | (publish.qos as u8) << 1 | publish.retain as u8
}

/// Where in an encoded PUBLISH stands what differs from one subscriber to the next: the packet id,
/// and DUP in its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublishStamp {
    /// From the packet's first byte; 0 with QoS 0, which has none.
    id_at: usize,
}

impl PublishStamp {
    /// Makes the encoding `packet`, from its first byte on, that of another packet id. With QoS 0,
    /// or if it ends before the id, nothing is changed.
    #[inline]
    pub fn apply(self, packet: &mut [u8], dup: bool, id: PacketId) {
        if self.id_at == 0 {
            return;
        }
        let Some(place) = packet.get_mut(self.id_at..self.id_at + 2) else {
            return;
        };
        place.copy_from_slice(&id.get().to_be_bytes());
        packet[0] = packet[0] & !8 | u8::from(dup) << 3;
    }
}

/// Writes a PUBLISH at the end of `out`.
///
/// # Errors
/// As [`crate::Packet::encode`].
#[inline]
pub fn encode_publish(
    publish: &Publish<'_>,
    version: Version,
    out: &mut Vec<u8>,
) -> Result<PublishStamp, EncodeError> {
    let stamp = encode_publish_head(publish, version, out)?;
    out.extend_from_slice(publish.payload);
    Ok(stamp)
}

/// Writes all of a PUBLISH at the end of `out` but its payload, which is to follow.
///
/// # Errors
/// As [`crate::Packet::encode`].
#[inline]
pub fn encode_publish_head(
    publish: &Publish<'_>,
    version: Version,
    out: &mut Vec<u8>,
) -> Result<PublishStamp, EncodeError> {
    let mut count = Count::default();
    head(publish, version, &mut count)?;
    let rest = length(count.0 + publish.payload.len())?;
    out.reserve(5 + count.0 + publish.payload.len());
    out.push(first_byte(publish));
    write::varint(out, rest);
    head(publish, version, out)?;
    let id_at = match publish.qos {
        QoS::AtMostOnce => 0,
        _ => 1 + write::varint_bytes(rest) + 2 + publish.topic.len(),
    };
    Ok(PublishStamp { id_at })
}

/// The body without the payload.
#[inline]
pub(super) fn head<S: Sink>(publish: &Publish<'_>, version: Version, sink: &mut S) -> Written {
    let wrong = EncodeError::Contradiction;
    if publish.topic.is_empty() && (publish.properties.alias.is_none() || !version.is_v5()) {
        return Err(wrong("a PUBLISH with neither a topic nor an alias of one"));
    }
    let topic = publish.topic.as_bytes();
    if S::COUNTS {
        match memchr::memchr3(0, b'+', b'#', topic).map(|at| topic[at]) {
            None => {}
            Some(0) => return Err(EncodeError::Nul),
            Some(_) => return Err(wrong("a topic with a wildcard")),
        }
    }
    write::binary(sink, topic)?;
    match (publish.qos, publish.packet_id) {
        (QoS::AtMostOnce, None) if !publish.dup => {}
        (QoS::AtLeastOnce | QoS::ExactlyOnce, Some(id)) => sink.short(id.get()),
        _ => {
            return Err(wrong(
                "a packet id or DUP with QoS 0, or QoS 1 or 2 without an id",
            ));
        }
    }
    if version.is_v5() {
        super::properties::section(sink, &publish.properties)?;
    }
    Ok(())
}

impl Publish<'_> {
    /// Bytes of the whole packet: what a client's maximum packet size is compared with.
    ///
    /// # Errors
    /// As [`crate::Packet::encode`].
    #[inline]
    pub fn encoded_len(&self, version: Version) -> Result<usize, EncodeError> {
        let mut count = Count::default();
        head(self, version, &mut count)?;
        let body = count.0 + self.payload.len();
        Ok(1 + write::varint_bytes(length(body)?) + body)
    }
}
