//! Devices over MQTT: check-ins, and the life of their commands.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "each test uses its part of it")]
mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{Client, Node, connect};
use spica_devices::{Command, CommandState, Device, Serial};
use spica_mqtt_proto::{
    Ack, AckProperties, Packet, PacketId, Publish, PublishProperties, QoS, Reason, UserProperties,
    Version,
};
use spica_station_mqtt::{DeviceSettings, Settings};
use spica_views::CommandRequest;

const SERIAL: &str = "4711";
const TOKEN: &str = "spica_device4711";
const COMMANDS: &str = "devices/4711/commands/#";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn serial() -> Serial {
    Serial::new(SERIAL).unwrap()
}

/// A station at which the device is registered.
async fn station() -> Node {
    let node = Node::start(Settings::default()).await;
    node.register(SERIAL).await;
    node
}

/// The device, connected.
async fn device(node: &Node, client_id: &str) -> Client {
    let mut client = Client::dial(node).await;
    let hello = connect(Version::V5, client_id, None, Some(TOKEN));
    assert_eq!(client.connect(&hello).await, Reason::Success);
    client
}

/// The same with a session that is kept; whether it was there.
async fn kept(node: &Node, client_id: &str) -> (Client, bool) {
    let mut client = Client::dial(node).await;
    let mut hello = connect(Version::V5, client_id, None, Some(TOKEN));
    hello.clean_start = false;
    hello.properties.session_expiry = Some(600);
    assert_eq!(client.connect(&hello).await, Reason::Success);
    let present = client.session_present;
    (client, present)
}

async fn queue(node: &Node, expires_in: Duration) -> Arc<Command> {
    let request = CommandRequest {
        code: 200,
        name: "calibrate".into(),
        arguments: br#"{"to":5}"#.to_vec(),
        expires_in,
    };
    let queued = node.devices.queue_command(&serial(), request, "ada").await;
    queued.unwrap()
}

/// A command as it came.
struct Told {
    body: serde_json::Value,
    topic: String,
    response: Option<String>,
    correlation: Option<Vec<u8>>,
    expiry: Option<u32>,
    packet_id: Option<PacketId>,
    qos: QoS,
    retain: bool,
}

impl Told {
    async fn next(client: &mut Client) -> Self {
        let told = client.receive(|packet| match packet {
            Packet::Publish(publish) => Self {
                body: serde_json::from_slice(publish.payload).unwrap(),
                topic: publish.topic.to_owned(),
                response: publish.properties.response_topic.map(str::to_owned),
                correlation: publish.properties.correlation.map(<[u8]>::to_vec),
                expiry: publish.properties.expiry,
                packet_id: publish.packet_id,
                qos: publish.qos,
                retain: publish.retain,
            },
            other => panic!("{other:?}"),
        });
        told.await.unwrap()
    }

    fn id(&self) -> u64 {
        self.body["id"].as_u64().unwrap()
    }

    async fn acknowledge(&self, client: &mut Client) {
        let ack = Ack {
            packet_id: self.packet_id.unwrap(),
            reason: Reason::Success,
            properties: AckProperties::default(),
        };
        client.send(&Packet::PubAck(ack)).await;
    }

    async fn answer(&self, client: &mut Client, answer: &[u8]) {
        self.acknowledge(client).await;
        let topic = format!("{}/response", self.topic);
        say(client, &topic, answer).await;
    }
}

/// Publishes with QoS 0: what is read behind it comes from behind it.
async fn say(client: &mut Client, topic: &str, payload: &[u8]) {
    let publish = Publish {
        dup: false,
        qos: QoS::AtMostOnce,
        retain: false,
        topic,
        packet_id: None,
        properties: PublishProperties::default(),
        payload,
    };
    client.send(&Packet::Publish(publish)).await;
}

/// Waits until the views show it.
async fn until<T>(mut condition: impl FnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(met) = condition() {
                return met;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(30), waiting).await;
    waited.unwrap()
}

async fn becomes(node: &Node, id: u16, state: CommandState) -> Arc<Command> {
    let command = || node.views.command(&serial(), id);
    until(|| command().filter(|it| it.state == state)).await
}

