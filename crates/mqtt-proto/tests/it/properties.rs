//! What holds for every packet.

use proptest::prelude::*;
use proptest::sample::select;
use spica_mqtt_proto::*;

use crate::strategies::{filter, packets, topic};

/// Who reads, in which version, and what.
pub(crate) fn any_packet() -> impl Strategy<Value = (Side, Version, Packet<'static>)> {
    let side = select(&[Side::Server, Side::Client][..]);
    (side, select(&Version::ALL[..])).prop_flat_map(|(side, version)| {
        packets(side, version).prop_map(move |packet| (side, version, packet))
    })
}

pub(crate) fn encoded(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(version, &mut bytes).unwrap();
    bytes
}

fn decoded(bytes: &[u8], side: Side, version: Version) -> Result<Decoded<'_>, DecodeError> {
    decode(bytes, side, version, &Limits::default())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_is_written_is_read_again((side, version, packet) in any_packet(), before: u8) {
        let mut bytes = vec![before];
        packet.encode(version, &mut bytes).unwrap();
        let length = bytes.len() - 1;
        prop_assert_eq!(packet.encoded_len(version), Ok(length));
        bytes.extend([0xff; 3]);
        let read = decoded(&bytes[1..], side, version);
        prop_assert_eq!(read, Ok(Decoded::Packet { packet, length }));
    }

    #[test]
    fn each_beginning_of_a_packet_is_incomplete((side, version, packet) in any_packet()) {
        let bytes = encoded(&packet, version);
        for end in 0..bytes.len() {
            match decoded(&bytes[..end], side, version) {
                Ok(Decoded::Incomplete { at_least }) => {
                    prop_assert!(end < at_least && at_least <= bytes.len());
                }
                other => prop_assert!(false, "{} bytes: {:?}", end, other),
            }
        }
    }

    #[test]
    fn a_packet_beyond_the_limit_is_refused_from_its_fixed_header_on(
        (side, version, packet) in any_packet(),
    ) {
        let bytes = encoded(&packet, version);
        let header = 1 + bytes[1..].iter().position(|byte| byte & 128 == 0).unwrap() + 1;
        let exact = u32::try_from(bytes.len()).unwrap();
        let limits = Limits { packet_bytes: exact, ..Limits::default() };
        prop_assert!(decode(&bytes, side, version, &limits).is_ok());
        let limits = Limits { packet_bytes: exact - 1, ..Limits::default() };
        let refused = decode(&bytes[..header], side, version, &limits);
        prop_assert_eq!(refused.unwrap_err().reason, Reason::PacketTooLarge);
    }

    /// What is damaged is refused, or is another packet that can be written and read again.
    #[test]
    fn what_is_read_can_be_written(
        (side, version, packet) in any_packet(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..3),
    ) {
        let mut bytes = encoded(&packet, version);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(Decoded::Packet { packet, .. }) = decoded(&bytes, side, version) {
            let again = encoded(&packet, version);
            let length = again.len();
            let read = decoded(&again, side, version);
            prop_assert_eq!(read, Ok(Decoded::Packet { packet, length }));
        }
    }

    #[test]
    fn what_fits_is_written_within_the_limit(
        (side, version, packet) in any_packet(),
        limit in 0_u32..80,
    ) {
        let mut bytes = Vec::new();
        let whole = packet.encoded_len(version).unwrap();
        let least = packet.without_details().encoded_len(version).unwrap();
        match packet.encode_within(version, limit, &mut bytes) {
            Ok(()) => {
                prop_assert!(bytes.len() <= limit as usize);
                if whole <= limit as usize {
                    prop_assert_eq!(&bytes, &encoded(&packet, version));
                }
                let read = decoded(&bytes, side, version);
                let is_packet = matches!(read, Ok(Decoded::Packet { .. }));
                prop_assert!(is_packet);
            }
            Err(error) => {
                let limit = limit as usize;
                prop_assert_eq!(error, EncodeError::TooLarge { bytes: whole, limit });
                prop_assert!(least > limit && bytes.is_empty());
            }
        }
    }

    #[test]
    fn a_stamped_encoding_is_that_of_the_other_packet_id(
        (_, version, packet) in any_packet(),
        dup: bool,
        id: PacketId,
    ) {
        let Packet::Publish(mut publish) = packet else { return Ok(()) };
        let mut shared = Vec::new();
        let stamp = encode_publish(&publish, version, &mut shared).unwrap();
        prop_assert_eq!(publish.encoded_len(version), Ok(shared.len()));
        let mut head = Vec::new();
        prop_assert_eq!(encode_publish_head(&publish, version, &mut head).unwrap(), stamp);
        stamp.apply(&mut shared, dup, id);
        stamp.apply(&mut head, dup, id);
        if publish.qos != QoS::AtMostOnce {
            (publish.dup, publish.packet_id) = (dup, Some(id));
        }
        let expected = encoded(&Packet::Publish(publish), version);
        prop_assert_eq!(&shared, &expected);
        head.extend_from_slice(publish.payload);
        prop_assert_eq!(&head, &expected);
    }

    #[test]
    fn topics_and_filters_that_are_generated_are_well_formed(topic in topic(), filter in filter()) {
        prop_assert_eq!(check_topic_name(topic), Ok(()));
        prop_assert_eq!(check_filter(topic), Ok(()));
        prop_assert_eq!(check_filter(filter), Ok(()));
    }
}
