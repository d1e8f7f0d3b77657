//! What is never written.

use super::*;
use crate::{
    Filters, Sensitive, Subscribe, SubscribeOptions, SubscribeProperties, SubscriptionIds, Topics,
    Unsubscribe, Will, WillProperties,
};

#[test]
fn a_packet_beyond_what_mqtt_can_say_is_refused() {
    let payload = vec![0; 268_435_456 - 3];
    let packet = Packet::Publish(Publish {
        payload: &payload,
        ..publish()
    });
    let (bytes, limit) = (268_435_456, 268_435_455);
    assert_eq!(
        refused(&packet, Version::V311),
        EncodeError::TooLarge { bytes, limit }
    );
}

#[test]
fn a_text_beyond_65535_bytes_or_with_u0000_is_refused() {
    let long = "x".repeat(65_536);
    let too_long = EncodeError::TooLong { bytes: 65_536 };
    let of = |client_id| {
        Packet::Connect(Connect {
            client_id,
            ..connect(Version::V311)
        })
    };
    assert_eq!(refused(&of(&long), Version::V311), too_long);
    assert_eq!(refused(&of("a\0"), Version::V311), EncodeError::Nul);
    let of = |topic| Packet::Publish(Publish { topic, ..publish() });
    assert_eq!(refused(&of(&long), Version::V311), too_long);
    assert_eq!(refused(&of("a\0"), Version::V311), EncodeError::Nul);
    // What is put together piece by piece is as before.
    let mut buffer = user();
    let before = buffer.clone();
    assert_eq!(UserProperties::push(&mut buffer, "a", &long), Err(too_long));
    assert_eq!(
        UserProperties::push(&mut buffer, "a", "\0"),
        Err(EncodeError::Nul)
    );
    assert_eq!(
        Filters::push(&mut buffer, "\0", SubscribeOptions::default()),
        Err(EncodeError::Nul)
    );
    assert_eq!(Topics::push(&mut buffer, &long), Err(too_long));
    for id in [0, 268_435_456] {
        assert!(SubscriptionIds::push(&mut buffer, id).is_err());
    }
    assert_eq!(buffer, before);
}

#[test]
fn mqtt_2_2_1_2_to_4_a_publish_has_a_packet_id_if_it_is_acknowledged() {
    let with_id = Publish {
        packet_id: Some(ID),
        ..publish()
    };
    contradicts(&Packet::Publish(with_id), Version::V5);
    let without = Publish {
        qos: QoS::AtLeastOnce,
        ..publish()
    };
    contradicts(&Packet::Publish(without), Version::V5);
    // MQTT-3.3.1-2.
    let dup = Publish {
        dup: true,
        ..publish()
    };
    contradicts(&Packet::Publish(dup), Version::V311);
}

#[test]
fn mqtt_3_3_2_a_publish_has_a_topic_without_wildcards_or_an_alias() {
    for topic in ["#", "a/+", ""] {
        contradicts(
            &Packet::Publish(Publish { topic, ..publish() }),
            Version::V311,
        );
    }
    let alias = |alias, topic| {
        let properties = PublishProperties {
            alias: Some(alias),
            ..PublishProperties::default()
        };
        Packet::Publish(Publish {
            topic,
            properties,
            ..publish()
        })
    };
    assert_eq!(
        encoded(&alias(7, ""), Version::V5),
        b"\x30\x07\0\0\x03\x23\0\x07p"
    );
    contradicts(&alias(7, ""), Version::V311);
    contradicts(&alias(0, "a"), Version::V5);
}

#[test]
fn a_connect_that_its_version_does_not_allow_is_refused() {
    let of = |connect| Packet::Connect(connect);
    let nameless = |version, clean_start| {
        of(Connect {
            client_id: "",
            clean_start,
            ..connect(version)
        })
    };
    contradicts(&nameless(Version::V31, true), Version::V31);
    contradicts(&nameless(Version::V311, false), Version::V311);
    encoded(&nameless(Version::V311, true), Version::V311);
    encoded(&nameless(Version::V5, false), Version::V5);
    for version in [Version::V31, Version::V311] {
        let password = Some(Sensitive(b"p"));
        contradicts(
            &of(Connect {
                password,
                ..connect(version)
            }),
            version,
        );
    }
    let properties = ConnectProperties {
        authentication_data: Some(Sensitive(b"d")),
        ..ConnectProperties::default()
    };
    contradicts(
        &of(Connect {
            properties,
            ..connect(Version::V5)
        }),
        Version::V5,
    );
    let will = Will {
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a/#",
        payload: b"",
        properties: WillProperties::default(),
    };
    contradicts(
        &of(Connect {
            will: Some(will),
            ..connect(Version::V5)
        }),
        Version::V5,
    );
    // Its own version counts, not that of the connection.
    let bytes = encoded(&of(connect(Version::V31)), Version::V5);
    assert!(bytes.starts_with(b"\x10\x0f\0\x06MQIsdp\x03\x02"));
}

