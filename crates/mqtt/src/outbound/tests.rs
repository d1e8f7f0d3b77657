use std::num::{NonZeroU16, NonZeroU32};

use bytes::Bytes;
use spica_model::Timestamp;
use spica_mqtt_proto::{
    Ack, AckProperties, Decoded, Limits, Packet, Publish, PublishProperties, Reason, Side, decode,
};

use super::*;
use crate::{AckKind, NotedStage, OutNote, Uid};

/// A message: its payload, and when it expires.
#[derive(Debug, Clone)]
struct Text(&'static str, Option<Timestamp>);

impl Message for Text {
    fn publish(&self) -> Publish<'_> {
        Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "t",
            packet_id: None,
            properties: PublishProperties::default(),
            payload: self.0.as_bytes(),
        }
    }

    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn expires(&self) -> Option<Timestamp> {
        self.1
    }
}

const NOW: Timestamp = Timestamp::from_secs(1_000);
const UID: Uid = Uid([1; 16]);

fn terms(window: u16) -> Terms {
    Terms {
        version: Version::V5,
        keep_alive_secs: 0,
        receive_maximum: 10,
        window,
        packet_bytes: 100,
        aliases_in: 0,
        aliases_out: 0,
        problem_information: true,
        response_information: false,
    }
}

fn limits() -> SessionLimits {
    SessionLimits {
        queue_messages: 3,
        queue_bytes: 100,
        window: NonZeroU16::new(10).unwrap(),
        ..SessionLimits::default()
    }
}

fn connected(window: u16, is_durable: bool) -> Outbound<Text> {
    let mut outbound = Outbound::new(&limits());
    outbound.connected(&terms(window), is_durable);
    outbound
}

fn message(qos: QoS, seq: u64, text: &'static str) -> Delivery<Text> {
    Delivery {
        message: Text(text, None),
        qos,
        retain: false,
        origin: Some(Origin {
            lane: Lane::Normal,
            seq: Seq(seq),
            apart: None,
        }),
        ids: None,
    }
}

fn once(seq: u64) -> Delivery<Text> {
    message(QoS::ExactlyOnce, seq, "x")
}

fn at_least(seq: u64) -> Delivery<Text> {
    message(QoS::AtLeastOnce, seq, "x")
}

/// What is sent, in words: `P1 id dup`, `REL id`.
fn sent(outbound: &mut Outbound<Text>) -> Vec<String> {
    let mut out = Vec::new();
    let _idle = outbound.next(NOW, 10_000, &mut out);
    let (limits, mut rest, mut said) = (Limits::default(), out.as_slice(), Vec::new());
    while !rest.is_empty() {
        let decoded = decode(rest, Side::Client, Version::V5, &limits);
        let Ok(Decoded::Packet { packet, length }) = decoded else {
            panic!("{decoded:?}");
        };
        said.push(match packet {
            Packet::Publish(publish) => {
                let id = publish.packet_id.map_or(0, |id| id.get());
                let dup = if publish.dup { " dup" } else { "" };
                format!("P{} {id}{dup}", publish.qos as u8)
            }
            Packet::PubRel(ack) => format!("REL {}", ack.packet_id),
            other => panic!("{other:?}"),
        });
        rest = &rest[length..];
    }
    said
}

fn ack(outbound: &mut Outbound<Text>, kind: AckKind, id: u16) -> Acked {
    let ack = Ack {
        packet_id: PacketId::new(id).unwrap(),
        reason: Reason::Success,
        properties: AckProperties::default(),
    };
    outbound.ack(kind, &ack, &mut Vec::new()).unwrap()
}

fn note(outbound: &mut Outbound<Text>) -> OutNote {
    let (number, note) = outbound.take_note([Seq::ZERO; 2], UID);
    outbound.noted(number);
    note
}

fn reconnect(outbound: &mut Outbound<Text>) {
    outbound.disconnected([Seq(100); 2]);
    outbound.connected(&terms(10), true);
}

#[test]
fn mqtt_3_3_4_9_no_more_is_in_flight_than_the_client_takes() {
    let mut outbound = connected(2, false);
    (1..=3).for_each(|seq| assert_eq!(outbound.push(at_least(seq)), Pushed::Queued));
    assert_eq!(sent(&mut outbound), ["P1 1", "P1 2"]);
    ack(&mut outbound, AckKind::PubAck, 2);
    assert_eq!(sent(&mut outbound), ["P1 3"]);
}

