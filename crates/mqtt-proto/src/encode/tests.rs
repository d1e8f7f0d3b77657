//! What is written and what is left out, by the numbers of the standards' statements.

mod refusals;

use super::*;
use crate::{
    Ack, Auth, AuthProperties, ConnAck, ConnAckProperties, Connect, ConnectProperties, Disconnect,
    DisconnectProperties, Publish, PublishProperties, QoS, ReasonCodes, SubAck, UserProperties,
};

const ID: PacketId = PacketId::MIN;

fn encoded(packet: &Packet<'_>, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(version, &mut out).unwrap();
    out
}

/// Why it is not written: then nothing is.
#[track_caller]
fn refused(packet: &Packet<'_>, version: Version) -> EncodeError {
    let mut out = vec![7];
    let error = packet.encode(version, &mut out).unwrap_err();
    assert_eq!(out, [7]);
    assert_eq!(packet.encoded_len(version), Err(error));
    error
}

#[track_caller]
fn contradicts(packet: &Packet<'_>, version: Version) {
    let error = refused(packet, version);
    assert!(matches!(error, EncodeError::Contradiction(_)), "{error}");
}

fn publish() -> Publish<'static> {
    Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic: "a",
        packet_id: None,
        properties: PublishProperties::default(),
        payload: b"p",
    }
}

fn connect(version: Version) -> Connect<'static> {
    Connect {
        version,
        clean_start: true,
        keep_alive: 0,
        properties: ConnectProperties::default(),
        client_id: "c",
        will: None,
        user: None,
        password: None,
    }
}

/// One pair, of eleven bytes.
fn user() -> Vec<u8> {
    let mut user = Vec::new();
    UserProperties::push(&mut user, "name", "val").unwrap();
    user
}

