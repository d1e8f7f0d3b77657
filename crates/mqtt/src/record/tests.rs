use bytes::Bytes;
use spica_model::Lane;
use spica_mqtt_proto::{PacketId, QoS};

use super::*;
use crate::{Life, NotedId, NotedStage};

fn record() -> SessionRecord {
    SessionRecord {
        uid: Uid([0xAB; 16]),
        client_id: "c/1".to_owned(),
        user: Some("u".to_owned()),
        created: Timestamp::from_secs(5),
        version: Version::V5,
        expiry_secs: 60,
        is_connected: true,
        since: Timestamp::from_secs(7),
        will: Some(Will {
            topic: "gone".to_owned(),
            payload: Bytes::from_static(&[0, 255]),
            qos: QoS::ExactlyOnce,
            retain: true,
            delay_secs: 3,
            payload_is_utf8: Some(false),
            expiry_secs: Some(9),
            content_type: Some("x".to_owned()),
            response_topic: Some("r".to_owned()),
            correlation: Some(Bytes::from_static(&[1])),
            user: vec![("a".to_owned(), "b".to_owned()); 2],
        }),
        subscriptions: vec![SubscriptionRecord {
            filter: "$share/g/a/+".to_owned(),
            options: 0x2D,
            id: Some(4),
            critical: 1,
            normal: 2,
        }],
    }
}

#[test]
fn a_record_reads_back_what_it_writes() {
    let json = record().to_json().unwrap();
    assert_eq!(SessionRecord::of_json(&json).unwrap(), record());
    let plain = SessionRecord {
        will: None,
        user: None,
        subscriptions: Vec::new(),
        ..record()
    };
    let json = plain.to_json().unwrap();
    assert_eq!(SessionRecord::of_json(&json).unwrap(), plain);
}

#[test]
fn notes_read_back_what_they_write() {
    let uid = Uid([1; 16]);
    let id = PacketId::new(7).unwrap();
    let note = InNote {
        uid,
        n: 3,
        open: vec![id],
    };
    assert_eq!(InNote::of_json(&note.to_json().unwrap()).unwrap(), note);
    let noted = |stage, seq| NotedId {
        id,
        stage,
        seq,
        lane: Lane::Critical,
        apart: None,
    };
    let note = OutNote {
        ids: vec![
            noted(NotedStage::Sent, Some(9)),
            noted(NotedStage::Released, None),
            noted(NotedStage::Done, Some(10)),
        ],
        ..OutNote::first(uid, 5, 6)
    };
    assert_eq!(OutNote::of_json(&note.to_json().unwrap()).unwrap(), note);
}

#[test]
fn what_a_newer_version_wrote_is_not_half_understood() {
    let json = br#"{"uid":"01010101010101010101010101010101","n":1,"open":[],"more":1}"#;
    let said = InNote::of_json(json).unwrap_err().to_string();
    assert!(said.contains("more"), "{said}");
    for uid in ["", "+1010101010101010101010101010101", "0101"] {
        let json = format!(r#"{{"uid":"{uid}","n":1,"open":[]}}"#);
        assert!(InNote::of_json(json.as_bytes()).is_err(), "{uid}");
    }
}

#[test]
fn a_record_that_is_too_large_is_refused() {
    let mut large = record();
    large.client_id = "x".repeat(limits::PAYLOAD_BYTES);
    assert!(matches!(large.to_json(), Err(RecordError::TooLarge { .. })));
}

#[test]
fn a_session_that_was_connected_has_lost_its_client_with_the_node() {
    let now = Timestamp::from_secs(100);
    let life = Life::restore(&record(), now);
    assert_eq!(life.offline_since(), Some(now));
    assert_eq!(life.deadline(), Some(Timestamp::from_secs(103)));
    let offline = SessionRecord {
        is_connected: false,
        ..record()
    };
    let life = Life::restore(&offline, now);
    assert_eq!(life.offline_since(), Some(offline.since));
}
