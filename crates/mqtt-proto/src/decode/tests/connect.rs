//! CONNECT, CONNACK, DISCONNECT, AUTH.

use super::*;
use crate::{QoS, Sensitive};

/// A CONNECT of a version with these flags, and what stands after the keep-alive.
fn connect(version: Version, flags: u8, rest: &[&[u8]]) -> Vec<u8> {
    let name = long(version.protocol_name());
    let properties: &[u8] = if version.is_v5() { b"\0" } else { b"" };
    let rest = rest.concat();
    packet(
        0x10,
        &[&name, &[version as u8, flags], b"\0\x3c", properties, &rest],
    )
}

/// A CONNECT of MQTT 5 with these properties.
fn with(properties: &[u8]) -> Vec<u8> {
    let count = [u8::try_from(properties.len()).unwrap()];
    packet(
        0x10,
        &[
            &long("MQTT"),
            b"\x05\x02\0\0",
            &count,
            properties,
            &long("a"),
        ],
    )
}

#[track_caller]
fn read_connect(bytes: &[u8]) -> crate::Connect<'_> {
    // The version of the connection does not count yet.
    match read(V31, bytes) {
        Packet::Connect(connect) => connect,
        other => panic!("{other:?}"),
    }
}

#[test]
fn mqtt_3_1_2_1_another_protocol_name_is_refused() {
    for (name, level) in [
        ("mqtt", 4),
        ("MQTT", 3),
        ("MQIsdp", 4),
        ("MQIsdp", 5),
        ("", 4),
        ("MQTTX", 5),
    ] {
        let bytes = packet(0x10, &[&long(name), &[level, 2], b"\0\0", &long("a")]);
        assert_eq!(
            refused(V5, &bytes),
            Reason::UnsupportedProtocolVersion,
            "{name} {level}"
        );
    }
}

#[test]
fn mqtt_3_1_2_2_another_version_is_refused_in_words_that_it_may_know() {
    for (level, answer) in [
        (0, V31),
        (2, V31),
        (6, V5),
        (127, V5),
        (0x84, V311),
        (0x85, V5),
    ] {
        let bytes = packet(0x10, &[&long("MQTT"), &[level, 2], b"\0\0", &long("a")]);
        let error = at(Side::Server, V311, &bytes).unwrap_err();
        assert_eq!(error.reason, Reason::UnsupportedProtocolVersion);
        assert_eq!(error.version, answer, "{level}");
    }
}

#[test]
fn mqtt_3_1_2_3_the_reserved_flag_is_not_set() {
    for version in [V311, V5] {
        let bytes = connect(version, 3, &[&long("a")]);
        assert_eq!(refused(version, &bytes), Reason::MalformedPacket);
    }
    // MQTT 3.1 says that it is not used.
    read_connect(&connect(V31, 3, &[&long("a")]));
}

#[test]
fn mqtt_3_1_2_11_without_a_will_its_qos_is_0() {
    for version in [V311, V5] {
        for qos in [8, 16, 24] {
            let bytes = connect(version, 2 | qos, &[&long("a")]);
            assert_eq!(refused(version, &bytes), Reason::MalformedPacket);
        }
    }
}

#[test]
fn mqtt_3_1_2_12_a_will_has_no_qos_3() {
    let properties: [&[u8]; 3] = [b"", b"", b"\0"];
    for (version, properties) in Version::ALL.into_iter().zip(properties) {
        let rest = [&long("a")[..], properties, &long("t"), &long("m")];
        for (bits, qos) in [0, 8, 16].into_iter().zip(QoS::ALL) {
            let bytes = connect(version, 6 | bits, &rest);
            let will = read_connect(&bytes).will.unwrap();
            assert_eq!((will.qos, will.topic, will.payload), (qos, "t", &b"m"[..]));
        }
        let bytes = connect(version, 6 | 24, &rest);
        assert_eq!(refused(version, &bytes), Reason::MalformedPacket);
    }
}

#[test]
fn mqtt_3_1_2_13_without_a_will_it_is_not_retained() {
    for version in [V311, V5] {
        let bytes = connect(version, 2 | 32, &[&long("a")]);
        assert_eq!(refused(version, &bytes), Reason::MalformedPacket);
    }
}