#[test]
fn a_qos_2_message_and_its_release_wait_for_their_notes() {
    let mut outbound = connected(10, true);
    (1..=2).for_each(|seq| assert_eq!(outbound.push(once(seq)), Pushed::Queued));
    assert!(sent(&mut outbound).is_empty());
    assert!(outbound.is_note_due());
    let (number, noted) = outbound.take_note([Seq::ZERO; 2], UID);
    assert_eq!(noted.ids.len(), 2, "one note for all that wait");
    assert!(sent(&mut outbound).is_empty() && !outbound.is_note_due());
    outbound.noted(number);
    assert_eq!(sent(&mut outbound), ["P2 1", "P2 2"]);
    assert_eq!(ack(&mut outbound, AckKind::PubRec, 1), Acked::Continues);
    assert!(sent(&mut outbound).is_empty());
    assert_eq!(note(&mut outbound).ids[0].stage, NotedStage::Released);
    assert_eq!(sent(&mut outbound), ["REL 1"]);
    let finished = ack(&mut outbound, AckKind::PubComp, 1);
    assert!(matches!(finished, Acked::Finished(Some(_))));
}

#[test]
fn a_note_of_an_earlier_connection_frees_nothing() {
    let mut outbound = connected(10, true);
    assert_eq!(outbound.push(once(1)), Pushed::Queued);
    assert!(sent(&mut outbound).is_empty());
    let (old, _) = outbound.take_note([Seq::ZERO; 2], UID);
    reconnect(&mut outbound);
    let (new, _) = outbound.take_note([Seq::ZERO; 2], UID);
    outbound.noted(old);
    assert_eq!(outbound.offer(once(1)), Pushed::Known);
    assert!(sent(&mut outbound).is_empty());
    outbound.noted(new);
    assert_eq!(sent(&mut outbound), ["P2 1"]);
}

#[test]
fn mqtt_4_4_0_1_what_is_not_acknowledged_is_sent_again_once_and_in_order() {
    let mut outbound = connected(10, false);
    (1..=3).for_each(|seq| assert_eq!(outbound.push(at_least(seq)), Pushed::Queued));
    assert_eq!(sent(&mut outbound), ["P1 1", "P1 2", "P1 3"]);
    assert!(sent(&mut outbound).is_empty(), "not without a reconnect");
    ack(&mut outbound, AckKind::PubAck, 2);
    reconnect(&mut outbound);
    assert_eq!(outbound.wants(Lane::Normal), Some(Seq(0)));
    assert!(sent(&mut outbound).is_empty(), "they are fetched first");
    (1..=4).for_each(|seq| {
        let _known_or_queued = outbound.offer(at_least(seq));
    });
    assert_eq!(sent(&mut outbound), ["P1 1 dup", "P1 3 dup", "P1 4"]);
}

#[test]
fn mqtt_4_3_3_7_after_pubrec_pubrel_is_sent_again_and_not_the_message() {
    let mut outbound = connected(10, false);
    assert_eq!(outbound.push(once(1)), Pushed::Queued);
    assert_eq!(sent(&mut outbound), ["P2 1"]);
    ack(&mut outbound, AckKind::PubRec, 1);
    assert_eq!(sent(&mut outbound), ["REL 1"]);
    reconnect(&mut outbound);
    assert_eq!(sent(&mut outbound), ["REL 1"]);
    assert_eq!(ack(&mut outbound, AckKind::PubRec, 1), Acked::Continues);
}

#[test]
fn mqtt_4_3_3_a_pubrec_with_an_error_ends_the_delivery() {
    let mut outbound = connected(10, false);
    assert_eq!(outbound.push(once(1)), Pushed::Queued);
    assert_eq!(sent(&mut outbound), ["P2 1"]);
    let refused = Ack {
        packet_id: PacketId::MIN,
        reason: Reason::QuotaExceeded,
        properties: AckProperties::default(),
    };
    let acked = outbound.ack(AckKind::PubRec, &refused, &mut Vec::new());
    assert!(matches!(acked, Ok(Acked::Finished(_))));
    assert_eq!((sent(&mut outbound).len(), outbound.in_flight()), (0, 0));
}

