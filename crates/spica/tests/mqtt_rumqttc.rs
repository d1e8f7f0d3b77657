//! The MQTT station against rumqttc, a client that others wrote, also through `kill -9` of the node
//! and a storm of clients that come back. `SPICA_KILLS` and `SPICA_STORM` ask for more of both.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "mqtt_rumqttc/client.rs"]
mod client;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use client::{Client, DEADLINE, Message, Version};
use futures::future::join_all;
use rumqttc::QoS;
use spica_fixture::{Hub, Launch, address, free_ports};
use tokio::time::timeout;

const BOTH: [Version; 2] = [Version::V311, Version::V5];
const ALL_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];
/// Messages of each quality of service that are on their way while the node is killed.
const BURST: usize = 20;

fn asked(name: &str, otherwise: usize) -> usize {
    let asked = std::env::var(name).ok();
    asked.map_or(otherwise, |count| count.parse().unwrap())
}

/// A node whose MQTT port stays the same when it is started again.
fn start(dir: &tempfile::TempDir) -> (Hub, SocketAddr) {
    let [at] = free_ports(address()).unwrap();
    let launch = Launch::new(env!("CARGO_BIN_EXE_spica"), dir.path());
    let launch = launch.config(&format!("mqtt.listen = \"{at}\""));
    let launch = launch.config("mqtt.access.anonymous = \"operator\"");
    (launch.start().unwrap(), at)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_quality_of_service_both_ways() {
    let dir = tempfile::tempdir().unwrap();
    let (_hub, at) = start(&dir);
    for version in BOTH {
        let (mut client, present) = Client::join(version, at, &format!("both{version:?}")).await;
        assert!(!present);
        for granted in ALL_QOS {
            let topic = format!("both/{version:?}/{granted:?}");
            client.subscribe(&topic, granted).await;
            for qos in ALL_QOS {
                let payload = format!("{qos:?}");
                client.publish(&topic, &payload, qos).await;
                let expected = Message {
                    topic: topic.clone(),
                    payload,
                    qos: if (qos as u8) < granted as u8 {
                        qos
                    } else {
                        granted
                    },
                    retain: false,
                };
                assert_eq!(client.message().await, expected);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_message_waits_for_who_comes_later() {
    let dir = tempfile::tempdir().unwrap();
    let (_hub, at) = start(&dir);
    for version in BOTH {
        let (mut publisher, _) = Client::join(version, at, "publisher").await;
        publisher
            .start_publish("kept", "value", QoS::AtLeastOnce, true)
            .await;
        publisher.taken(1).await;
        let (mut later, _) = Client::join(version, at, &format!("later{version:?}")).await;
        later.subscribe("+", QoS::ExactlyOnce).await;
        let expected = Message {
            topic: "kept".into(),
            payload: "value".into(),
            qos: QoS::AtLeastOnce,
            retain: true,
        };
        assert_eq!(later.message().await, expected);
    }
}

/// How often each payload came, by quality of service.
type Counts = BTreeMap<(u8, usize), usize>;

async fn count_all(subscriber: &mut Client, counts: &mut Counts, total: usize) {
    while counts.len() < total {
        let message = subscriber.message().await;
        let number: usize = message.payload.parse().unwrap();
        *counts.entry((message.qos as u8, number)).or_default() += 1;
    }
}

/// The publisher lives through all of it: what it has not heard of, it says again. The subscriber is
/// away while the node dies, since rumqttc does not know a PUBREL of before its connection.
async fn through_kills(version: Version) {
    let dir = tempfile::tempdir().unwrap();
    let (mut hub, at) = start(&dir);
    let (mut publisher, _) = Client::join(version, at, "publisher").await;
    let (mut subscriber, _) = Client::join(version, at, "subscriber").await;
    subscriber.subscribe("burst/+", QoS::ExactlyOnce).await;
    let mut counts = Counts::new();
    for round in 0..asked("SPICA_KILLS", 2) {
        subscriber.leave().await;
        for number in round * BURST..(round + 1) * BURST {
            for (topic, qos) in [("burst/1", QoS::AtLeastOnce), ("burst/2", QoS::ExactlyOnce)] {
                let payload = number.to_string();
                publisher.start_publish(topic, &payload, qos, false).await;
            }
        }
        // Some are taken, most are on their way: more of them in each round.
        publisher.taken(1 + round % BURST).await;
        hub = hub.kill().unwrap().start().unwrap();
        assert!(publisher.connected().await, "round {round}");
        publisher.taken(2 * BURST - 1 - round % BURST).await;
        let (back, present) = Client::join(version, at, "subscriber").await;
        assert!(present, "round {round}");
        subscriber = back;
        count_all(&mut subscriber, &mut counts, 2 * BURST * (round + 1)).await;
    }
    let again: Vec<_> = counts
        .iter()
        .filter(|((qos, _), count)| *qos == 2 && **count > 1)
        .collect();
    assert!(again.is_empty(), "QoS 2 more than once: {again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_kills_with_3_1_1() {
    through_kills(Version::V311).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_kills_with_5() {
    through_kills(Version::V5).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_come_back_at_once_with_their_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let (hub, at) = start(&dir);
    let storm = asked("SPICA_STORM", 100);
    let joined = (0..storm).map(async |number| {
        let id = format!("storm{number}");
        let (mut client, present) = Client::join(BOTH[number % 2], at, &id).await;
        assert!(!present);
        client.subscribe("all", QoS::AtLeastOnce).await;
        client
    });
    let mut clients = join_all(joined).await;
    let hub = hub.kill().unwrap().start().unwrap();
    let back = clients
        .iter_mut()
        .map(async |client| client.connected().await);
    let present = timeout(DEADLINE, join_all(back)).await.unwrap();
    assert!(present.iter().all(|present| *present));
    let (mut publisher, _) = Client::join(Version::V5, at, "publisher").await;
    publisher
        .publish("all", "still here", QoS::AtLeastOnce)
        .await;
    let heard = clients
        .iter_mut()
        .map(async |client| client.message().await.payload);
    let heard = timeout(DEADLINE, join_all(heard)).await.unwrap();
    assert!(heard.iter().all(|payload| payload == "still here"));
    drop(clients);
    assert_eq!(hub.stop().unwrap(), Some(0));
}