#[test]
fn mqtt_3_1_2_9_with_a_will_its_topic_and_payload_are_there() {
    let topic_only = connect(V311, 6, &[&long("a"), &long("t")]);
    assert_eq!(refused(V311, &topic_only), Reason::MalformedPacket);
    for topic in ["", "a/#", "+"] {
        let bytes = connect(V311, 6, &[&long("a"), &long(topic), &long("m")]);
        assert_eq!(refused(V311, &bytes), Reason::TopicNameInvalid);
    }
}

#[test]
fn mqtt_3_1_2_16_to_19_flags_say_whether_user_name_and_password_follow() {
    let (id, user, password) = (&long("a")[..], &long("u")[..], &long("p")[..]);
    for version in [V311, V5] {
        let both = connect(version, 0xC2, &[id, user, password]);
        let both = read_connect(&both);
        assert_eq!(
            (both.user, both.password),
            (Some("u"), Some(Sensitive(b"p")))
        );
        // Said and not there; there and not said.
        for (flags, rest) in [
            (0x82, &[id][..]),
            (0xC2, &[id, user]),
            (0x02, &[id, user]),
            (0x82, &[id, user, password]),
        ] {
            let bytes = connect(version, flags, rest);
            assert_eq!(refused(version, &bytes), Reason::MalformedPacket);
        }
    }
}

#[test]
fn mqtt311_3_1_2_22_there_is_no_password_without_a_user_name() {
    let rest = [&long("a")[..], &long("p")];
    for version in [V31, V311] {
        let bytes = connect(version, 0x42, &rest);
        assert_eq!(refused(version, &bytes), Reason::MalformedPacket);
    }
    let bytes = connect(V5, 0x42, &rest);
    let connect = read_connect(&bytes);
    assert_eq!(
        (connect.user, connect.password),
        (None, Some(Sensitive(b"p")))
    );
}

#[test]
fn a_user_name_that_is_said_may_be_missing_in_mqtt_31() {
    let bytes = connect(V31, 0xC2, &[&long("a")]);
    let missing = read_connect(&bytes);
    assert_eq!((missing.user, missing.password), (None, None));
    let bytes = connect(V31, 0xC2, &[&long("a"), &long("u")]);
    let missing = read_connect(&bytes);
    assert_eq!((missing.user, missing.password), (Some("u"), None));
}

#[test]
fn a_password_is_not_shown() {
    let bytes = connect(V311, 0xC2, &[&long("a"), &long("u"), &long("sesame")]);
    let shown = format!("{:?}", read_connect(&bytes));
    assert!(
        !shown.contains("115") && shown.contains("(6 bytes)"),
        "{shown}"
    );
}

#[test]
fn mqtt_3_1_3_3_a_client_id_is_there() {
    for version in Version::ALL {
        let bytes = connect(version, 2, &[]);
        assert_eq!(refused(version, &bytes), Reason::MalformedPacket);
    }
}

#[test]
fn mqtt_3_1_3_6_a_client_id_may_be_empty() {
    for flags in [0, 2] {
        assert_eq!(
            read_connect(&connect(V5, flags, &[&long("")])).client_id,
            ""
        );
    }
}

#[test]
fn mqtt311_3_1_3_8_an_empty_client_id_without_a_clean_session_is_refused() {
    assert!(read_connect(&connect(V311, 2, &[&long("")])).clean_start);
    let bytes = connect(V311, 0, &[&long("")]);
    let reason = refused(V311, &bytes);
    assert_eq!(reason, Reason::ClientIdentifierNotValid);
    assert_eq!(reason.connack_v3(), Some(2));
}

#[test]
fn mqtt311_3_1_3_5_a_client_id_of_23_bytes_is_taken() {
    let id = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for version in Version::ALL {
        assert_eq!(
            read_connect(&connect(version, 2, &[&long(&id[..23])])).client_id,
            &id[..23]
        );
    }
    assert_eq!(read_connect(&connect(V311, 2, &[&long(id)])).client_id, id);
}

#[test]
fn client_ids_beyond_the_limits_are_refused() {
    let limits = Limits {
        client_id_bytes: 30,
        ..Limits::default()
    };
    let outcome = |version, bytes: usize, limits: &Limits| {
        let bytes = connect(version, 2, &[&long("x".repeat(bytes))]);
        let outcome = decode(&bytes, Side::Server, V5, limits);
        outcome.map(drop).map_err(|error| error.reason)
    };
    let not_valid = Err(Reason::ClientIdentifierNotValid);
    for (version, bytes) in [(V31, 23), (V311, 30), (V5, 30)] {
        assert_eq!(outcome(version, bytes, &limits), Ok(()));
        assert_eq!(outcome(version, bytes + 1, &limits), not_valid);
    }
    assert_eq!(outcome(V31, 0, &limits), not_valid);
    // Clients of MQTT 3.1 with longer ones exist: they may be let in.
    let lenient = Limits {
        client_id_bytes_v31: 100,
        ..limits
    };
    assert_eq!(outcome(V31, 100, &lenient), Ok(()));
}