#[test]
fn mqtt311_3_2_2_6_a_refusal_without_a_return_code_has_no_connack() {
    let of = |reason, session_present| {
        Packet::ConnAck(ConnAck {
            session_present,
            reason,
            properties: ConnAckProperties::default(),
        })
    };
    contradicts(&of(Reason::MalformedPacket, false), Version::V311);
    contradicts(&of(Reason::Banned, true), Version::V5);
    contradicts(&of(Reason::KeepAliveTimeout, false), Version::V5);
    for (reason, code) in [
        (Reason::Success, 0),
        (Reason::UnsupportedProtocolVersion, 1),
        (Reason::ClientIdentifierNotValid, 2),
        (Reason::UseAnotherServer, 3),
        (Reason::BadUserNameOrPassword, 4),
        (Reason::NotAuthorized, 5),
    ] {
        assert_eq!(
            encoded(&of(reason, false), Version::V311),
            [0x20, 2, 0, code]
        );
    }
    assert_eq!(
        encoded(&of(Reason::Success, true), Version::V311),
        [0x20, 2, 1, 0]
    );
    assert_eq!(
        encoded(&of(Reason::Success, true), Version::V31),
        [0x20, 2, 0, 0]
    );
}

#[test]
fn a_reason_that_a_packet_does_not_have_is_refused() {
    let properties = AckProperties::default();
    let ack = |reason| Ack {
        packet_id: ID,
        reason,
        properties,
    };
    contradicts(
        &Packet::PubAck(ack(Reason::PacketIdentifierNotFound)),
        Version::V5,
    );
    contradicts(&Packet::PubRel(ack(Reason::NotAuthorized)), Version::V5);
    let wrong = [Reason::ServerBusy];
    let reasons = ReasonCodes::of(&wrong);
    let suback = SubAck {
        packet_id: ID,
        properties,
        reasons,
    };
    for version in [Version::V311, Version::V5] {
        contradicts(&Packet::SubAck(suback), version);
    }
    contradicts(&Packet::UnsubAck(suback), Version::V5);
    let none = SubAck {
        reasons: ReasonCodes::default(),
        ..suback
    };
    contradicts(&Packet::SubAck(none), Version::V5);
    contradicts(&Packet::SubAck(none), Version::V311);
    contradicts(&Packet::UnsubAck(none), Version::V5);
    let properties = DisconnectProperties::default();
    let reason = Reason::BadAuthenticationMethod;
    contradicts(
        &Packet::Disconnect(Disconnect { reason, properties }),
        Version::V5,
    );
}

#[test]
fn requests_have_well_formed_filters() {
    let subscribe = |filter: &str, no_local| {
        let mut buffer = Vec::new();
        let options = SubscribeOptions {
            no_local,
            ..SubscribeOptions::default()
        };
        Filters::push(&mut buffer, filter, options).unwrap();
        buffer
    };
    fn of(buffer: &[u8], version: Version) -> Result<usize, EncodeError> {
        let packet = Packet::Subscribe(Subscribe {
            packet_id: ID,
            properties: SubscribeProperties::default(),
            filters: Filters::of(buffer),
        });
        packet.encoded_len(version)
    }
    assert!(of(&subscribe("a", true), Version::V5).is_ok());
    for (wrong, no_local) in [("a#", false), ("", false), ("$share/g/a", true)] {
        let error = of(&subscribe(wrong, no_local), Version::V5).unwrap_err();
        assert!(
            matches!(error, EncodeError::Contradiction(_)),
            "{wrong}: {error}"
        );
    }
    assert!(of(&[], Version::V311).is_err());
    let filters = Topics::default();
    let user = UserProperties::default();
    contradicts(
        &Packet::Unsubscribe(Unsubscribe {
            packet_id: ID,
            user,
            filters,
        }),
        Version::V5,
    );
}

#[test]
fn auth_is_of_mqtt_5_and_has_a_method() {
    let auth = |reason, method| {
        let properties = AuthProperties {
            method,
            ..AuthProperties::default()
        };
        Packet::Auth(Auth { reason, properties })
    };
    let step = auth(Reason::ContinueAuthentication, Some("m"));
    let error = refused(&step, Version::V311);
    assert_eq!(error.to_string(), "MQTT 3.1.1 has no AUTH");
    contradicts(&auth(Reason::ContinueAuthentication, None), Version::V5);
    assert_eq!(
        encoded(&auth(Reason::Success, None), Version::V5),
        [0xF0, 0]
    );
    assert_eq!(encoded(&step, Version::V5), b"\xF0\x06\x18\x04\x15\0\x01m");
}
