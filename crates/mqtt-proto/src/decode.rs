//! Packets in: the fixed header, and the way to what reads the rest.

mod ack;
mod connack;
mod connect;
mod end;
mod properties;
mod publish;
mod subscribe;

use crate::allowed;
use crate::read::{Fault, Read, Reader, fault};
use crate::{DecodeError, Limits, Packet, Side, Version};

/// What stands at the beginning of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation")]
pub enum Decoded<'a> {
    /// The beginning of a packet.
    Incomplete {
        /// So many bytes are needed, with those that are there, before it is worth to look again.
        at_least: usize,
    },
    /// A packet.
    Packet {
        /// The packet.
        packet: Packet<'a>,
        /// Its bytes: what follows is the next one.
        length: usize,
    },
}

/// Reads the packet at the beginning of `bytes`, which `side` has received on a connection of
/// `version`; a CONNECT brings its own version.
///
/// What breaks the rules is refused as soon as it is seen: a packet that is too large from its fixed
/// header on.
///
/// # Errors
/// If the packet is malformed, is not to be sent to this side, or is beyond a limit.
#[inline]
pub fn decode<'a>(
    bytes: &'a [u8],
    side: Side,
    version: Version,
    limits: &Limits,
) -> Result<Decoded<'a>, DecodeError> {
    let context = Context {
        side,
        version,
        limits,
    };
    // `version` is right for all packets but CONNECT, which says its own.
    context.packet(bytes).map_err(|fault| DecodeError {
        reason: fault.reason,
        what: fault.what,
        version: connect::spoken(bytes).unwrap_or(version),
    })
}

/// Who reads what.
#[derive(Clone, Copy)]
struct Context<'l> {
    side: Side,
    version: Version,
    limits: &'l Limits,
}

const CONNECT: u8 = 1;
const PUBLISH: u8 = 3;

impl Context<'_> {
    #[inline]
    fn packet<'a>(&self, bytes: &'a [u8]) -> Read<Decoded<'a>> {
        let Some(first) = bytes.first() else {
            return Ok(Decoded::Incomplete { at_least: 2 });
        };
        let (kind, flags) = (first >> 4, first & 15);
        if kind != PUBLISH {
            self.check_first(kind, flags)?;
        }
        let Some((rest, header)) = self.remaining_length(bytes, kind)? else {
            let at_least = bytes.len() + 1;
            return Ok(Decoded::Incomplete { at_least });
        };
        let length = header + rest;
        let limit = match kind {
            CONNECT => self.limits.connect_bytes.min(self.limits.packet_bytes),
            _ => self.limits.packet_bytes,
        };
        if length > limit as usize {
            return Err(fault!(PacketTooLarge, "a packet beyond the limit"));
        }
        let Some(body) = bytes.get(header..length) else {
            return Ok(Decoded::Incomplete { at_least: length });
        };
        let packet = if kind == PUBLISH {
            Packet::Publish(self.publish(flags, Reader::new(body))?)
        } else {
            self.body(kind, Reader::new(body))?
        };
        Ok(Decoded::Packet { packet, length })
    }

    /// The remaining length, and the bytes of the fixed header; none if it has not come whole.
    #[inline]
    fn remaining_length(&self, bytes: &[u8], kind: u8) -> Read<Option<(usize, usize)>> {
        let mut length = 0;
        for at in 1..5 {
            let Some(byte) = bytes.get(at) else {
                return Ok(None);
            };
            length |= usize::from(byte & 127) << (7 * (at - 1));
            if byte & 128 == 0 {
                // Before MQTT 5 nothing forbids zeros; and of a CONNECT nobody knows the version.
                if *byte == 0 && at > 1 && self.version.is_v5() && kind != CONNECT {
                    return Err(fault!("a remaining length that is not as short as can be"));
                }
                return Ok(Some((length, at + 1)));
            }
        }
        Err(fault!("a remaining length of more than four bytes"))
    }

    /// Whether this side is sent this kind of packet, and with these flags.
    fn check_first(&self, kind: u8, flags: u8) -> Read<()> {
        let expected = match kind {
            6 | 8 | 10 => 2,
            _ => 0,
        };
        let flags_are_right = match self.version {
            // Its other flags mean nothing, or (DUP) may be set on what is sent again.
            Version::V31 => flags & 6 == expected || expected == 0,
            Version::V311 | Version::V5 => flags == expected,
        };
        if !flags_are_right {
            return Err(fault!(
                "flags in the fixed header that this packet does not have"
            ));
        }
        let to_server = matches!(kind, 1 | 4..=8 | 10 | 12 | 14 | 15);
        let to_client = matches!(kind, 2 | 4..=7 | 9 | 11 | 13..=15);
        let is_v5 = self.version.is_v5();
        match (self.side, kind) {
            (_, 0) | (_, 15) if kind == 0 || !is_v5 => {
                Err(fault!("a packet type that there is not"))
            }
            (Side::Client, 14) if !is_v5 => {
                Err(fault!(ProtocolError, "a packet that servers do not send"))
            }
            (Side::Server, _) if to_server => Ok(()),
            (Side::Client, _) if to_client => Ok(()),
            (Side::Server, _) => Err(fault!(ProtocolError, "a packet that clients do not send")),
            (Side::Client, _) => Err(fault!(ProtocolError, "a packet that servers do not send")),
        }
    }

    fn body<'a>(&self, kind: u8, mut body: Reader<'a>) -> Read<Packet<'a>> {
        let packet = match kind {
            CONNECT => Packet::Connect(self.connect(&mut body)?),
            2 => Packet::ConnAck(self.connack(&mut body)?),
            4 => Packet::PubAck(self.ack(&mut body, allowed::PUBLISHED)?),
            5 => Packet::PubRec(self.ack(&mut body, allowed::PUBLISHED)?),
            6 => Packet::PubRel(self.ack(&mut body, allowed::RELEASED)?),
            7 => Packet::PubComp(self.ack(&mut body, allowed::RELEASED)?),
            8 => Packet::Subscribe(self.subscribe(&mut body)?),
            9 => Packet::SubAck(self.suback(&mut body)?),
            10 => Packet::Unsubscribe(self.unsubscribe(&mut body)?),
            11 => Packet::UnsubAck(self.unsuback(&mut body)?),
            12 => Packet::PingReq,
            13 => Packet::PingResp,
            14 => Packet::Disconnect(self.disconnect(&mut body)?),
            _ => Packet::Auth(self.auth(&mut body)?),
        };
        body.finish()?;
        Ok(packet)
    }

    /// A topic that is not empty and within the limits.
    #[inline]
    fn check_topic(&self, topic: &str, beyond: &'static Fault) -> Read<()> {
        let too_long = topic.len() > usize::from(self.limits.topic_bytes);
        // A topic has no more levels than bytes, and one.
        let levels = usize::from(self.limits.topic_levels);
        if too_long || topic.len() >= levels && crate::levels(topic) > levels {
            return Err(beyond);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
