//! rumqttc in both versions, with what happens to it as things to be awaited, each with a deadline.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::net::SocketAddr;
use std::time::Duration;

use rumqttc::{QoS, mqttbytes, v5};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use v5::mqttbytes::QoS as QoS5;
use v5::mqttbytes::v5 as packets;

/// Generous: it bounds a hang, it measures nothing.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);
/// rumqttc connects again as often as it is asked to: while nobody is there, that often.
const AGAIN: Duration = Duration::from_millis(20);
/// More than any test has on its way at once: then no packet identifier is used again, which rumqttc
/// does not survive if messages of QoS 1 and 2 are acknowledged out of turn.
const IN_FLIGHT: u16 = 1000;
const SESSION: u32 = 3600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V311,
    V5,
}

/// What happens to a client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// CONNACK, and whether there was a session.
    Connected(bool),
    /// SUBACK with the granted quality of service.
    Granted(QoS),
    /// A message that it published is the station's: PUBACK or PUBCOMP.
    Taken,
    /// PUBCOMP of a message that it got.
    Released,
    Message(Message),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
}

/// A client whose session is kept, and that connects again by itself until it is dropped.
pub(crate) struct Client {
    handle: Handle,
    seen: UnboundedReceiver<Seen>,
    /// What came while something else was awaited.
    early: Vec<Seen>,
    run: JoinHandle<()>,
}

enum Handle {
    V311(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

impl Drop for Client {
    fn drop(&mut self) {
        self.run.abort();
    }
}

impl Client {
    /// Connects; and whether there was a session.
    pub(crate) async fn join(version: Version, at: SocketAddr, id: &str) -> (Self, bool) {
        let mut client = Self::begin(version, at, id);
        let present = client.connected().await;
        (client, present)
    }

    /// Begins to connect.
    pub(crate) fn begin(version: Version, at: SocketAddr, id: &str) -> Self {
        let (tell, seen) = unbounded_channel();
        let host = at.ip().to_string();
        let (handle, run) = match version {
            Version::V311 => {
                let mut options = rumqttc::MqttOptions::new(id, host, at.port());
                options.set_clean_session(false).set_inflight(IN_FLIGHT);
                options.set_keep_alive(DEADLINE);
                options.set_max_packet_size(1 << 20, 1 << 20);
                let (handle, events) = rumqttc::AsyncClient::new(options, 10);
                (Handle::V311(handle), tokio::spawn(run_v311(events, tell)))
            }
            Version::V5 => {
                let mut options = v5::MqttOptions::new(id, host, at.port());
                options.set_clean_start(false).set_keep_alive(DEADLINE);
                options.set_session_expiry_interval(Some(SESSION));
                options.set_outgoing_inflight_upper_limit(IN_FLIGHT);
                let (handle, events) = v5::AsyncClient::new(options, 10);
                (Handle::V5(handle), tokio::spawn(run_v5(events, tell)))
            }
        };
        Self {
            handle,
            seen,
            early: Vec::new(),
            run,
        }
    }

    /// The next CONNACK: whether there was a session.
    pub(crate) async fn connected(&mut self) -> bool {
        let connected = |seen: &Seen| matches!(seen, Seen::Connected(_));
        match self.first(connected).await {
            Seen::Connected(present) => present,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn subscribe(&mut self, filter: &str, qos: QoS) {
        match &self.handle {
            Handle::V311(client) => client.subscribe(filter, qos).await.unwrap(),
            Handle::V5(client) => client.subscribe(filter, qos_of(qos)).await.unwrap(),
        }
        let granted = self.first(|seen| matches!(seen, Seen::Granted(_))).await;
        assert_eq!(granted, Seen::Granted(qos));
    }

    /// Publishes, and does not wait until it is taken.
    pub(crate) async fn start_publish(&self, topic: &str, payload: &str, qos: QoS, retain: bool) {
        let payload = payload.as_bytes().to_vec();
        match &self.handle {
            Handle::V311(client) => client.publish(topic, qos, retain, payload).await.unwrap(),
            Handle::V5(client) => {
                let sent = client.publish(topic, qos_of(qos), retain, payload);
                sent.await.unwrap();
            }
        }
    }

    pub(crate) async fn publish(&mut self, topic: &str, payload: &str, qos: QoS) {
        self.start_publish(topic, payload, qos, false).await;
        if qos != QoS::AtMostOnce {
            self.taken(1).await;
        }
    }

    /// Waits until as many more of its messages are the station's.
    pub(crate) async fn taken(&mut self, count: usize) {
        for _ in 0..count {
            self.first(|seen| *seen == Seen::Taken).await;
        }
    }

    /// The next message; of QoS 2, when it is the client's and the station knows.
    pub(crate) async fn message(&mut self) -> Message {
        let message = self.first(|seen| matches!(seen, Seen::Message(_))).await;
        let Seen::Message(message) = message else {
            panic!("{message:?}");
        };
        if message.qos == QoS::ExactlyOnce {
            self.first(|seen| *seen == Seen::Released).await;
        }
        message
    }

    /// Says goodbye; the session stays.
    pub(crate) async fn leave(mut self) {
        match &self.handle {
            Handle::V311(client) => client.disconnect().await.unwrap(),
            Handle::V5(client) => client.disconnect().await.unwrap(),
        }
        timeout(DEADLINE, &mut self.run).await.unwrap().unwrap();
    }

    /// The first that is wanted; the others are kept for later.
    async fn first(&mut self, is_wanted: impl Fn(&Seen) -> bool) -> Seen {
        if let Some(at) = self.early.iter().position(&is_wanted) {
            return self.early.remove(at);
        }
        loop {
            let seen = timeout(DEADLINE, self.seen.recv()).await;
            let Ok(Some(seen)) = seen else {
                panic!("not what was awaited, but {:?}", self.early);
            };
            if is_wanted(&seen) {
                return seen;
            }
            self.early.push(seen);
        }
    }
}

async fn run_v311(mut events: rumqttc::EventLoop, tell: UnboundedSender<Seen>) {
    use rumqttc::{Event, Outgoing, Packet};
    loop {
        let seen = match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(it))) => Seen::Connected(it.session_present),
            Ok(Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_))) => Seen::Taken,
            Ok(Event::Incoming(Packet::SubAck(it))) => match it.return_codes.as_slice() {
                [mqttbytes::v4::SubscribeReasonCode::Success(qos)] => Seen::Granted(*qos),
                refused => panic!("{refused:?}"),
            },
            Ok(Event::Incoming(Packet::Publish(it))) => Seen::Message(Message {
                topic: it.topic,
                payload: String::from_utf8(it.payload.to_vec()).unwrap(),
                qos: it.qos,
                retain: it.retain,
            }),
            Ok(Event::Outgoing(Outgoing::PubComp(_))) => Seen::Released,
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => continue,
            Err(_) => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let _ = tell.send(seen);
    }
}

