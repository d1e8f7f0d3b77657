use spica_mqtt_proto::{AckProperties, Decoded, Limits, Side, decode};

use super::*;
use crate::core::ReceiptOf;

type Plain = Session<u32, &'static str>;

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

fn session(window: u16) -> Plain {
    let mut session = Session::new(Version::V5, window);
    session.connected(false, u16::MAX, None, &mut Vec::new());
    session
}

fn message(qos: QoS) -> Message {
    Message {
        qos,
        ..Message::new("a", "x")
    }
}

fn ack(number: u16, reason: Reason) -> Ack<'static> {
    Ack {
        packet_id: id(number),
        reason,
        properties: AckProperties::default(),
    }
}

fn good(number: u16) -> Ack<'static> {
    ack(number, Reason::Success)
}

/// Packets as a server reads them: name, packet id, DUP.
fn read(mut bytes: &[u8]) -> Vec<(&'static str, u16, bool)> {
    let mut seen = Vec::new();
    while !bytes.is_empty() {
        let decoded = decode(bytes, Side::Server, Version::V5, &Limits::default()).unwrap();
        let Decoded::Packet { packet, length } = decoded else {
            panic!("half a packet is written");
        };
        let (id, dup) = match &packet {
            Packet::Publish(publish) => (publish.packet_id.map_or(0, PacketId::get), publish.dup),
            Packet::PubAck(ack)
            | Packet::PubRec(ack)
            | Packet::PubRel(ack)
            | Packet::PubComp(ack) => (ack.packet_id.get(), false),
            Packet::Subscribe(subscribe) => (subscribe.packet_id.get(), false),
            Packet::Unsubscribe(unsubscribe) => (unsubscribe.packet_id.get(), false),
            other => panic!("{} is written", other.name()),
        };
        seen.push((packet.name(), id, dup));
        bytes = &bytes[length..];
    }
    seen
}

fn published(session: &mut Plain, qos: QoS, caller: u32) -> Vec<(&'static str, u16, bool)> {
    let mut out = Vec::new();
    assert_eq!(session.publish(&message(qos), caller, &mut out), Ok(None));
    read(&out)
}

fn handled(session: &mut Plain, packet: Packet<'_>) -> (Event<u32, &'static str>, Vec<u8>) {
    let mut out = Vec::new();
    let event = session.handle(&packet, &mut out);
    (event, out)
}

/// A PUBLISH of the server.
fn incoming(number: u16, qos: QoS) -> Packet<'static> {
    Packet::Publish(Publish {
        dup: false,
        qos,
        retain: false,
        topic: "t",
        packet_id: Some(id(number)),
        properties: Default::default(),
        payload: b"p",
    })
}

#[test]
fn qos_0_is_done_at_once_and_takes_no_room() {
    let mut session = session(1);
    let mut out = Vec::new();
    let done = session.publish(&message(QoS::AtMostOnce), 7, &mut out);
    assert_eq!(done, Ok(Some(7)));
    assert_eq!(
        (read(&out), session.room()),
        (vec![("PUBLISH", 0, false)], 1)
    );
}

#[test]
fn qos_1_is_done_with_its_acknowledgement_and_says_what_the_server_said() {
    let mut session = session(2);
    assert_eq!(
        published(&mut session, QoS::AtLeastOnce, 7),
        [("PUBLISH", 1, false)]
    );
    assert_eq!(
        published(&mut session, QoS::AtLeastOnce, 8),
        [("PUBLISH", 2, false)]
    );
    let full = session.publish(&message(QoS::AtLeastOnce), 9, &mut Vec::new());
    assert_eq!(full, Err((9, NotNow::Full)), "the window is full");
    let refused = Packet::PubAck(ack(2, Reason::NotAuthorized));
    assert_eq!(
        handled(&mut session, refused).0,
        Event::Published(8, Reason::NotAuthorized)
    );
    assert_eq!(
        handled(&mut session, Packet::PubAck(good(2))).0,
        Event::None,
        "once only"
    );
    assert_eq!(
        handled(&mut session, Packet::PubComp(good(1))).0,
        Event::None,
        "not that kind"
    );
    assert_eq!(
        handled(&mut session, Packet::PubAck(good(1))).0,
        Event::Published(7, Reason::Success)
    );
    assert_eq!(session.room(), 2);
}

#[test]
fn qos_2_is_released_once_recorded_and_done_when_complete() {
    let mut session = session(1);
    assert_eq!(
        published(&mut session, QoS::ExactlyOnce, 7),
        [("PUBLISH", 1, false)]
    );
    let (event, out) = handled(&mut session, Packet::PubRec(good(1)));
    assert_eq!(
        (event, read(&out)),
        (Event::None, vec![("PUBREL", 1, false)])
    );
    assert_eq!(session.room(), 0);
    let (event, _) = handled(&mut session, Packet::PubComp(good(1)));
    assert_eq!(event, Event::Published(7, Reason::Success));
    let (event, out) = handled(&mut session, Packet::PubRec(good(9)));
    assert_eq!(
        (event, read(&out)),
        (Event::None, vec![("PUBREL", 9, false)]),
        "a stray one"
    );
    published(&mut session, QoS::ExactlyOnce, 8);
    let (event, out) = handled(&mut session, Packet::PubRec(ack(2, Reason::QuotaExceeded)));
    assert_eq!(
        (event, out),
        (Event::Published(8, Reason::QuotaExceeded), vec![])
    );
}

