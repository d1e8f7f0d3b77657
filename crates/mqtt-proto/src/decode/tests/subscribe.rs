//! SUBSCRIBE, UNSUBSCRIBE and their answers.

use super::*;
use crate::{QoS, RetainHandling, SubscribeOptions};

/// A SUBSCRIBE of a version to this filter, with this byte of options.
fn subscribe(version: Version, filter: &str, options: u8) -> Vec<u8> {
    let properties: &[u8] = if version.is_v5() { b"\0" } else { b"" };
    packet(0x82, &[b"\0\x01", properties, &long(filter), &[options]])
}

fn options_of(version: Version, bytes: &[u8]) -> SubscribeOptions {
    match read(version, bytes) {
        Packet::Subscribe(subscribe) => subscribe.filters.iter().next().unwrap().1,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mqtt_3_8_1_1_and_3_10_1_1_subscribe_and_unsubscribe_have_the_flags_2() {
    for kind in [0x80, 0xA0] {
        for flags in (0..16).filter(|flags| *flags != 2) {
            for version in [V311, V5] {
                let bytes = [kind | flags];
                let refused = decode(&bytes, Side::Server, version, &Limits::default());
                assert_eq!(refused.unwrap_err().reason, Reason::MalformedPacket);
            }
        }
    }
}

#[test]
fn mqtt_3_8_3_2_and_3_10_3_2_a_request_has_a_filter() {
    for first in [0x82, 0xA2] {
        for version in [V31, V311] {
            assert_eq!(
                refused(version, &packet(first, &[b"\0\x01"])),
                Reason::ProtocolError
            );
        }
        assert_eq!(
            refused(V5, &packet(first, &[b"\0\x01\0"])),
            Reason::ProtocolError
        );
    }
}

#[test]
fn mqtt311_3_8_3_4_reserved_bits_of_the_requested_qos_are_not_set() {
    for byte in 3..=255 {
        assert_eq!(
            refused(V311, &subscribe(V311, "a", byte)),
            Reason::MalformedPacket
        );
    }
    // In MQTT 3.1 they are not used.
    let bytes = subscribe(V31, "a", 0xFD);
    let expected = SubscribeOptions {
        qos: QoS::AtLeastOnce,
        ..SubscribeOptions::default()
    };
    assert_eq!(options_of(V31, &bytes), expected);
    assert_eq!(
        refused(V31, &subscribe(V31, "a", 3)),
        Reason::MalformedPacket
    );
}

#[test]
fn mqtt_3_8_3_5_reserved_bits_of_the_options_are_not_set() {
    for byte in 0..=255_u8 {
        let bytes = subscribe(V5, "a", byte);
        let is_right = byte & 3 < 3 && byte >> 4 & 3 < 3 && byte < 64;
        if is_right {
            assert_eq!(options_of(V5, &bytes).byte(), byte);
        } else {
            assert_eq!(refused(V5, &bytes), Reason::MalformedPacket);
        }
    }
    let expected = SubscribeOptions {
        qos: QoS::ExactlyOnce,
        no_local: true,
        retain_as_published: false,
        retain_handling: RetainHandling::SendIfNew,
    };
    assert_eq!(options_of(V5, &subscribe(V5, "a", 0x16)), expected);
}

#[test]
fn mqtt_3_8_3_4_a_shared_subscription_has_no_no_local() {
    assert_eq!(
        refused(V5, &subscribe(V5, "$share/g/a", 4)),
        Reason::ProtocolError
    );
    assert!(options_of(V5, &subscribe(V5, "$sharex/g/a", 4)).no_local);
}

#[test]
fn mqtt_4_7_1_1_and_4_7_1_2_a_filter_is_well_formed() {
    for filter in ["a#", "#/a", "a/#/b", "a+", "+a", "a/b+/c", ""] {
        for version in Version::ALL {
            let bytes = subscribe(version, filter, 0);
            assert_eq!(
                refused(version, &bytes),
                Reason::TopicFilterInvalid,
                "{filter}"
            );
        }
        let bytes = packet(0xA2, &[b"\0\x01", &long(filter)]);
        assert_eq!(
            refused(V311, &bytes),
            Reason::TopicFilterInvalid,
            "{filter}"
        );
    }
}

#[test]
fn mqtt_4_8_2_1_and_4_8_2_2_a_group_has_a_proper_name() {
    for filter in [
        "$share//a",
        "$share/g",
        "$share/g/",
        "$share/+/a",
        "$share/g#/a",
        "$share/",
    ] {
        let bytes = subscribe(V5, filter, 0);
        assert_eq!(refused(V5, &bytes), Reason::TopicFilterInvalid, "{filter}");
    }
}

#[test]
fn a_subscription_identifier_stands_once_and_is_not_0() {
    let with = |properties: &[u8]| {
        let count = [u8::try_from(properties.len()).unwrap()];
        packet(0x82, &[b"\0\x01", &count, properties, &long("a"), b"\0"])
    };
    assert!(at(Side::Server, V5, &with(b"\x0B\x01")).is_ok());
    assert!(at(Side::Server, V5, &with(b"\x0B\xff\xff\xff\x7f")).is_ok());
    assert_eq!(refused(V5, &with(b"\x0B\0")), Reason::ProtocolError);
    assert_eq!(
        refused(V5, &with(b"\x0B\x01\x0B\x01")),
        Reason::ProtocolError
    );
    let unsubscribe = packet(0xA2, &[b"\0\x01\x02\x0B\x01", &long("a")]);
    assert_eq!(refused(V5, &unsubscribe), Reason::MalformedPacket);
}

#[test]
fn filters_beyond_the_limit_are_refused() {
    let limits = Limits {
        filters: 2,
        ..Limits::default()
    };
    for (first, entry) in [(0x82, &b"\0\x01a\0"[..]), (0xA2, b"\0\x01a")] {
        let outcome = |count| {
            let bytes = packet(first, &[b"\0\x01", &entry.repeat(count)]);
            let outcome = decode(&bytes, Side::Server, V311, &limits);
            outcome.map(drop).map_err(|error| error.reason)
        };
        assert_eq!(outcome(2), Ok(()));
        assert_eq!(outcome(3), Err(Reason::QuotaExceeded));
    }
}

/// Which codes an answer to one filter may give, read by a client.
fn taken(version: Version, first: u8, properties: &[u8]) -> Vec<u8> {
    let takes = |code: &u8| {
        let bytes = packet(first, &[b"\0\x01", properties, &[*code]]);
        at(Side::Client, version, &bytes).is_ok()
    };
    (0..=255).filter(takes).collect()
}

#[test]
fn mqtt_3_9_3_2_suback_gives_reasons_of_its_own() {
    let codes = [
        0, 1, 2, 0x80, 0x83, 0x87, 0x8F, 0x91, 0x97, 0x9E, 0xA1, 0xA2,
    ];
    assert_eq!(taken(V5, 0x90, b"\0"), codes);
}

#[test]
fn mqtt311_3_9_3_2_suback_gives_return_codes_of_its_own() {
    for version in [V31, V311] {
        assert_eq!(taken(version, 0x90, b""), [0, 1, 2, 0x80]);
    }
}

#[test]
fn mqtt_3_11_3_2_unsuback_gives_reasons_of_its_own() {
    let codes = [0, 0x11, 0x80, 0x83, 0x87, 0x8F, 0x91];
    assert_eq!(taken(V5, 0xB0, b"\0"), codes);
}

#[test]
fn an_answer_has_a_reason() {
    assert_eq!(
        refused_by_client(V311, &packet(0x90, &[b"\0\x01"])),
        Reason::ProtocolError
    );
    for first in [0x90, 0xB0] {
        let bytes = packet(first, &[b"\0\x01\0"]);
        assert_eq!(refused_by_client(V5, &bytes), Reason::ProtocolError);
    }
}

#[test]
fn mqtt_3_9_3_1_reasons_are_in_the_order_of_the_filters() {
    let bytes = packet(0x90, &[b"\0\x01\0", b"\x02\x87\0"]);
    let Ok(Packet::SubAck(suback)) = at(Side::Client, V5, &bytes) else {
        panic!("refused");
    };
    let reasons = [Reason::GrantedQos2, Reason::NotAuthorized, Reason::Success];
    assert_eq!(suback.reasons, crate::ReasonCodes::of(&reasons));
}