async fn run_v5(mut events: v5::EventLoop, tell: UnboundedSender<Seen>) {
    use packets::Packet;
    use rumqttc::Outgoing;
    use v5::Event;
    loop {
        let seen = match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(it))) => Seen::Connected(it.session_present),
            Ok(Event::Incoming(Packet::PubAck(_) | Packet::PubComp(_))) => Seen::Taken,
            Ok(Event::Incoming(Packet::SubAck(it))) => match it.return_codes.as_slice() {
                [packets::SubscribeReasonCode::Success(qos)] => Seen::Granted(qos_back(*qos)),
                refused => panic!("{refused:?}"),
            },
            Ok(Event::Incoming(Packet::Publish(it))) => Seen::Message(Message {
                topic: String::from_utf8(it.topic.to_vec()).unwrap(),
                payload: String::from_utf8(it.payload.to_vec()).unwrap(),
                qos: qos_back(it.qos),
                retain: it.retain,
            }),
            Ok(Event::Outgoing(Outgoing::PubComp(_))) => Seen::Released,
            Ok(Event::Outgoing(Outgoing::Disconnect)) => return,
            Ok(_) => continue,
            Err(_) => {
                tokio::time::sleep(AGAIN).await;
                continue;
            }
        };
        let _ = tell.send(seen);
    }
}

fn qos_of(qos: QoS) -> QoS5 {
    match qos {
        QoS::AtMostOnce => QoS5::AtMostOnce,
        QoS::AtLeastOnce => QoS5::AtLeastOnce,
        QoS::ExactlyOnce => QoS5::ExactlyOnce,
    }
}

fn qos_back(qos: QoS5) -> QoS {
    match qos {
        QoS5::AtMostOnce => QoS::AtMostOnce,
        QoS5::AtLeastOnce => QoS::AtLeastOnce,
        QoS5::ExactlyOnce => QoS::ExactlyOnce,
    }
}
