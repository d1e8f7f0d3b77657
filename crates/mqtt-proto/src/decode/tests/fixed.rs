//! The fixed header, and what every packet has.

use super::*;

/// A first byte, with whom it goes to and a body that it may have in each version.
const KINDS: [(u8, Side, &[u8]); 14] = [
    (0x10, Side::Server, b"\0\x04MQTT\x04\x02\0\0\0\0"),
    (0x20, Side::Client, b"\0\0"),
    (0x40, Side::Server, b"\0\x01"),
    (0x50, Side::Server, b"\0\x01"),
    (0x62, Side::Server, b"\0\x01"),
    (0x70, Side::Server, b"\0\x01"),
    (0x82, Side::Server, b"\0\x01\0\x01a\x01"),
    (0x90, Side::Client, b"\0\x01\x01"),
    (0xA2, Side::Server, b"\0\x01\0\x01a"),
    (0xB0, Side::Client, b"\0\x01"),
    (0xC0, Side::Server, b""),
    (0xD0, Side::Client, b""),
    (0xE0, Side::Server, b""),
    (0x30, Side::Server, b"\0\x01a"),
];

#[test]
fn mqtt311_2_2_2_2_flags_that_a_packet_does_not_have_close_the_connection() {
    for (first, side, body) in KINDS.into_iter().filter(|(first, ..)| *first != 0x30) {
        assert!(
            at(side, V311, &packet(first, &[body])).is_ok(),
            "{first:#x}"
        );
        for flags in (0..16).filter(|flags| *flags != first & 15) {
            let first = first & 0xf0 | flags;
            // At once, before anything else has come.
            let bytes = [first];
            let refused = decode(&bytes, side, V311, &Limits::default());
            assert_eq!(refused.unwrap_err().reason, Reason::MalformedPacket);
        }
    }
}

#[test]
fn mqtt_2_1_3_1_flags_that_a_packet_does_not_have_are_malformed() {
    for kind in (1..16).filter(|kind| *kind != 3) {
        let expected = if matches!(kind, 6 | 8 | 10) { 2 } else { 0 };
        for flags in (0..16).filter(|flags| *flags != expected) {
            let bytes = [kind << 4 | flags];
            for side in [Side::Server, Side::Client] {
                let refused = decode(&bytes, side, V5, &Limits::default());
                assert_eq!(refused.unwrap_err().reason, Reason::MalformedPacket);
            }
        }
    }
}

#[test]
fn flags_without_a_meaning_are_not_looked_at_in_mqtt_31() {
    // PUBREL, SUBSCRIBE and UNSUBSCRIBE may be sent again, with DUP.
    for (first, body) in [
        (0x6A, &b"\0\x01"[..]),
        (0x8A, b"\0\x01\0\x01a\0"),
        (0xAA, b"\0\x01\0\x01a"),
    ] {
        read(V31, &packet(first, &[body]));
    }
    read(V31, &[0xC1, 0]);
    assert_eq!(
        refused(V31, &packet(0x84, &[b"\0\x01\0\x01a\0"])),
        Reason::MalformedPacket
    );
}

#[test]
fn a_side_is_not_sent_what_only_it_sends() {
    for (first, side, body) in KINDS {
        let bytes = packet(first, &[body]);
        let other = match side {
            Side::Server => Side::Client,
            Side::Client => Side::Server,
        };
        // Messages and their acknowledgements go both ways.
        let both = matches!(first >> 4, 3..=7);
        match at(other, V311, &bytes) {
            Ok(_) => assert!(both, "{first:#x}"),
            Err(error) => assert!(error.reason == Reason::ProtocolError && !both),
        }
    }
    assert!(
        at(Side::Client, V5, &[0xE0, 0]).is_ok(),
        "a server of MQTT 5 says DISCONNECT"
    );
}

#[test]
fn there_is_no_packet_of_type_0_and_of_type_15_in_mqtt_5_only() {
    for version in Version::ALL {
        assert_eq!(refused(version, &[0, 0]), Reason::MalformedPacket);
    }
    for version in [V31, V311] {
        assert_eq!(refused(version, &[0xF0, 0]), Reason::MalformedPacket);
        assert_eq!(
            refused_by_client(version, &[0xF0, 0]),
            Reason::MalformedPacket
        );
    }
    assert!(at(Side::Client, V5, &[0xF0, 0]).is_ok());
}

#[test]
fn a_remaining_length_has_four_bytes_at_most() {
    let limits = Limits::default();
    let bytes = [0x30, 0xff, 0xff, 0xff, 0xff];
    let incomplete = decode(&bytes[..4], Side::Server, V5, &limits).unwrap();
    assert_eq!(incomplete, Decoded::Incomplete { at_least: 5 });
    assert_eq!(refused(V5, &bytes), Reason::MalformedPacket);
}