fn seen(node: &Node) -> Option<Arc<Device>> {
    let device = node.views.device(&serial())?;
    device.last_check_in.is_some().then_some(device)
}

#[tokio::test]
async fn a_device_checks_in_by_connecting_and_says_its_version() {
    let node = station().await;
    assert!(seen(&node).is_none());
    let mut version = Vec::new();
    UserProperties::push(&mut version, "software-version", "2.1").unwrap();
    let mut client = Client::dial(&node).await;
    let mut hello = connect(Version::V5, "d", None, Some(TOKEN));
    hello.properties.user = UserProperties::of(&version);
    assert_eq!(client.connect(&hello).await, Reason::Success);
    let first = until(|| seen(&node)).await;
    assert_eq!(first.software_version.as_deref(), Some("2.1"));
    let topic = spica_model::Topic::new("root/s1/devices/4711/check-in").unwrap();
    let record = node.views.get(&topic).unwrap();
    let body: serde_json::Value = serde_json::from_slice(&record.payload).unwrap();
    assert_eq!(body["station"], "mqtt");
    // Again, and it says nothing of a version.
    let _again = device(&node, "e").await;
    let later = |it: &Arc<Device>| it.last_check_in > first.last_check_in;
    let second = until(|| seen(&node).filter(later)).await;
    assert_eq!(second.software_version, None);
}

#[tokio::test]
async fn many_messages_are_one_check_in_and_the_last_one_is_not_lost() {
    let node = Node::start(Settings {
        devices: DeviceSettings {
            check_in_every: spica_settings::Span::from_secs(45),
        },
        ..Settings::default()
    })
    .await;
    node.register(SERIAL).await;
    let mut client = device(&node, "d").await;
    let first = until(|| seen(&node)).await.last_check_in;
    for _ in 0..100 {
        let told = client.publish("devices/4711/data/level").await;
        assert_eq!(told, Reason::Success);
    }
    assert_eq!(seen(&node).unwrap().last_check_in, first);
    // What was put off is written when the connection is over.
    drop(client);
    until(|| seen(&node).filter(|it| it.last_check_in > first)).await;
}

#[tokio::test]
async fn check_ins_come_as_often_as_it_is_set() {
    let node = Node::start(Settings {
        devices: DeviceSettings {
            check_in_every: spica_settings::Span::from_secs(0),
        },
        ..Settings::default()
    })
    .await;
    node.register(SERIAL).await;
    let mut client = device(&node, "d").await;
    let first = until(|| seen(&node)).await.last_check_in;
    client.publish("devices/4711/data/level").await;
    until(|| seen(&node).filter(|it| it.last_check_in > first)).await;
}

#[tokio::test]
async fn who_is_no_device_checks_nothing_in() {
    let node = station().await;
    let mut client = Client::dial(&node).await;
    let hello = connect(Version::V5, "o", None, Some("spica_operator"));
    assert_eq!(client.connect(&hello).await, Reason::Success);
    client.publish("a").await;
    assert!(seen(&node).is_none());
}

