//! PUBLISH and its acknowledgements.

use super::*;
use crate::QoS;

#[track_caller]
fn read_publish(version: Version, bytes: &[u8]) -> crate::Publish<'_> {
    match read(version, bytes) {
        Packet::Publish(publish) => publish,
        other => panic!("{other:?}"),
    }
}

/// A PUBLISH of MQTT 5, QoS 0, with these properties.
fn with(topic: &str, properties: &[u8]) -> Vec<u8> {
    let count = [u8::try_from(properties.len()).unwrap()];
    packet(0x30, &[&long(topic), &count, properties])
}

#[test]
fn mqtt_3_3_1_2_dup_is_0_with_qos_0() {
    for (version, properties) in [(V311, &b""[..]), (V5, b"\0")] {
        let bytes = packet(0x38, &[&long("a"), properties]);
        assert_eq!(refused(version, &bytes), Reason::MalformedPacket);
        let bytes = packet(0x3A, &[&long("a"), b"\0\x01", properties]);
        assert!(read_publish(version, &bytes).dup);
    }
    assert!(
        !read_publish(V31, &packet(0x38, &[&long("a")])).dup,
        "it means nothing"
    );
}

#[test]
fn mqtt_3_3_1_4_there_is_no_qos_3() {
    for version in Version::ALL {
        let bytes = packet(0x36, &[&long("a"), b"\0\x01\0"]);
        assert_eq!(refused(version, &bytes), Reason::MalformedPacket);
    }
}

#[test]
fn mqtt_2_2_1_2_a_packet_id_comes_with_qos_1_and_2_only() {
    let bytes = packet(0x30, &[&long("a"), b"\0\x01"]);
    let publish = read_publish(V311, &bytes);
    assert_eq!((publish.packet_id, publish.payload), (None, &b"\0\x01"[..]));
    for (first, qos) in [(0x33, QoS::AtLeastOnce), (0x35, QoS::ExactlyOnce)] {
        let bytes = packet(first, &[&long("a"), b"\x01\x02"]);
        let publish = read_publish(V311, &bytes);
        assert_eq!((publish.qos, publish.retain), (qos, true));
        assert_eq!(publish.packet_id.map(u16::from), Some(0x102));
        let bytes = packet(first, &[&long("a")]);
        assert_eq!(refused(V311, &bytes), Reason::MalformedPacket);
    }
}

#[test]
fn mqtt_3_3_2_1_a_topic_is_there() {
    for version in Version::ALL {
        assert_eq!(
            refused(version, &packet(0x30, &[])),
            Reason::MalformedPacket
        );
        assert_eq!(
            refused(version, &packet(0x30, &[b"\0\x02a"])),
            Reason::MalformedPacket
        );
    }
}

#[test]
fn mqtt_3_3_2_2_a_topic_has_no_wildcard() {
    for topic in ["#", "+", "a/#", "a/+/b", "a+b", "a#"] {
        assert_eq!(
            refused(V311, &packet(0x30, &[&long(topic)])),
            Reason::TopicNameInvalid
        );
        assert_eq!(refused(V5, &with(topic, b"")), Reason::TopicNameInvalid);
    }
}

#[test]
fn mqtt_4_7_3_1_a_topic_has_a_character_or_an_alias() {
    for version in [V31, V311] {
        assert_eq!(
            refused(version, &packet(0x30, &[b"\0\0"])),
            Reason::ProtocolError
        );
    }
    assert_eq!(refused(V5, &with("", b"")), Reason::ProtocolError);
    let bytes = with("", b"\x23\0\x07");
    assert_eq!(read_publish(V5, &bytes).properties.alias, Some(7));
}

#[test]
fn mqtt_3_3_2_8_a_topic_alias_is_not_0() {
    assert_eq!(
        refused(V5, &with("a", b"\x23\0\0")),
        Reason::TopicAliasInvalid
    );
}

#[test]
fn mqtt_3_3_2_13_a_response_topic_is_utf8() {
    assert_eq!(
        refused(V5, &with("a", b"\x08\0\x01\xff")),
        Reason::MalformedPacket
    );
}

#[test]
fn mqtt_3_3_2_14_a_response_topic_has_no_wildcard() {
    for topic in ["#", "a/+", ""] {
        let property = [&b"\x08"[..], &long(topic)].concat();
        assert_eq!(refused(V5, &with("a", &property)), Reason::TopicNameInvalid);
    }
}

#[test]
fn mqtt_3_3_2_19_a_content_type_is_utf8() {
    assert_eq!(
        refused(V5, &with("a", b"\x03\0\x01\xff")),
        Reason::MalformedPacket
    );
}

#[test]
fn mqtt_3_3_4_6_a_client_gives_no_subscription_identifier() {
    let bytes = with("a", b"\x0B\x01\x0B\xff\x01");
    assert_eq!(refused(V5, &bytes), Reason::ProtocolError);
    let Ok(Packet::Publish(publish)) = at(Side::Client, V5, &bytes) else {
        panic!("refused");
    };
    let ids: Vec<_> = publish.properties.subscription_ids.iter().collect();
    assert_eq!(ids, [1, 255]);
    assert_eq!(
        refused_by_client(V5, &with("a", b"\x0B\0")),
        Reason::ProtocolError
    );
}

#[test]
fn a_payload_is_what_is_left_and_may_be_empty() {
    let bytes = packet(0x31, &[&long("a")]);
    assert_eq!(read_publish(V311, &bytes).payload, b"");
    let bytes = packet(0x30, &[&long("a"), b"\x02\x01\x01", b"\xff\0"]);
    let publish = read_publish(V5, &bytes);
    assert_eq!(publish.payload, b"\xff\0");
    assert_eq!(publish.properties.payload_is_utf8, Some(true));
}

#[test]
fn mqtt_3_6_1_1_pubrel_has_the_flags_2() {
    for flags in (0..16).filter(|flags| *flags != 2) {
        let bytes = packet(0x60 | flags, &[b"\0\x01"]);
        assert_eq!(refused(V311, &bytes), Reason::MalformedPacket);
        assert_eq!(refused(V5, &bytes), Reason::MalformedPacket);
    }
}

/// By the first byte, which codes are taken of those that there are.
#[track_caller]
fn taken(first: u8) -> Vec<u8> {
    let takes = |code: &u8| at(Side::Server, V5, &[first, 3, 0, 1, *code]).is_ok();
    (0..=255).filter(takes).collect()
}

#[test]
fn mqtt_3_4_2_1_and_3_5_2_1_puback_and_pubrec_give_a_reason_of_their_own() {
    let codes = [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
    assert_eq!(taken(0x40), codes);
    assert_eq!(taken(0x50), codes);
}

#[test]
fn mqtt_3_6_2_1_and_3_7_2_1_pubrel_and_pubcomp_give_a_reason_of_their_own() {
    assert_eq!(taken(0x62), [0, 0x92]);
    assert_eq!(taken(0x70), [0, 0x92]);
}

#[test]
fn an_acknowledgement_may_end_after_its_id_or_its_reason() {
    for bytes in [
        &b"\x40\x02\0\x01"[..],
        b"\x40\x03\0\x01\0",
        b"\x40\x04\0\x01\0\0",
    ] {
        let Packet::PubAck(ack) = read(V5, bytes) else {
            panic!("another packet");
        };
        assert_eq!((ack.packet_id.get(), ack.reason), (1, Reason::Success));
    }
    let text = b"\x40\x09\0\x01\x87\x05\x1F\0\x02no";
    let Packet::PubAck(ack) = read(V5, text) else {
        panic!("another packet");
    };
    assert_eq!(ack.properties.reason_text, Some("no"));
}