#[test]
fn the_window_of_the_server_is_kept_and_what_waits_leaves_in_order() {
    let mut session = Session::<u32, &str>::new(Version::V5, 4);
    session.connected(false, 2, None, &mut Vec::new());
    for caller in 1..=4 {
        let sent = published(&mut session, QoS::AtLeastOnce, caller).len();
        assert_eq!(sent, usize::from(caller <= 2));
    }
    let (_, out) = handled(&mut session, Packet::PubAck(good(1)));
    assert_eq!(read(&out), [("PUBLISH", 3, false)]);
    let (_, out) = handled(&mut session, Packet::PubAck(good(2)));
    assert_eq!(read(&out), [("PUBLISH", 4, false)]);
}

#[test]
fn a_kept_session_gets_everything_again_in_order() {
    let mut session = session(8);
    for (caller, qos) in [
        (1, QoS::AtLeastOnce),
        (2, QoS::ExactlyOnce),
        (3, QoS::ExactlyOnce),
    ] {
        published(&mut session, qos, caller);
    }
    handled(&mut session, Packet::PubRec(good(2)));
    let mut out = Vec::new();
    session.connected(true, 2, None, &mut out);
    let first = [("PUBLISH", 1, true), ("PUBREL", 2, false)];
    assert_eq!(read(&out), first, "within the server's window");
    let (_, out) = handled(&mut session, Packet::PubAck(good(1)));
    assert_eq!(read(&out), [("PUBLISH", 3, true)]);
    let (event, _) = handled(&mut session, Packet::PubComp(good(2)));
    assert_eq!(event, Event::Published(2, Reason::Success));
}

#[test]
fn a_lost_session_gets_what_it_never_had_as_new_and_subscriptions_again() {
    let mut session = session(8);
    for (caller, qos) in [(1, QoS::AtLeastOnce), (2, QoS::ExactlyOnce)] {
        published(&mut session, qos, caller);
    }
    handled(&mut session, Packet::PubRec(good(2)));
    let filters = [("a".to_owned(), SubscribeOptions::default())];
    session
        .subscribe(&filters, Some(1), "asked", &mut Vec::new())
        .unwrap();
    let asked = SubAck {
        packet_id: id(3),
        properties: AckProperties::default(),
        reasons: spica_mqtt_proto::ReasonCodes::of(&[Reason::GrantedQos1]),
    };
    let (event, _) = handled(&mut session, Packet::SubAck(asked));
    assert_eq!(event, Event::Answered("asked", vec![Reason::GrantedQos1]));
    let mut out = Vec::new();
    session.connected(false, u16::MAX, None, &mut out);
    // Whether the server has passed the second on, which it had taken, nobody knows.
    let both = [("PUBLISH", 1, false), ("PUBLISH", 2, false)];
    assert_eq!(read(&out), [&[("SUBSCRIBE", 4, false)], &both[..]].concat());
    let again = SubAck {
        packet_id: id(4),
        ..asked
    };
    assert_eq!(handled(&mut session, Packet::SubAck(again)).0, Event::None);
    let mut out = Vec::new();
    session.connected(true, u16::MAX, None, &mut out);
    assert_eq!(
        read(&out),
        [("PUBLISH", 1, true), ("PUBLISH", 2, true)],
        "a kept one has its subscriptions"
    );
}

#[test]
fn requests_without_an_answer_go_out_again() {
    let mut session = session(1);
    let mut out = Vec::new();
    session
        .unsubscribe(&["a".into()], "asked", &mut out)
        .unwrap();
    let mut again = Vec::new();
    session.connected(true, u16::MAX, None, &mut again);
    assert_eq!((read(&out), out), (vec![("UNSUBSCRIBE", 1, false)], again));
}

#[test]
fn a_message_of_qos_2_comes_once_between_its_record_and_its_release() {
    let mut session = session(1);
    let (event, out) = handled(&mut session, incoming(5, QoS::ExactlyOnce));
    let Event::Message(received) = event else {
        panic!("{event:?}")
    };
    assert!(out.is_empty(), "nothing before it is acknowledged");
    let mut out = Vec::new();
    assert!(session.acknowledge(received.receipt.unwrap(), &mut out));
    assert_eq!(read(&out), [("PUBREC", 5, false)]);
    session.connected(true, u16::MAX, None, &mut Vec::new());
    let (event, out) = handled(&mut session, incoming(5, QoS::ExactlyOnce));
    assert_eq!(
        (event, read(&out)),
        (Event::None, vec![("PUBREC", 5, false)])
    );
    let (_, out) = handled(&mut session, Packet::PubRel(good(5)));
    assert_eq!(read(&out), [("PUBCOMP", 5, false)]);
    let (event, _) = handled(&mut session, incoming(5, QoS::ExactlyOnce));
    assert!(
        matches!(event, Event::Message(_)),
        "the id is free for another"
    );
}

