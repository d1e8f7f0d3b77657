//! What the standards forbid, by the numbers of their statements: `mqtt_` of version 5, `mqtt311_`
//! of 3.1.1. MQTT 3.1 has no numbers.

mod connect;
mod fixed;
mod publish;
mod subscribe;
mod texts;

use super::*;
use crate::Reason;

pub(super) const V5: Version = Version::V5;
pub(super) const V311: Version = Version::V311;
pub(super) const V31: Version = Version::V31;

/// A packet of these parts: the first byte, and the body after its length.
pub(super) fn packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    let mut packet = vec![first];
    crate::write::varint(&mut packet, body.len().try_into().unwrap());
    packet.extend(body);
    packet
}

/// A text or binary value with its length.
pub(super) fn long(value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    let length = u16::try_from(value.len()).unwrap();
    [&length.to_be_bytes(), value].concat()
}

pub(super) fn at(side: Side, version: Version, bytes: &[u8]) -> Result<Packet<'_>, DecodeError> {
    match decode(bytes, side, version, &Limits::default())? {
        Decoded::Packet { packet, length } => {
            assert_eq!(length, bytes.len());
            Ok(packet)
        }
        Decoded::Incomplete { at_least } => panic!("{at_least} bytes are needed for {bytes:?}"),
    }
}

/// Why a server refuses this.
#[track_caller]
pub(super) fn refused(version: Version, bytes: &[u8]) -> Reason {
    at(Side::Server, version, bytes).unwrap_err().reason
}

/// What a server reads.
#[track_caller]
pub(super) fn read(version: Version, bytes: &[u8]) -> Packet<'_> {
    at(Side::Server, version, bytes).unwrap()
}

/// Why a client refuses this.
#[track_caller]
pub(super) fn refused_by_client(version: Version, bytes: &[u8]) -> Reason {
    at(Side::Client, version, bytes).unwrap_err().reason
}
