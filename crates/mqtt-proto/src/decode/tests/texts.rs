//! Texts, and properties in general.

use super::*;

/// A PUBLISH with this topic.
fn of_topic(topic: impl AsRef<[u8]>) -> Vec<u8> {
    packet(0x30, &[&long(topic)])
}

/// A PUBLISH of MQTT 5 with these properties.
fn with(properties: &[u8]) -> Vec<u8> {
    let count = u8::try_from(properties.len()).unwrap();
    packet(0x30, &[&long("a"), &[count], properties, b"payload"])
}

/// Each text that a client can send, with something that is none of UTF-8's in it.
fn each_text(wrong: &[u8]) -> Vec<Vec<u8>> {
    let wrong = long(wrong);
    let good = long("a");
    let will = |topic: &[u8]| packet(0x10, &[&long("MQTT"), b"\x04\x06\0\0", &good, topic, &good]);
    vec![
        packet(0x30, &[&wrong]),
        packet(0x10, &[&long("MQTT"), b"\x04\x02\0\0", &wrong]),
        will(&wrong),
        packet(0x10, &[&long("MQTT"), b"\x04\x82\0\0", &good, &wrong]),
        packet(0x82, &[b"\0\x01", &wrong, b"\0"]),
        packet(0xA2, &[b"\0\x01", &wrong]),
    ]
}

#[test]
fn mqtt_1_5_4_1_ill_formed_utf8_is_malformed_surrogates_too() {
    // A stray byte, an unfinished character, a surrogate, a form that is too long, beyond U+10FFFF.
    let wrong: [&[u8]; 5] = [
        b"a\xff",
        b"a\xe2\x82",
        b"\xed\xa0\x80",
        b"\xc0\x80",
        b"\xf4\x90\x80\x80",
    ];
    for wrong in wrong {
        for bytes in each_text(wrong) {
            assert_eq!(refused(V311, &bytes), Reason::MalformedPacket, "{bytes:?}");
        }
    }
}

#[test]
fn mqtt_1_5_4_2_a_text_has_no_u0000() {
    for bytes in each_text(b"a\0b") {
        assert_eq!(refused(V311, &bytes), Reason::MalformedPacket, "{bytes:?}");
    }
    assert_eq!(
        refused(V5, &with(b"\x26\0\x01a\0\x01\0")),
        Reason::MalformedPacket
    );
}

#[test]
fn mqtt_1_5_4_3_a_byte_order_mark_is_a_character_like_others() {
    let bytes = of_topic("\u{feff}a");
    let Packet::Publish(publish) = read(V311, &bytes) else {
        panic!("another packet");
    };
    assert_eq!(publish.topic, "\u{feff}a");
}

#[test]
fn mqtt_1_5_7_1_both_texts_of_a_pair_are_utf8() {
    assert!(at(Side::Server, V5, &with(b"\x26\0\x01a\0\x01b")).is_ok());
    for pair in [b"\x26\0\x01\xff\0\x01b", b"\x26\0\x01a\0\x01\xff"] {
        assert_eq!(refused(V5, &with(pair)), Reason::MalformedPacket);
    }
}

#[test]
fn a_property_that_does_not_belong_there_is_malformed() {
    // One that there is not, and one of CONNECT.
    for wrong in [&b"\x04\0"[..], b"\x7f\0", b"\x21\0\x01", b"\x80\x01\0"] {
        assert_eq!(
            refused(V5, &with(wrong)),
            Reason::MalformedPacket,
            "{wrong:?}"
        );
    }
    let answer = packet(0x40, &[b"\0\x01\0\x02\x01\x01"]);
    assert_eq!(refused(V5, &answer), Reason::MalformedPacket);
}

#[test]
fn a_property_stands_once_but_for_user_properties() {
    let once: [&[u8]; 6] = [
        b"\x01\x01",
        b"\x02\0\0\0\x01",
        b"\x03\0\x01a",
        b"\x08\0\x01a",
        b"\x09\0\x01a",
        b"\x23\0\x01",
    ];
    for once in once {
        assert!(at(Side::Server, V5, &with(once)).is_ok());
        let twice = with(&[once, b"\x26\0\0\0\0", once].concat());
        assert_eq!(refused(V5, &twice), Reason::ProtocolError);
    }
    let pair = b"\x26\0\x01a\0\x01b";
    let pairs = with(&[&pair[..], b"\x01\x01", pair].concat());
    let Packet::Publish(publish) = read(V5, &pairs) else {
        panic!("another packet");
    };
    let user = publish.properties.user;
    assert_eq!(user.iter().collect::<Vec<_>>(), [("a", "b"), ("a", "b")]);
    assert_eq!((user.get("a"), user.get("b")), (Some("b"), None));
    assert_eq!(format!("{user:?}"), r#"[("a", "b"), ("a", "b")]"#);
}

#[test]
fn a_flag_property_is_0_or_1() {
    assert_eq!(refused(V5, &with(b"\x01\x02")), Reason::ProtocolError);
}

#[test]
fn a_section_ends_where_its_length_says() {
    // Longer than the packet, and within a property.
    let beyond = packet(0x30, &[&long("a"), b"\x09\x01\x01"]);
    assert_eq!(refused(V5, &beyond), Reason::MalformedPacket);
    let within = packet(0x30, &[&long("a"), b"\x01\x01\x01"]);
    assert_eq!(refused(V5, &within), Reason::MalformedPacket);
    let none = packet(0x30, &[&long("a")]);
    assert_eq!(refused(V5, &none), Reason::MalformedPacket);
}

#[test]
fn user_properties_beyond_the_limit_are_refused() {
    let limits = Limits {
        user_properties: 2,
        ..Limits::default()
    };
    let pair: &[u8] = b"\x26\0\x01a\0\x01b";
    let two = with(&pair.repeat(2));
    assert!(decode(&two, Side::Server, V5, &limits).is_ok());
    let three = with(&pair.repeat(3));
    let error = decode(&three, Side::Server, V5, &limits).unwrap_err();
    assert_eq!(error.reason, Reason::QuotaExceeded);
}

#[test]
fn topics_beyond_the_limits_are_refused() {
    let limits = Limits {
        topic_bytes: 9,
        topic_levels: 3,
        ..Limits::default()
    };
    let outcome = |bytes: &[u8]| {
        let outcome = decode(bytes, Side::Server, V311, &limits);
        outcome.map(drop).map_err(|error| error.reason)
    };
    let invalid = Err(Reason::TopicNameInvalid);
    for (topic, expected) in [
        ("123456789", Ok(())),
        ("1234567890", invalid),
        ("1/2/3", Ok(())),
        ("1/2/3/4", invalid),
        ("///", invalid),
    ] {
        assert_eq!(outcome(&of_topic(topic)), expected, "{topic}");
        let filter = packet(0xA2, &[b"\0\x01", &long(topic)]);
        let expected = expected.map_err(|_| Reason::TopicFilterInvalid);
        assert_eq!(outcome(&filter), expected, "{topic}");
        let will = [&long("a"), &long(topic), &long("")]
            .map(Vec::as_slice)
            .concat();
        let connect = packet(0x10, &[&long("MQTT"), b"\x04\x06\0\0", &will]);
        let expected = expected.map_err(|_| Reason::TopicNameInvalid);
        assert_eq!(outcome(&connect), expected, "{topic}");
    }
}