#[tokio::test]
async fn a_command_that_waits_is_handed_over_and_confirmed() {
    let node = station().await;
    let queued = queue(&node, DAY).await;
    let mut client = device(&node, "d").await;
    client.subscribe_with(COMMANDS, QoS::ExactlyOnce).await;
    let told = Told::next(&mut client).await;
    assert_eq!(told.topic, format!("devices/4711/commands/{}", queued.id));
    assert_eq!(told.id(), u64::from(queued.id));
    assert_eq!(told.body["parameters"]["to"], 5);
    assert_eq!((told.qos, told.retain), (QoS::AtLeastOnce, false));
    let response = format!("{}/response", told.topic);
    assert_eq!(told.response.as_deref(), Some(&*response));
    assert_eq!(told.correlation, Some(queued.id.to_string().into_bytes()));
    let expiry = told.expiry.unwrap();
    assert!((86_300..=86_400).contains(&expiry), "{expiry}");
    // On disk before it was on the wire.
    let sent = node.views.command(&serial(), queued.id).unwrap();
    assert_eq!((sent.state, sent.attempts), (CommandState::Sent, 1));
    told.answer(&mut client, br#"{"status":"confirmed"}"#).await;
    let confirmed = becomes(&node, queued.id, CommandState::Confirmed).await;
    assert_eq!(confirmed.result, Some(0));
}

#[tokio::test]
async fn one_that_is_queued_while_the_device_is_there_goes_out_at_once_and_may_be_refused() {
    let node = station().await;
    let mut client = device(&node, "d").await;
    client.subscribe_with(COMMANDS, QoS::AtLeastOnce).await;
    for (answer, result) in [
        (&b"refused"[..], 1),
        (br#"{"status":"refused","reason":9}"#, 9),
    ] {
        let queued = queue(&node, DAY).await;
        let told = Told::next(&mut client).await;
        // Nothing else comes in between: neither the records of the command nor its own answer.
        assert_eq!(told.id(), u64::from(queued.id));
        told.answer(&mut client, answer).await;
        let refused = becomes(&node, queued.id, CommandState::Refused).await;
        assert_eq!(refused.result, Some(result));
    }
}

#[tokio::test]
async fn old_clients_and_qos_0_are_served_too() {
    let node = station().await;
    let mut client = Client::dial(&node).await;
    let hello = connect(Version::V311, "old", Some(SERIAL), Some(TOKEN));
    assert_eq!(client.connect(&hello).await, Reason::Success);
    client.subscribe_old(COMMANDS).await;
    let queued = queue(&node, DAY).await;
    let told = Told::next(&mut client).await;
    assert_eq!((told.qos, told.response), (QoS::AtMostOnce, None));
    let topic = format!("devices/4711/commands/{}/response", queued.id);
    say(&mut client, &topic, b"confirmed").await;
    becomes(&node, queued.id, CommandState::Confirmed).await;
}

#[tokio::test]
async fn without_an_answer_it_comes_again_in_the_next_connection_once() {
    let node = station().await;
    let (mut client, _) = kept(&node, "d").await;
    client.subscribe_with(COMMANDS, QoS::AtLeastOnce).await;
    let queued = queue(&node, DAY).await;
    // Once without an acknowledgement, once with: both times it is not answered.
    let first = Told::next(&mut client).await;
    assert_eq!(first.body["attempt"], 1);
    drop(client);
    node.away("d").await;
    let (mut client, present) = kept(&node, "d").await;
    assert!(present);
    let second = Told::next(&mut client).await;
    assert_eq!(
        (second.id(), second.body["attempt"].as_u64()),
        (first.id(), Some(2))
    );
    second.acknowledge(&mut client).await;
    drop(client);
    node.away("d").await;
    let (mut client, _) = kept(&node, "d").await;
    let third = Told::next(&mut client).await;
    assert_eq!(
        (third.id(), third.body["attempt"].as_u64()),
        (first.id(), Some(3))
    );
    third.answer(&mut client, b"confirmed").await;
    becomes(&node, queued.id, CommandState::Confirmed).await;
    // And no more: the next one is the next.
    let next = queue(&node, DAY).await;
    assert_eq!(Told::next(&mut client).await.id(), u64::from(next.id));
}

#[tokio::test]
async fn what_is_cancelled_or_expired_meanwhile_is_not_handed_over() {
    let node = station().await;
    let (mut client, _) = kept(&node, "d").await;
    client.subscribe_with(COMMANDS, QoS::AtLeastOnce).await;
    drop(client);
    node.away("d").await;
    let cancelled = queue(&node, DAY).await;
    let expires = queue(&node, Duration::from_secs(1)).await;
    let devices = &node.devices;
    devices
        .cancel_command(&serial(), cancelled.id, "ada")
        .await
        .unwrap();
    let is_over = || {
        let pending = node.views.pending_commands(&serial());
        pending.is_empty().then_some(())
    };
    until(is_over).await;
    let last = queue(&node, DAY).await;
    let (mut client, _) = kept(&node, "d").await;
    assert_eq!(Told::next(&mut client).await.id(), u64::from(last.id));
    let state = node.views.command(&serial(), expires.id).unwrap().state;
    assert_eq!(
        state,
        CommandState::Queued,
        "its time is over; noting it is the node's"
    );
}

#[tokio::test]
async fn an_answer_that_was_recorded_but_not_noted_is_found_when_the_device_comes_again() {
    let node = station().await;
    let queued = queue(&node, DAY).await;
    node.devices
        .command_sent(&serial(), queued.id)
        .await
        .unwrap();
    let topic = format!("devices/4711/commands/{}/response", queued.id);
    node.state(&topic, br#"{"status":"refused","reason":3}"#)
        .await;
    let _client = device(&node, "d").await;
    let refused = becomes(&node, queued.id, CommandState::Refused).await;
    assert_eq!((refused.result, refused.attempts), (Some(3), 1));
}

#[tokio::test]
async fn a_device_neither_gets_nor_answers_the_commands_of_another() {
    let node = station().await;
    node.register("4712").await;
    let queued = queue(&node, DAY).await;
    let mut other = Client::dial(&node).await;
    let hello = connect(Version::V5, "other", None, Some("spica_device4712"));
    assert_eq!(other.connect(&hello).await, Reason::Success);
    assert_eq!(other.subscribe(COMMANDS).await, Reason::NotAuthorized);
    node.devices
        .command_sent(&serial(), queued.id)
        .await
        .unwrap();
    let topic = format!("devices/4711/commands/{}/response", queued.id);
    assert_eq!(other.publish(&topic).await, Reason::NotAuthorized);
    let state = node.views.command(&serial(), queued.id).unwrap().state;
    assert_eq!(state, CommandState::Sent);
}

#[tokio::test]
async fn answers_that_fit_no_command_change_nothing() {
    let node = station().await;
    let mut client = device(&node, "d").await;
    client.subscribe_with(COMMANDS, QoS::AtLeastOnce).await;
    let queued = queue(&node, DAY).await;
    let told = Told::next(&mut client).await;
    say(
        &mut client,
        "devices/4711/commands/999/response",
        b"confirmed",
    )
    .await;
    say(
        &mut client,
        "devices/4711/commands/x/response",
        b"confirmed",
    )
    .await;
    told.answer(&mut client, b"perhaps").await;
    let response = format!("{}/response", told.topic);
    say(&mut client, &response, b"refused").await;
    becomes(&node, queued.id, CommandState::Refused).await;
    // Settled is settled.
    say(&mut client, &response, b"confirmed").await;
    let outcomes = ["unknown", "unreadable", "refused", "settled-before"];
    until(|| {
        let counted = node.counted();
        let is_counted = |outcome: &&str| {
            let line = format!("mqtt_command_answers_total{{reason=\"{outcome}\"}} ");
            counted.contains(&line)
        };
        outcomes.iter().all(is_counted).then_some(())
    })
    .await;
    let state = node.views.command(&serial(), queued.id).unwrap().state;
    assert_eq!(state, CommandState::Refused);
}

#[tokio::test]
async fn operators_see_the_records_and_the_device_does_not() {
    let node = station().await;
    let mut watcher = Client::dial(&node).await;
    let hello = connect(Version::V5, "o", None, Some("spica_operator"));
    assert_eq!(watcher.connect(&hello).await, Reason::Success);
    watcher.subscribe("devices/4711/commands/+").await;
    let mut client = device(&node, "d").await;
    client.subscribe_with(COMMANDS, QoS::AtLeastOnce).await;
    let queued = queue(&node, DAY).await;
    let topic = format!("devices/4711/commands/{}", queued.id);
    let told = Told::next(&mut client).await;
    assert!(told.body.get("by").is_none());
    told.answer(&mut client, b"confirmed").await;
    for state in ["queued", "sent", "confirmed"] {
        let (record, _) = watcher.told(&topic).await;
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        assert_eq!(record["state"], state);
        assert_eq!(record["by"], "ada");
    }
}
