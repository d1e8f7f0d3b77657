//! Another codec, mqtt-protocol-core, written by others from the same standard: both write the same
//! bytes, and each reads what the other wrote. It has no MQTT 3.1.

mod properties;
mod v311;
mod v5;

use proptest::prelude::*;
use spica_mqtt_proto::*;

use crate::properties::encoded;
use crate::strategies::packets;

type Failed = Box<dyn std::error::Error>;

/// What the other reads from a packet of ours, written by it again.
fn read_and_written(bytes: &[u8], version: Version) -> Result<Vec<u8>, Failed> {
    let header = 1 + bytes[1..].iter().position(|byte| byte & 128 == 0).unwrap() + 1;
    let (first, body) = (bytes[0], &bytes[header..]);
    match version {
        Version::V5 => v5::read_and_written(first, body),
        _ => v311::read_and_written(first, body),
    }
}

fn differ(packet: Packet<'_>, side: Side, version: Version) -> Result<(), TestCaseError> {
    // The standard allows it in MQTT 5, the other does not.
    if let Packet::Connect(connect) = &packet
        && connect.password.is_some()
        && connect.user.is_none()
    {
        return Ok(());
    }
    let ours = encoded(&packet, version);
    let theirs = match version {
        Version::V5 => v5::written(&packet),
        _ => v311::written(&packet),
    };
    let theirs = theirs.map_err(|error| TestCaseError::fail(format!("{packet:?}: {error}")))?;
    prop_assert_eq!(&ours, &theirs, "{:?}", packet);
    let again = read_and_written(&ours, version);
    let again = again.map_err(|error| TestCaseError::fail(format!("{packet:?}: {error}")))?;
    prop_assert_eq!(&again, &ours, "{:?}", packet);
    let length = theirs.len();
    let read = decode(&theirs, side, version, &Limits::default());
    prop_assert_eq!(read, Ok(Decoded::Packet { packet, length }));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_server_and_another_codec_agree_on_mqtt_5(packet in packets(Side::Server, Version::V5)) {
        differ(packet, Side::Server, Version::V5)?;
    }

    #[test]
    fn a_client_and_another_codec_agree_on_mqtt_5(packet in packets(Side::Client, Version::V5)) {
        differ(packet, Side::Client, Version::V5)?;
    }

    #[test]
    fn a_server_and_another_codec_agree_on_mqtt_311(packet in packets(Side::Server, Version::V311)) {
        differ(packet, Side::Server, Version::V311)?;
    }

    #[test]
    fn a_client_and_another_codec_agree_on_mqtt_311(packet in packets(Side::Client, Version::V311)) {
        differ(packet, Side::Client, Version::V311)?;
    }
}