#[test]
fn an_unknown_pubrec_is_answered_and_a_wrong_acknowledgement_is_not_taken() {
    let mut outbound = connected(10, false);
    let (mut out, id) = (Vec::new(), PacketId::new(9).unwrap());
    let unknown = Ack {
        packet_id: id,
        reason: Reason::Success,
        properties: AckProperties::default(),
    };
    let acked = outbound.ack(AckKind::PubRec, &unknown, &mut out);
    assert_eq!(
        (acked, out),
        (Ok(Acked::Unknown), vec![0x62, 3, 0, 9, 0x92])
    );
    assert_eq!(outbound.push(at_least(1)), Pushed::Queued);
    assert_eq!(sent(&mut outbound), ["P1 1"]);
    let wrong = Ack {
        packet_id: PacketId::MIN,
        ..unknown
    };
    for kind in [AckKind::PubRec, AckKind::PubComp] {
        assert!(outbound.ack(kind, &wrong, &mut Vec::new()).is_err());
    }
}

#[test]
fn mqtt_3_3_2_5_what_has_expired_is_dropped_and_counted() {
    let mut outbound = connected(10, false);
    let mut expired = at_least(1);
    expired.message.1 = Some(NOW);
    assert_eq!(outbound.push(expired), Pushed::Queued);
    assert!(sent(&mut outbound).is_empty());
    assert_eq!(outbound.take_dropped().expired, 1);
    assert_eq!(outbound.low_water([Seq(1); 2]), [Seq(1); 2]);
}

#[test]
fn mqtt_3_3_2_6_the_expiry_that_is_left_is_sent() {
    let mut outbound = connected(10, false);
    let mut message = at_least(1);
    message.message.1 = Some(Timestamp::from_micros(NOW.as_micros() + 1_500_000));
    assert_eq!(outbound.push(message), Pushed::Queued);
    let mut out = Vec::new();
    assert_eq!(outbound.next(NOW, 1_000, &mut out), Next::Idle);
    let decoded = decode(&out, Side::Client, Version::V5, &Limits::default());
    let Ok(Decoded::Packet {
        packet: Packet::Publish(publish),
        ..
    }) = decoded
    else {
        panic!("{decoded:?}");
    };
    assert_eq!(publish.properties.expiry, Some(2));
}

#[test]
fn mqtt_3_1_2_25_what_is_too_large_for_the_client_is_as_if_delivered() {
    let mut outbound = connected(10, false);
    let large = "x".repeat(101).leak();
    for qos in QoS::ALL {
        let _queued = outbound.push(message(qos, 1 + qos as u64, large));
        assert!(sent(&mut outbound).is_empty());
        assert_eq!(outbound.take_dropped().too_large, 1);
    }
    assert_eq!(outbound.in_flight(), 0);
    assert_eq!(outbound.low_water([Seq(5); 2]), [Seq(5); 2]);
}

#[test]
fn the_low_water_place_stays_before_what_is_not_acknowledged() {
    let mut outbound = connected(10, false);
    (4..=6).for_each(|seq| assert_eq!(outbound.push(at_least(seq)), Pushed::Queued));
    let live = [Seq(9), Seq(9)];
    assert_eq!(outbound.low_water(live), [Seq(9), Seq(3)]);
    assert_eq!(sent(&mut outbound).len(), 3);
    ack(&mut outbound, AckKind::PubAck, 2);
    assert_eq!(outbound.low_water(live), [Seq(9), Seq(3)]);
    ack(&mut outbound, AckKind::PubAck, 1);
    assert_eq!(outbound.low_water(live), [Seq(9), Seq(5)]);
    ack(&mut outbound, AckKind::PubAck, 3);
    assert_eq!(outbound.low_water(live), live);
}