/// A message as the server says it once more.
fn repeated(number: u16, qos: QoS) -> Packet<'static> {
    match incoming(number, qos) {
        Packet::Publish(publish) => Packet::Publish(Publish {
            dup: true,
            ..publish
        }),
        other => other,
    }
}

fn given(session: &mut Plain, packet: Packet<'_>) -> ReceiptOf {
    match handled(session, packet).0 {
        Event::Message(received) => received.receipt.unwrap(),
        event => panic!("{event:?}"),
    }
}

fn acknowledged(session: &mut Plain, receipt: ReceiptOf) -> Vec<(&'static str, u16, bool)> {
    let mut out = Vec::new();
    assert!(session.acknowledge(receipt, &mut out));
    read(&out)
}

#[test]
fn what_the_caller_has_is_not_given_again_by_the_next_connection() {
    for (qos, name) in [(QoS::AtLeastOnce, "PUBACK"), (QoS::ExactlyOnce, "PUBREC")] {
        // It is acknowledged without a connection, before it has come again, and after.
        for when in 0..3 {
            let mut session = session(1);
            let receipt = given(&mut session, incoming(5, qos));
            session.disconnected();
            if when == 0 {
                assert_eq!(acknowledged(&mut session, receipt), []);
            }
            session.connected(true, u16::MAX, None, &mut Vec::new());
            if when == 1 {
                assert_eq!(acknowledged(&mut session, receipt), []);
            }
            let (event, out) = handled(&mut session, repeated(5, qos));
            assert_eq!(event, Event::None, "{name} {when}");
            let said = if when == 2 {
                assert!(out.is_empty());
                acknowledged(&mut session, receipt)
            } else {
                read(&out)
            };
            assert_eq!(said, [(name, 5, false)], "{when}");
        }
    }
}

#[test]
fn another_message_of_the_same_id_is_given() {
    let mut session = session(1);
    let first = given(&mut session, incoming(5, QoS::AtLeastOnce));
    session.disconnected();
    assert_eq!(acknowledged(&mut session, first), []);
    session.connected(true, u16::MAX, None, &mut Vec::new());
    // The server has given up the first, as when its time was over.
    let second = given(&mut session, incoming(5, QoS::AtLeastOnce));
    assert!(!session.acknowledge(first, &mut Vec::new()));
    assert_eq!(acknowledged(&mut session, second), [("PUBACK", 5, false)]);
    // Acknowledged, and said again since the acknowledgement was lost: there is no telling.
    given(&mut session, repeated(5, QoS::AtLeastOnce));
}

#[test]
fn a_receipt_of_a_session_that_is_gone_acknowledges_nothing() {
    let mut session = session(1);
    let first = given(&mut session, incoming(5, QoS::AtLeastOnce));
    session.disconnected();
    session.connected(false, u16::MAX, None, &mut Vec::new());
    let mut out = Vec::new();
    assert!(!session.acknowledge(first, &mut out));
    assert!(out.is_empty());
    let never_given = given(&mut session, incoming(6, QoS::AtLeastOnce));
    session.not_given(never_given);
    session.disconnected();
    session.connected(true, u16::MAX, None, &mut Vec::new());
    given(&mut session, repeated(6, QoS::AtLeastOnce));
}

#[test]
fn what_the_server_does_not_take_is_refused_here() {
    let mut session = Session::<u32, &str>::new(Version::V5, 1);
    session.connected(false, 1, Some(20), &mut Vec::new());
    for qos in QoS::ALL {
        let large = Message {
            qos,
            ..Message::new("a", vec![0; 20])
        };
        let mut out = Vec::new();
        assert_eq!(
            session.publish(&large, 1, &mut out),
            Err((1, NotNow::TooLarge))
        );
        assert!(out.is_empty());
    }
    let nul = session.publish(&Message::new("a\0", ""), 1, &mut Vec::new());
    assert!(matches!(nul, Err((1, NotNow::Encode(_)))));
    assert_eq!(session.room(), 1);
}

#[test]
fn requests_and_subscriptions_are_bounded() {
    let mut session = session(1);
    for _ in 0..REQUESTS {
        session
            .unsubscribe(&["a".into()], "", &mut Vec::new())
            .unwrap();
    }
    let full = session.unsubscribe(&["a".into()], "one more", &mut Vec::new());
    assert_eq!(full, Err(("one more", NotNow::Full)));
    let many = (0..=SUBSCRIPTIONS).map(|n| (n.to_string(), SubscribeOptions::default()));
    let many: Vec<_> = many.collect();
    let mut fresh = Session::<u32, &str>::new(Version::V5, 1);
    let full = fresh.subscribe(&many, None, "many", &mut Vec::new());
    assert_eq!(full, Err(("many", NotNow::Full)));
    fresh
        .subscribe(&many[1..], None, "less", &mut Vec::new())
        .unwrap();
}