#[test]
fn mqtt_1_5_5_1_lengths_are_as_short_as_can_be() {
    // A PINGREQ whose length of 0 takes two bytes: before MQTT 5 nothing forbids it.
    let long = [0xC0, 0x80, 0];
    assert_eq!(read(V311, &long), Packet::PingReq);
    assert_eq!(refused(V5, &long), Reason::MalformedPacket);
    // The same of a property section, and of a subscription identifier.
    let body = [&b"\0\x01"[..], b"\x80\0", b"\0\x01a\0"];
    assert_eq!(refused(V5, &packet(0x82, &body)), Reason::MalformedPacket);
    let body = [&b"\0\x01"[..], b"\x03\x0B\x81\0", b"\0\x01a\0"];
    assert_eq!(refused(V5, &packet(0x82, &body)), Reason::MalformedPacket);
}

#[test]
fn a_packet_beyond_the_limit_is_refused_before_its_body_is_there() {
    let limits = Limits {
        packet_bytes: 100,
        connect_bytes: 50,
        ..Limits::default()
    };
    let at = |bytes: &'static [u8]| decode(bytes, Side::Server, V5, &limits);
    assert_eq!(
        at(&[0x30, 98]).unwrap(),
        Decoded::Incomplete { at_least: 100 }
    );
    assert_eq!(at(&[0x30, 99]).unwrap_err().reason, Reason::PacketTooLarge);
    // Of who is not known yet less is taken.
    assert_eq!(
        at(&[0x10, 48]).unwrap(),
        Decoded::Incomplete { at_least: 50 }
    );
    assert_eq!(at(&[0x10, 49]).unwrap_err().reason, Reason::PacketTooLarge);
}

#[test]
fn mqtt_2_2_1_3_a_packet_id_is_not_zero() {
    let zero: &[u8] = b"\0\0";
    for first in [0x40, 0x50, 0x62, 0x70] {
        assert_eq!(refused(V5, &packet(first, &[zero])), Reason::ProtocolError);
    }
    let subscribe = packet(0x82, &[zero, b"\0", &long("a"), b"\0"]);
    assert_eq!(refused(V5, &subscribe), Reason::ProtocolError);
    let unsubscribe = packet(0xA2, &[zero, b"\0", &long("a")]);
    assert_eq!(refused(V5, &unsubscribe), Reason::ProtocolError);
    for first in [0x32, 0x34] {
        let publish = packet(first, &[&long("a"), zero, b"\0"]);
        assert_eq!(refused(V5, &publish), Reason::ProtocolError);
    }
}

#[test]
fn mqtt311_2_3_1_1_a_packet_id_is_not_zero() {
    for bytes in [
        packet(0x32, &[&long("a"), b"\0\0"]),
        packet(0x82, &[b"\0\0", &long("a"), b"\0"]),
        packet(0xA2, &[b"\0\0", &long("a")]),
    ] {
        assert_eq!(refused(V311, &bytes), Reason::ProtocolError);
    }
}

#[test]
fn nothing_follows_the_end_of_a_packet() {
    for version in Version::ALL {
        for first in [0xC0, 0xD0] {
            let side = if first == 0xC0 {
                Side::Server
            } else {
                Side::Client
            };
            let refused = at(side, version, &[first, 1, 0]).unwrap_err();
            assert_eq!(refused.reason, Reason::MalformedPacket);
        }
    }
    let more = [&b"\0\x01"[..], b"\0"];
    for first in [0x40, 0x50, 0x62, 0x70] {
        assert_eq!(
            refused(V311, &packet(first, &more)),
            Reason::MalformedPacket
        );
    }
    assert_eq!(refused(V311, &[0xE0, 1, 0]), Reason::MalformedPacket);
    assert_eq!(
        refused_by_client(V311, &packet(0xB0, &more)),
        Reason::MalformedPacket
    );
    assert_eq!(
        refused_by_client(V311, &[0x20, 3, 0, 0, 0]),
        Reason::MalformedPacket
    );
}

#[test]
fn nothing_ends_before_its_fields_do() {
    for (first, side, body) in KINDS {
        for end in 0..body.len() {
            // A DISCONNECT, ping or UNSUBACK that ends early is not made by this.
            let cut = packet(first, &[&body[..end]]);
            let read = at(side, V311, &cut);
            assert!(read.is_err(), "{first:#x} of {end} bytes: {read:?}");
        }
    }
}

#[test]
fn an_error_tells_what_and_in_which_version_to_answer() {
    let error = at(Side::Server, V311, &[0xC0, 1, 0]).unwrap_err();
    assert_eq!(error.version, V311);
    assert_eq!(
        error.to_string(),
        "bytes after the end of what the packet holds (malformed packet)"
    );
    // Nobody knows before CONNECT what its sender speaks: it is answered in its own version.
    let connect = packet(0x10, &[&long("MQTT"), b"\x05\x01\0\0\0\0\0"]);
    let error = at(Side::Server, V311, &connect).unwrap_err();
    assert_eq!((error.version, error.reason), (V5, Reason::MalformedPacket));
}