#[test]
fn a_session_whose_queue_is_full_is_behind_from_there_and_catches_up() {
    let mut outbound = connected(1, false);
    for seq in 1..=3 {
        assert_eq!(outbound.push(at_least(seq)), Pushed::Queued);
    }
    assert_eq!(outbound.push(at_least(4)), Pushed::Behind);
    assert_eq!(outbound.push(at_least(5)), Pushed::Behind);
    assert_eq!(outbound.wants(Lane::Normal), None, "the queue is full");
    assert!(!outbound.is_behind(Lane::Critical));
    for id in 1..=2 {
        assert_eq!(sent(&mut outbound).len(), 1);
        ack(&mut outbound, AckKind::PubAck, id);
    }
    assert_eq!(outbound.wants(Lane::Normal), Some(Seq(3)));
    for seq in 4..=5 {
        assert_eq!(outbound.offer(at_least(seq)), Pushed::Queued);
        assert_eq!(
            outbound.offer(at_least(seq)),
            Pushed::Known,
            "offered twice"
        );
    }
    outbound.passed(Lane::Normal, Seq(5));
    outbound.caught_up(Lane::Normal);
    assert!(!outbound.is_behind(Lane::Normal));
    assert_eq!(outbound.waiting().0, 3);
}

#[test]
fn qos_0_without_room_is_dropped_and_counted_and_keeps_nothing_else_out() {
    let mut outbound = connected(1, false);
    for _ in 0..5 {
        let _queued_or_full = outbound.push(message(QoS::AtMostOnce, 1, "x"));
    }
    assert_eq!(outbound.take_dropped().full, 2);
    assert_eq!(outbound.push(at_least(2)), Pushed::Queued);
    outbound.disconnected([Seq(9); 2]);
    assert_eq!(outbound.take_dropped().full, 3);
    assert_eq!(
        outbound.push(message(QoS::AtMostOnce, 3, "x")),
        Pushed::Full
    );
}

#[test]
fn a_chunk_goes_out_in_its_turn_as_it_is() {
    let mut outbound = connected(1, false);
    let chunk = |largest| Chunk {
        bytes: Bytes::from_static(b"as it is"),
        messages: 2,
        largest,
        lane: Lane::Normal,
    };
    assert_eq!(outbound.push(at_least(1)), Pushed::Queued);
    assert_eq!(outbound.push_chunk(chunk(101)), Pushed::TooLarge);
    assert_eq!(outbound.push_chunk(chunk(100)), Pushed::Queued);
    assert_eq!(outbound.push_chunk(chunk(100)), Pushed::Full);
    assert_eq!(outbound.take_dropped().full, 2);
    let mut out = Vec::new();
    let next = outbound.next(NOW, 1_000, &mut out);
    assert_eq!(next, Next::Chunk(Bytes::from_static(b"as it is")));
    assert!(!out.is_empty());
    assert_eq!(outbound.next(NOW, 1_000, &mut out), Next::Idle);
}

#[test]
fn critical_goes_first_and_normal_keeps_its_share() {
    let limits = SessionLimits::default();
    let mut outbound = Outbound::new(&limits);
    outbound.connected(&terms(1_000), false);
    for seq in 1..=20 {
        let mut critical = message(QoS::AtMostOnce, seq, "c");
        critical.origin = critical.origin.map(|its| Origin {
            lane: Lane::Critical,
            ..its
        });
        let _queued = outbound.push(at_least(seq));
        let _queued = outbound.push(critical);
    }
    let order: String = sent(&mut outbound).iter().map(|said| &said[1..2]).collect();
    assert!(order.starts_with("0000000100000001"), "{order}");
}

#[test]
fn a_restored_session_frees_and_keeps_what_its_note_says() {
    let mut outbound = connected(10, true);
    for seq in 1..=3 {
        assert_eq!(outbound.push(once(seq)), Pushed::Queued);
    }
    assert!(sent(&mut outbound).is_empty());
    note(&mut outbound);
    assert_eq!(sent(&mut outbound).len(), 3);
    ack(&mut outbound, AckKind::PubRec, 2);
    note(&mut outbound);
    assert_eq!(sent(&mut outbound), ["REL 2"]);
    ack(&mut outbound, AckKind::PubComp, 2);
    let kept = note(&mut outbound);
    let stages: Vec<_> = kept.ids.iter().map(|noted| noted.stage).collect();
    let [sent_stage, done] = [NotedStage::Sent, NotedStage::Done];
    assert_eq!(
        stages,
        [sent_stage, done, sent_stage],
        "2 is done, but 1 is not"
    );

    let mut restored = Outbound::restore(&limits(), &kept);
    restored.connected(&terms(10), true);
    assert_eq!(restored.wants(Lane::Normal), Some(Seq(0)));
    for seq in 1..=3 {
        assert_eq!(restored.offer(once(seq)), Pushed::Known);
    }
    assert_eq!(restored.offer(once(4)), Pushed::Queued);
    assert_eq!(sent(&mut restored), ["P2 1 dup", "P2 3 dup"]);
    assert!(restored.is_note_due(), "no id is given before a note");
    note(&mut restored);
    assert!(sent(&mut restored).is_empty());
    note(&mut restored);
    assert_eq!(sent(&mut restored), ["P2 12293"]);
}