#[test]
fn an_acknowledgement_is_as_short_as_can_be() {
    for (kind, whole) in [
        (AckKind::PubAck, Packet::PubAck as fn(Ack<'static>) -> _),
        (AckKind::PubRec, Packet::PubRec),
        (AckKind::PubRel, Packet::PubRel),
        (AckKind::PubComp, Packet::PubComp),
    ] {
        let failure = match kind {
            AckKind::PubAck | AckKind::PubRec => Reason::NotAuthorized,
            AckKind::PubRel | AckKind::PubComp => Reason::PacketIdentifierNotFound,
        };
        for version in Version::ALL {
            for (reason, bytes) in [(Reason::Success, 4), (failure, 5)] {
                let mut out = Vec::new();
                encode_ack(kind, ID, reason, version, &mut out);
                assert_eq!(out.len(), if version.is_v5() { bytes } else { 4 });
                let properties = AckProperties::default();
                let ack = Ack {
                    packet_id: ID,
                    reason,
                    properties,
                };
                assert_eq!(out, encoded(&whole(ack), version));
            }
        }
    }
}

#[test]
fn mqtt_3_4_2_2_and_3_user_properties_then_the_reason_text_give_way_to_the_maximum_size() {
    let user = user();
    let properties = AckProperties {
        reason_text: Some("why"),
        user: UserProperties::of(&user),
    };
    let ack = Ack {
        packet_id: ID,
        reason: Reason::NotAuthorized,
        properties,
    };
    let whole = Packet::PubAck(ack);
    // 2 of header, 3 of id and reason, then a length, 6 of text and 12 of a pair.
    for (limit, bytes) in [(24, 24), (23, 12), (12, 12), (11, 5), (5, 5)] {
        let mut out = Vec::new();
        whole.encode_within(Version::V5, limit, &mut out).unwrap();
        assert_eq!(out.len(), bytes, "within {limit}");
    }
    let mut out = Vec::new();
    let error = whole.encode_within(Version::V5, 4, &mut out).unwrap_err();
    assert_eq!(
        error,
        EncodeError::TooLarge {
            bytes: 24,
            limit: 4
        }
    );
    assert!(out.is_empty());
}

#[test]
fn mqtt_3_2_2_19_and_all_others_with_details_give_way_too() {
    let user = user();
    let details = AckProperties {
        reason_text: Some("why"),
        user: UserProperties::of(&user),
    };
    let ack = Ack {
        packet_id: ID,
        reason: Reason::Success,
        properties: details,
    };
    let reasons = ReasonCodes::of(&[Reason::Success]);
    let suback = SubAck {
        packet_id: ID,
        properties: details,
        reasons,
    };
    let packets = [
        Packet::ConnAck(ConnAck {
            session_present: false,
            reason: Reason::Success,
            properties: ConnAckProperties {
                reason_text: details.reason_text,
                user: details.user,
                ..ConnAckProperties::default()
            },
        }),
        Packet::PubAck(ack),
        Packet::PubRec(ack),
        Packet::PubRel(ack),
        Packet::PubComp(ack),
        Packet::SubAck(suback),
        Packet::UnsubAck(suback),
        Packet::Disconnect(Disconnect {
            reason: Reason::ServerBusy,
            properties: DisconnectProperties {
                reason_text: details.reason_text,
                user: details.user,
                ..DisconnectProperties::default()
            },
        }),
        Packet::Auth(Auth {
            reason: Reason::ContinueAuthentication,
            properties: AuthProperties {
                method: Some("m"),
                data: None,
                reason_text: details.reason_text,
                user: details.user,
            },
        }),
    ];
    for packet in packets {
        let bytes = packet.encoded_len(Version::V5).unwrap();
        let least = packet.without_details().encoded_len(Version::V5).unwrap();
        assert!(bytes - least >= 18, "{}", packet.name());
        let mut out = Vec::new();
        let limit = u32::try_from(least).unwrap();
        packet.encode_within(Version::V5, limit, &mut out).unwrap();
        assert_eq!(out.len(), least, "{}", packet.name());
    }
}

#[test]
fn mqtt_3_1_2_24_a_message_that_is_too_large_is_not_written() {
    let packet = Packet::Publish(publish());
    let mut out = Vec::new();
    let error = packet
        .encode_within(Version::V311, 5, &mut out)
        .unwrap_err();
    assert_eq!(error, EncodeError::TooLarge { bytes: 6, limit: 5 });
    assert_eq!(publish().encoded_len(Version::V311), Ok(6));
    packet.encode_within(Version::V311, 6, &mut out).unwrap();
    assert_eq!(out.len(), 6);
}

#[test]
fn mqtt_1_5_5_1_lengths_are_written_as_short_as_can_be() {
    // The payload that makes a remaining length one longer than the greatest of so many bytes.
    for (rest, header) in [
        (127, 2),
        (128, 3),
        (16_383, 3),
        (16_384, 4),
        (2_097_151, 4),
        (2_097_152, 5),
    ] {
        let payload = vec![0; rest - 3];
        let packet = Packet::Publish(Publish {
            payload: &payload,
            ..publish()
        });
        assert_eq!(encoded(&packet, Version::V311).len(), header + rest);
        assert_eq!(packet.encoded_len(Version::V311), Ok(header + rest));
    }
}

#[test]
fn a_stamp_changes_the_id_and_dup_and_nothing_without_an_id() {
    let mut shared = Vec::new();
    let stamp = encode_publish(&publish(), Version::V311, &mut shared).unwrap();
    let before = shared.clone();
    stamp.apply(&mut shared, true, ID);
    assert_eq!(shared, before);
    let acknowledged = Publish {
        qos: QoS::ExactlyOnce,
        packet_id: Some(ID),
        ..publish()
    };
    let mut shared = Vec::new();
    let stamp = encode_publish(&acknowledged, Version::V311, &mut shared).unwrap();
    stamp.apply(&mut shared, true, PacketId::MAX);
    assert_eq!(shared, b"\x3C\x06\0\x01a\xff\xffp");
    stamp.apply(&mut shared, false, ID);
    assert_eq!(shared, b"\x34\x06\0\x01a\0\x01p");
    stamp.apply(&mut shared[..4], true, ID);
    assert_eq!(shared, b"\x34\x06\0\x01a\0\x01p", "too short");
}

#[test]
fn every_failure_to_subscribe_is_0x80_before_mqtt_5() {
    let reasons = [
        Reason::QuotaExceeded,
        Reason::GrantedQos1,
        Reason::NotAuthorized,
    ];
    let suback = Packet::SubAck(SubAck {
        packet_id: ID,
        properties: AckProperties::default(),
        reasons: ReasonCodes::of(&reasons),
    });
    assert_eq!(
        encoded(&suback, Version::V311),
        b"\x90\x05\0\x01\x80\x01\x80"
    );
    assert_eq!(
        encoded(&suback, Version::V5),
        b"\x90\x06\0\x01\0\x97\x01\x87"
    );
}