#[test]
fn properties_of_connect_have_no_zero_that_says_nothing() {
    let zeros: [&[u8]; 4] = [b"\x21\0\0", b"\x27\0\0\0\0", b"\x17\x02", b"\x19\x02"];
    for zero in zeros {
        assert_eq!(refused(V5, &with(zero)), Reason::ProtocolError, "{zero:?}");
    }
    assert_eq!(
        refused(V5, &with(b"\x16\0\x01x")),
        Reason::ProtocolError,
        "no method"
    );
    read_connect(&with(b"\x16\0\x01x\x15\0\x01m"));
}

#[test]
fn mqtt_3_2_2_1_the_reserved_flags_of_connack_are_not_set() {
    for version in [V311, V5] {
        let refused = refused_by_client(version, b"\x20\x03\x02\0\0");
        assert_eq!(refused, Reason::MalformedPacket);
    }
    assert!(
        at(Side::Client, V31, b"\x20\x02\x02\0").is_ok(),
        "they mean nothing"
    );
}

#[test]
fn mqtt_3_2_2_6_a_refused_connection_has_no_session() {
    assert!(at(Side::Client, V5, b"\x20\x03\x01\0\0").is_ok());
    assert_eq!(
        refused_by_client(V5, b"\x20\x03\x01\x87\0"),
        Reason::ProtocolError
    );
    assert_eq!(
        refused_by_client(V311, b"\x20\x02\x01\x05"),
        Reason::ProtocolError
    );
}

#[test]
fn mqtt_3_2_2_8_connack_gives_a_reason_of_its_own() {
    assert_eq!(
        refused_by_client(V5, b"\x20\x03\0\x01\0"),
        Reason::MalformedPacket
    );
    assert_eq!(
        refused_by_client(V311, b"\x20\x02\0\x06"),
        Reason::MalformedPacket
    );
    for code in 0..=5 {
        let bytes = [0x20, 2, 0, code];
        let Ok(Packet::ConnAck(connack)) = at(Side::Client, V311, &bytes) else {
            panic!("refused");
        };
        assert_eq!(connack.reason.connack_v3(), Some(code));
    }
}

#[test]
fn mqtt_3_14_2_1_disconnect_gives_a_reason_of_its_own() {
    assert!(at(Side::Server, V5, b"\xE0\x01\x04").is_ok());
    for code in [0x01, 0x84, 0x8C, 0xff] {
        assert_eq!(refused(V5, &[0xE0, 1, code]), Reason::MalformedPacket);
    }
}

#[test]
fn mqtt_3_14_2_2_a_server_gives_no_session_expiry_and_a_client_no_server() {
    let expiry = b"\xE0\x07\0\x05\x11\0\0\0\x09";
    assert!(at(Side::Server, V5, expiry).is_ok());
    assert_eq!(refused_by_client(V5, expiry), Reason::ProtocolError);
    let server = b"\xE0\x06\x9C\x04\x1C\0\x01s";
    assert!(at(Side::Client, V5, server).is_ok());
    assert_eq!(refused(V5, server), Reason::ProtocolError);
}

#[test]
fn mqtt_3_15_2_1_auth_gives_a_reason_of_its_own_and_a_method() {
    let auth = |reason| packet(0xF0, &[&[reason], b"\x04\x15\0\x01m"]);
    for (reason, client_takes, server_takes) in [
        (0, true, false),
        (0x18, true, true),
        (0x19, false, true),
        (0x80, false, false),
    ] {
        let bytes = auth(reason);
        assert_eq!(at(Side::Client, V5, &bytes).is_ok(), client_takes);
        assert_eq!(at(Side::Server, V5, &bytes).is_ok(), server_takes);
    }
    assert_eq!(
        refused(V5, &packet(0xF0, &[b"\x18\0"])),
        Reason::ProtocolError
    );
    assert_eq!(refused(V5, &[0xF0, 0]), Reason::ProtocolError);
}