#[test]
fn an_id_is_not_given_twice_around_the_end() {
    let first = OutNote::first(UID, 0, 0);
    let noted = OutNote {
        next_id: PacketId::new(65_535 - 12_289).unwrap(),
        ..first
    };
    let mut outbound = Outbound::restore(&limits(), &noted);
    outbound.connected(&terms(10), true);
    outbound.caught_up(Lane::Normal);
    assert_eq!(outbound.push(at_least(1)), Pushed::Queued);
    note(&mut outbound);
    assert_eq!(sent(&mut outbound), ["P1 65535"]);
    for seq in 2..=20 {
        assert_eq!(outbound.push(at_least(seq)), Pushed::Queued);
        if outbound.is_note_due() {
            note(&mut outbound);
        }
        let id = (seq - 1) as u16;
        assert_eq!(sent(&mut outbound), [format!("P1 {id}")]);
        ack(&mut outbound, AckKind::PubAck, id);
        outbound.disconnected([Seq(seq); 2]);
        outbound.connected(&terms(10), true);
        outbound.passed(Lane::Normal, Seq(0));
        let _filled = outbound.offer(at_least(1));
        outbound.caught_up(Lane::Normal);
        assert_eq!(sent(&mut outbound), ["P1 65535 dup"]);
    }
}

#[test]
fn what_the_journal_no_longer_has_is_given_up_and_its_id_freed() {
    let mut outbound = connected(10, false);
    assert_eq!(outbound.push(at_least(1)), Pushed::Queued);
    assert_eq!(outbound.push(once(2)), Pushed::Queued);
    assert_eq!(sent(&mut outbound), ["P1 1", "P2 2"]);
    outbound.disconnected([Seq(9); 2]);
    outbound.connected(&terms(10), false);
    assert!(outbound.awaits(Lane::Normal, Seq(1)) && !outbound.awaits(Lane::Normal, Seq(3)));
    outbound.passed(Lane::Normal, Seq(9));
    assert_eq!(outbound.take_dropped().gone, 2);
    assert_eq!(sent(&mut outbound), ["REL 2"]);
    ack(&mut outbound, AckKind::PubComp, 2);
    assert_eq!(outbound.in_flight(), 0);
}

#[test]
fn mqtt_4_8_2_5_what_is_apart_is_kept_and_can_be_taken_back() {
    let group = NonZeroU32::new(7).unwrap();
    let apart = |qos, seq| {
        let mut delivery = message(qos, seq, "x");
        delivery.origin = delivery.origin.map(|its| Origin {
            apart: Some(group),
            ..its
        });
        delivery
    };
    let mut outbound = connected(2, false);
    assert_eq!(outbound.push(apart(QoS::AtLeastOnce, 1)), Pushed::Queued);
    assert_eq!(outbound.push(apart(QoS::ExactlyOnce, 2)), Pushed::Queued);
    assert_eq!(outbound.push(apart(QoS::AtLeastOnce, 3)), Pushed::Queued);
    assert_eq!(sent(&mut outbound), ["P1 1", "P2 2"]);
    outbound.disconnected([Seq(9); 2]);
    let taken = outbound.take_apart(group);
    let seqs: Vec<_> = taken.iter().filter_map(|its| its.origin).collect();
    assert_eq!(seqs.iter().map(|its| its.seq.0).collect::<Vec<_>>(), [1, 3]);
    outbound.connected(&terms(2), false);
    assert_eq!(sent(&mut outbound), ["P2 2 dup"]);
}
