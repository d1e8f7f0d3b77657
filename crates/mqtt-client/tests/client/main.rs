//! The client against a server of a few lines, which does what the test says.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod server;

use std::num::NonZeroU16;
use std::time::Duration;

use server::{Heard, Server};
use spica_mqtt_client::{
    Backoff, Client, ConnectError, Message, PublishError, QoS, Reason, Settings, State,
    SubscribeOptions, Version,
};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(30);

fn settings(server: &Server) -> Settings {
    Settings {
        servers: vec![server.address()],
        client_id: "it".into(),
        session_expiry_secs: 60,
        reconnect: Some(Backoff {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(5),
        }),
        ..Settings::default()
    }
}

async fn within<T>(work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.unwrap()
}

#[tokio::test]
async fn messages_go_out_and_come_in() {
    for version in [Version::V311, Version::V5] {
        let server = Server::bind().await;
        let settings = Settings {
            version,
            ..settings(&server)
        };
        let (client, mut inbox) = Client::open(settings);
        let mut link = within(server.accept(version)).await;
        link.connack(false, Reason::Success, None).await;
        let connected = within(client.connected()).await.unwrap();
        assert_eq!(
            (connected.session_present, connected.connection),
            (false, 1)
        );
        let (asked, answered) = tokio::join!(
            client.subscribe(vec![("a/#".into(), SubscribeOptions::default())], None),
            async {
                assert_eq!(link.heard().await, Heard::Subscribe(1, "a/#".into()));
                link.suback(1, Reason::Success).await;
            }
        );
        assert_eq!((asked, answered), (Ok(vec![Reason::Success]), ()));
        link.publish("a/b", 9, QoS::AtLeastOnce).await;
        let received = within(inbox.next()).await.unwrap();
        assert_eq!(received.message.topic, "a/b");
        assert_eq!(link.heard().await, Heard::PubAck(9));
        let pending = client.enqueue(Message::new("up", "x")).await.unwrap();
        assert_eq!(link.heard().await, Heard::Publish(2, "up".into(), false));
        link.puback(2).await;
        assert_eq!(within(pending).await.unwrap().reason, Reason::Success);
        tokio::join!(client.close(), async {
            assert_eq!(link.heard().await, Heard::Disconnect);
        });
        assert_eq!(within(inbox.next()).await, None);
    }
}

#[tokio::test]
async fn what_was_not_acknowledged_is_sent_again_on_the_next_connection() {
    let server = Server::bind().await;
    let (client, _inbox) = Client::open(settings(&server));
    let mut link = within(server.accept(Version::V5)).await;
    link.connack(false, Reason::Success, None).await;
    let pending = client.enqueue(Message::new("up", "x")).await.unwrap();
    assert_eq!(link.heard().await, Heard::Publish(1, "up".into(), false));
    drop(link);
    let mut link = within(server.accept(Version::V5)).await;
    link.connack(true, Reason::Success, None).await;
    assert_eq!(link.heard().await, Heard::Publish(1, "up".into(), true));
    link.puback(1).await;
    assert!(within(pending).await.is_ok());
    let connected = within(client.connected()).await.unwrap();
    assert_eq!((connected.session_present, connected.connection), (true, 2));
}

#[tokio::test]
async fn a_server_that_names_another_is_left_for_it() {
    let (passive, active) = (Server::bind().await, Server::bind().await);
    let (client, _inbox) = Client::open(settings(&passive));
    let mut link = within(passive.accept(Version::V5)).await;
    let there = active.address();
    link.connack(false, Reason::UseAnotherServer, Some(&there))
        .await;
    let mut link = within(active.accept(Version::V5)).await;
    link.connack(false, Reason::Success, None).await;
    assert_eq!(within(client.connected()).await.unwrap().server, there);
    let back = passive.address();
    link.disconnect(Reason::ServerMoved, Some(&back)).await;
    let mut link = within(passive.accept(Version::V5)).await;
    link.connack(true, Reason::Success, None).await;
    let mut state = client.state();
    let moved = state.wait_for(|state| match state {
        State::Connected(connected) => connected.server == back,
        State::Connecting(_) | State::Ended(_) => false,
    });
    within(moved).await.unwrap();
}

#[tokio::test]
async fn a_refusal_ends_a_client_that_does_not_come_back_and_those_who_wait_learn_it() {
    let server = Server::bind().await;
    let settings = Settings {
        reconnect: None,
        ..settings(&server)
    };
    let (client, mut inbox) = Client::open(settings);
    let waits = client.enqueue(Message::new("up", "x")).await.unwrap();
    let mut link = within(server.accept(Version::V5)).await;
    link.connack(false, Reason::NotAuthorized, None).await;
    let error = within(client.connected()).await.unwrap_err();
    assert!(matches!(
        error,
        ConnectError::Refused {
            reason: Reason::NotAuthorized,
            ..
        }
    ));
    assert_eq!(within(waits).await, Err(PublishError::Ended));
    assert_eq!(within(inbox.next()).await, None);
}

#[tokio::test]
async fn messages_that_nobody_takes_stop_the_reading_and_nothing_else() {
    let server = Server::bind().await;
    let settings = Settings {
        receive_maximum: NonZeroU16::MIN,
        ..settings(&server)
    };
    let (client, mut inbox) = Client::open(settings);
    let mut link = within(server.accept(Version::V5)).await;
    link.connack(false, Reason::Success, None).await;
    for id in 1..=3 {
        link.publish("down", id, QoS::AtLeastOnce).await;
    }
    assert_eq!(link.heard().await, Heard::PubAck(1));
    // The second is held, and not acknowledged before there is room: a publish overtakes it.
    let _pending = client.enqueue(Message::new("up", "x")).await.unwrap();
    assert_eq!(link.heard().await, Heard::Publish(1, "up".into(), false));
    for id in 2..=3 {
        within(inbox.next()).await.unwrap();
        assert_eq!(link.heard().await, Heard::PubAck(id));
    }
}

#[tokio::test]
async fn by_hand_nothing_is_acknowledged_before_the_caller_says_so() {
    let server = Server::bind().await;
    let settings = Settings {
        acknowledge_by_hand: true,
        ..settings(&server)
    };
    let (client, mut inbox) = Client::open(settings);
    let mut link = within(server.accept(Version::V5)).await;
    link.connack(false, Reason::Success, None).await;
    link.publish("down", 4, QoS::ExactlyOnce).await;
    let received = within(inbox.next()).await.unwrap();
    let _pending = client.enqueue(Message::new("up", "x")).await.unwrap();
    assert_eq!(link.heard().await, Heard::Publish(1, "up".into(), false));
    client.acknowledge(received.receipt.unwrap()).await;
    assert_eq!(link.heard().await, Heard::PubRec(4));
}

#[tokio::test]
async fn a_server_that_does_not_answer_a_ping_is_given_up() {
    let server = Server::bind().await;
    let settings = Settings {
        keep_alive_secs: 5,
        reconnect: None,
        ..settings(&server)
    };
    let (client, _inbox) = Client::open(settings);
    let mut link = server.accept(Version::V5).await;
    link.connack(false, Reason::Success, None).await;
    within(client.connected()).await.unwrap();
    // From here on time is what the keep-alive waits for.
    tokio::time::pause();
    assert_eq!(link.heard().await, Heard::PingReq);
    let mut state = client.state();
    let ended = state.wait_for(|state| matches!(state, State::Ended(_)));
    let State::Ended(error) = ended.await.unwrap().clone() else {
        panic!("it has not ended");
    };
    assert!(error.to_string().contains("does not answer"), "{error}");
}
