use spica_mqtt_proto::{AckProperties, PublishProperties};

use super::*;
use crate::{Outbound, Uid};

const UID: Uid = Uid([1; 16]);

fn terms(version: Version) -> Terms {
    Terms {
        version,
        keep_alive_secs: 0,
        receive_maximum: 2,
        window: 1,
        packet_bytes: u32::MAX,
        aliases_in: 2,
        aliases_out: 0,
        problem_information: true,
        response_information: false,
    }
}

fn connected(version: Version) -> Inbound {
    let mut inbound = Inbound::default();
    inbound.connected(&terms(version), 2);
    inbound
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

fn publish(qos: QoS, number: u16) -> Publish<'static> {
    Publish {
        dup: false,
        qos,
        retain: false,
        topic: "t",
        packet_id: (qos != QoS::AtMostOnce).then(|| id(number)),
        properties: PublishProperties::default(),
        payload: b"",
    }
}

fn aliased(alias: u16, topic: &'static str) -> Publish<'static> {
    let properties = PublishProperties {
        alias: Some(alias),
        ..PublishProperties::default()
    };
    Publish {
        topic,
        properties,
        ..publish(QoS::AtMostOnce, 0)
    }
}

/// It comes, is new, and is accepted.
fn take(inbound: &mut Inbound, qos: QoS, number: u16, lane: Lane) -> Ordinal {
    assert_eq!(inbound.publish(&publish(qos, number)), Ok(Arrived::New));
    inbound.accept(qos, id(number), lane).ordinal
}

fn release(inbound: &mut Inbound, number: u16) -> Result<Option<Lane>, Violation> {
    inbound.release(&Ack {
        packet_id: id(number),
        reason: Reason::Success,
        properties: AckProperties::default(),
    })
}

fn committed(inbound: &mut Inbound, lane: Lane, through: Ordinal) -> Vec<u8> {
    let mut out = Vec::new();
    inbound.committed(lane, through, &mut out);
    out
}

#[test]
fn mqtt_4_6_0_2_acknowledgements_keep_the_order_of_receipt_across_lanes() {
    let mut inbound = connected(Version::V5);
    let first = take(&mut inbound, QoS::AtLeastOnce, 1, Lane::Normal);
    let second = take(&mut inbound, QoS::AtLeastOnce, 2, Lane::Critical);
    assert!(committed(&mut inbound, Lane::Critical, second).is_empty());
    let out = committed(&mut inbound, Lane::Normal, first);
    assert_eq!(out, [0x40, 2, 0, 1, 0x40, 2, 0, 2]);
    assert_eq!(inbound.owed(), 0);
}

#[test]
fn mqtt_4_3_3_10_a_message_that_is_not_released_is_taken_once() {
    let mut inbound = connected(Version::V5);
    let ordinal = take(&mut inbound, QoS::ExactlyOnce, 1, Lane::Normal);
    assert!(inbound.is_note_due(Lane::Normal));
    assert_eq!(inbound.take_note(Lane::Normal, UID).open, [id(1)]);
    assert_eq!(
        committed(&mut inbound, Lane::Normal, ordinal),
        [0x50, 2, 0, 1]
    );
    let again = inbound.publish(&publish(QoS::ExactlyOnce, 1));
    assert_eq!(again, Ok(Arrived::Duplicate));
    let mut out = Vec::new();
    inbound.flush(&mut out);
    assert_eq!(out, [0x50, 2, 0, 1]);
}

#[test]
fn mqtt_4_3_3_11_pubcomp_waits_for_the_note_without_the_id() {
    let mut inbound = connected(Version::V5);
    let ordinal = take(&mut inbound, QoS::ExactlyOnce, 1, Lane::Normal);
    inbound.take_note(Lane::Normal, UID);
    committed(&mut inbound, Lane::Normal, ordinal);
    assert_eq!(release(&mut inbound, 1), Ok(Some(Lane::Normal)));
    let mut out = Vec::new();
    inbound.flush(&mut out);
    assert!(out.is_empty());
    let note = inbound.take_note(Lane::Normal, UID);
    assert_eq!((note.n, note.open.len()), (1, 0));
    let last = inbound.last();
    assert_eq!(committed(&mut inbound, Lane::Normal, last), [0x70, 2, 0, 1]);
    assert_eq!(release(&mut inbound, 1), Ok(None));
    inbound.flush(&mut out);
    assert_eq!(out, [0x70, 3, 0, 1, 0x92]);
}

#[test]
fn pubrel_before_pubrec_breaks_the_rules() {
    let mut inbound = connected(Version::V5);
    take(&mut inbound, QoS::ExactlyOnce, 1, Lane::Normal);
    let said = release(&mut inbound, 1).unwrap_err();
    assert_eq!(said.reason, Reason::ProtocolError);
}

#[test]
fn mqtt_3_3_4_7_more_than_the_receive_maximum_ends_the_connection() {
    let mut inbound = connected(Version::V5);
    let first = take(&mut inbound, QoS::AtLeastOnce, 1, Lane::Normal);
    take(&mut inbound, QoS::AtLeastOnce, 2, Lane::Normal);
    let said = inbound.publish(&publish(QoS::AtLeastOnce, 3)).unwrap_err();
    assert_eq!(said.reason, Reason::ReceiveMaximumExceeded);
    committed(&mut inbound, Lane::Normal, first);
    assert_eq!(
        inbound.publish(&publish(QoS::AtLeastOnce, 3)),
        Ok(Arrived::New)
    );
    let mut old = connected(Version::V311);
    (1..10).for_each(|number| {
        take(&mut old, QoS::AtLeastOnce, number, Lane::Normal);
    });
}

#[test]
fn mqtt_3_3_2_9_an_alias_above_the_maximum_is_refused() {
    let mut inbound = connected(Version::V5);
    for alias in [0, 3] {
        let said = inbound.publish(&aliased(alias, "t")).unwrap_err();
        assert_eq!(said.reason, Reason::TopicAliasInvalid);
    }
}

#[test]
fn mqtt_3_3_2_7_an_alias_ends_with_its_connection() {
    let mut inbound = connected(Version::V5);
    let named = aliased(2, "a/b");
    let alone = aliased(2, "");
    assert_eq!(inbound.publish(&named), Ok(Arrived::New));
    assert_eq!(inbound.topic(&named), "a/b");
    assert_eq!(inbound.publish(&alone), Ok(Arrived::New));
    assert_eq!(inbound.topic(&alone), "a/b");
    inbound.disconnected();
    inbound.connected(&terms(Version::V5), 2);
    let said = inbound.publish(&alone).unwrap_err();
    assert_eq!(said.reason, Reason::ProtocolError);
}

#[test]
fn a_refusal_is_said_in_its_turn_and_leaves_nothing_open() {
    let mut inbound = connected(Version::V5);
    let first = take(&mut inbound, QoS::AtLeastOnce, 1, Lane::Normal);
    let refused = publish(QoS::ExactlyOnce, 2);
    assert_eq!(inbound.publish(&refused), Ok(Arrived::New));
    inbound.refuse(QoS::ExactlyOnce, id(2), Reason::NotAuthorized);
    let out = committed(&mut inbound, Lane::Normal, first);
    assert_eq!(out, [0x40, 2, 0, 1, 0x50, 3, 0, 2, 0x87]);
    assert!(!inbound.is_note_due(Lane::Normal));
    assert_eq!(inbound.publish(&refused), Ok(Arrived::New));
}

#[test]
fn what_a_cut_connection_left_open_is_noted_again_before_it_is_answered() {
    let mut inbound = connected(Version::V5);
    take(&mut inbound, QoS::ExactlyOnce, 1, Lane::Critical);
    inbound.take_note(Lane::Critical, UID);
    inbound.disconnected();
    inbound.connected(&terms(Version::V5), 2);
    assert!(inbound.is_note_due(Lane::Critical));
    let again = publish(QoS::ExactlyOnce, 1);
    assert_eq!(inbound.publish(&again), Ok(Arrived::Duplicate));
    let mut out = Vec::new();
    inbound.flush(&mut out);
    assert!(out.is_empty());
    let last = inbound.last();
    assert_eq!(
        committed(&mut inbound, Lane::Critical, last),
        [0x50, 2, 0, 1]
    );
}

#[test]
fn a_restored_session_knows_its_open_ids_and_counts_on() {
    let mut inbound = connected(Version::V5);
    take(&mut inbound, QoS::ExactlyOnce, 1, Lane::Normal);
    let note = inbound.take_note(Lane::Normal, UID);
    let mut restored = Inbound::restore([None, Some(&note)]);
    restored.connected(&terms(Version::V5), 2);
    let again = publish(QoS::ExactlyOnce, 1);
    assert_eq!(restored.publish(&again), Ok(Arrived::Duplicate));
    assert_eq!(
        restored.publish(&publish(QoS::ExactlyOnce, 2)),
        Ok(Arrived::New)
    );
    let accepted = restored.accept(QoS::ExactlyOnce, id(2), Lane::Normal);
    assert_eq!(accepted.n, Some(2));
}

#[test]
fn more_open_ids_than_allowed_are_refused() {
    let mut inbound = connected(Version::V311);
    take(&mut inbound, QoS::ExactlyOnce, 1, Lane::Normal);
    take(&mut inbound, QoS::ExactlyOnce, 2, Lane::Normal);
    let third = publish(QoS::ExactlyOnce, 3);
    let said = inbound.publish(&third).unwrap_err();
    assert_eq!(said.reason, Reason::QuotaExceeded);
    let note = inbound.take_note(Lane::Normal, UID);
    let mut inbound = Inbound::restore([None, Some(&note)]);
    inbound.connected(&terms(Version::V5), 2);
    let said = inbound.publish(&third);
    assert_eq!(said, Ok(Arrived::Refused(Reason::QuotaExceeded)));
}

#[test]
fn what_could_not_be_stored_is_said_and_may_come_again() {
    let mut inbound = connected(Version::V5);
    let ordinal = take(&mut inbound, QoS::ExactlyOnce, 1, Lane::Normal);
    let (reason, mut out) = (Reason::ImplementationSpecificError, Vec::new());
    inbound
        .failed(Lane::Normal, ordinal, reason, &mut out)
        .unwrap();
    assert_eq!(out, [0x50, 3, 0, 1, 0x83]);
    take(&mut inbound, QoS::ExactlyOnce, 1, Lane::Normal);
    let mut old = connected(Version::V311);
    let ordinal = take(&mut old, QoS::AtLeastOnce, 1, Lane::Normal);
    let said = old.failed(Lane::Normal, ordinal, reason, &mut out);
    assert_eq!(said.unwrap_err().reason, reason);
}

#[test]
fn an_idle_session_is_small() {
    let inbound = size_of::<Inbound>();
    let outbound = size_of::<Outbound<(std::sync::Arc<[u8]>, u32)>>();
    println!("Inbound {inbound} bytes, Outbound {outbound} bytes");
    assert!(inbound <= 112, "{inbound} bytes");
    assert!(outbound <= 144, "{outbound} bytes");
}
