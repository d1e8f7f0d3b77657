//! A station on loopback, and a client that speaks in packets.

use std::sync::Arc;

use parking_lot::Mutex;
use spica_admission::Admission;
use spica_clock::{Clock as _, SystemClock};
use spica_journal::Journal as _;
use spica_journal::memory::MemoryJournal;
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Topic};
use spica_mqtt_access::{MqttControl, StoredUser, hash_password, scram};
use spica_mqtt_proto::{
    Auth, AuthProperties, Connect, ConnectProperties, Decoded, Limits, Packet, PacketId, Publish,
    PublishProperties, QoS, Reason, Sensitive, Side, Version, decode,
};
use spica_role::scripted::Scripted;
use spica_station_mqtt::{Deps, Gate, GateDeps, Holder, Metrics, Server, Settings, Tokens};
use spica_views::{DeviceService, Views};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A station and what it stands on.
pub(crate) struct Node {
    pub(crate) control: Arc<dyn MqttControl>,
    pub(crate) server: Server,
    pub(crate) gate: Arc<Gate>,
    journal: Arc<MemoryJournal>,
    pub(crate) views: Arc<Views>,
    pub(crate) devices: Arc<DeviceService>,
    metrics: Metrics,
    _directory: tempfile::TempDir,
}

/// `spica_<role>` is a token of that role, `spica_device<serial>` that of a device.
struct Known;

impl Tokens for Known {
    fn holder(&self, token: &str) -> Option<Holder> {
        self.by_id(token.strip_prefix("spica_")?)
    }

    fn by_id(&self, id: &str) -> Option<Holder> {
        let serial = id.strip_prefix("device").map(str::to_owned);
        let role = if serial.is_some() { "device" } else { id };
        ["reader", "operator", "device"]
            .contains(&role)
            .then(|| Holder {
                id: id.to_owned(),
                name: id.to_owned(),
                role: role.to_owned(),
                serial,
            })
    }
}

/// What is kept of a password, cheaply made; and the same for SCRAM.
pub(crate) fn password_of(password: &str) -> (String, String) {
    hash_password(password, [&[1; 16], &[2; 16]]).unwrap()
}

impl Node {
    pub(crate) async fn start(settings: Settings) -> Self {
        Self::start_with(settings, |gate| gate).await
    }

    /// The same, with a gate that is changed before anybody comes.
    pub(crate) async fn start_with(settings: Settings, change: impl FnOnce(Gate) -> Gate) -> Self {
        let settings = Settings {
            listen: Some(([127, 0, 0, 1], 0).into()),
            ..settings
        };
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(SystemClock);
        let journal = MemoryJournal::new();
        let node = Topic::new("root/s1").unwrap();
        let views = Views::start(
            journal.clone(),
            node.clone(),
            spica_views::Settings::default(),
            &directory.path().join("views.redb"),
            clock.clone(),
        )
        .unwrap();
        let role = Scripted::default();
        role.serve();
        let metrics = Metrics::default();
        let gate = GateDeps {
            views: views.clone(),
            tokens: Arc::new(Known),
            clock: clock.clone(),
            metrics: metrics.clone(),
            open: false,
            base: directory.path().to_owned(),
        };
        let gate = Arc::new(change(Gate::new(&settings.access, gate).unwrap()));
        let devices = DeviceService::new(journal.clone(), views.clone(), clock.clone());
        let devices = Arc::new(devices);
        let deps = Deps {
            journal: journal.clone(),
            views: views.clone(),
            devices: devices.clone(),
            role: Arc::new(role),
            admission: Arc::new(Mutex::new(Admission::new(settings.admission.limits()))),
            clock,
            metrics: metrics.clone(),
            access: gate.clone(),
            node,
            base: directory.path().to_owned(),
        };
        let server = Server::start(&settings, deps).unwrap();
        Self {
            control: server.control(),
            server,
            gate,
            journal,
            views,
            devices,
            metrics,
            _directory: directory,
        }
    }

    pub(crate) async fn state(&self, topic: &str, payload: &[u8]) {
        let topic = Topic::new(format!("root/s1/{topic}")).unwrap();
        let record = NewRecord {
            topic: &topic,
            kind: Kind::State,
            op: Op::Put,
            quality: Quality::Good,
            received: SystemClock.wall(),
            source_time: None,
            content_type: &ContentType::Json,
            payload,
            key: None,
            cause: None,
            properties: None,
        };
        let ticket = self.journal.submit(Lane::Normal, &[record]).unwrap();
        self.views.applied(Lane::Normal, ticket.waits_for()).await;
    }

    pub(crate) async fn add_user(&self, name: &str, roles: &[&str], password: &str) {
        let (password, scram) = password_of(password);
        let user = StoredUser {
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            password,
            scram,
            serial: None,
            client_ids: Vec::new(),
            created: "2027-01-15T08:00:00Z".into(),
        };
        let payload = serde_json::to_vec(&user).unwrap();
        self.state(&format!("system/mqtt-users/{name}"), &payload)
            .await;
    }

    /// What the station counts, line by line.
    pub(crate) fn counted(&self) -> String {
        let mut registry = prometheus_client::registry::Registry::default();
        self.metrics.register(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    /// Registers a device.
    pub(crate) async fn register(&self, serial: &str) {
        let registration = spica_devices::Registration {
            enabled: true,
            ..spica_devices::Registration::default()
        };
        let payload = registration.encode(SystemClock.wall());
        self.state(&format!("devices/{serial}/registration"), &payload)
            .await;
    }

    /// Waits until a client's connection is over.
    pub(crate) async fn away(&self, id: &str) {
        while self.control.client(id).is_some() {
            tokio::task::yield_now().await;
        }
    }
}

/// A CONNECT.
pub(crate) fn connect<'a>(
    version: Version,
    id: &'a str,
    user: Option<&'a str>,
    password: Option<&'a str>,
) -> Connect<'a> {
    Connect {
        version,
        clean_start: true,
        keep_alive: 60,
        properties: ConnectProperties::default(),
        client_id: id,
        will: None,
        user,
        password: password.map(|password| Sensitive(password.as_bytes())),
    }
}

/// A client.
pub(crate) struct Client {
    stream: TcpStream,
    bytes: Vec<u8>,
    version: Version,
    pub(crate) session_present: bool,
}

const ID: PacketId = PacketId::MIN;

impl Client {
    pub(crate) async fn dial(node: &Node) -> Self {
        let address = node.server.addresses().tcp.unwrap();
        Self {
            stream: TcpStream::connect(address).await.unwrap(),
            bytes: Vec::new(),
            version: Version::V5,
            session_present: false,
        }
    }

    pub(crate) async fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
    }

    /// What `see` makes of the next packet; none at the end.
    pub(crate) async fn receive<T>(&mut self, see: impl FnOnce(&Packet<'_>) -> T) -> Option<T> {
        loop {
            let decoded = decode(&self.bytes, Side::Client, self.version, &Limits::default());
            if let Decoded::Packet { packet, length } = decoded.unwrap() {
                let seen = see(&packet);
                self.bytes.drain(..length);
                return Some(seen);
            }
            match self.stream.read_buf(&mut self.bytes).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// What CONNACK says.
    pub(crate) async fn connect(&mut self, hello: &Connect<'_>) -> Reason {
        self.version = hello.version;
        self.send(&Packet::Connect(*hello)).await;
        self.welcomed().await.0
    }

    async fn welcomed(&mut self) -> (Reason, Vec<u8>) {
        let told = self.receive(|packet| match packet {
            Packet::ConnAck(connack) => {
                let data = connack.properties.authentication_data;
                let data = data.map_or_else(Vec::new, |data| data.0.to_vec());
                (connack.session_present, connack.reason, data)
            }
            other => panic!("{other:?}"),
        });
        let (is_present, reason, data) = told.await.unwrap();
        self.session_present = is_present;
        (reason, data)
    }

    /// What is said to a publish of QoS 1.
    pub(crate) async fn publish(&mut self, topic: &str) -> Reason {
        let publish = Packet::Publish(Publish {
            dup: false,
            qos: QoS::AtLeastOnce,
            retain: false,
            topic,
            packet_id: Some(ID),
            properties: PublishProperties::default(),
            payload: b"1",
        });
        self.send(&publish).await;
        let told = self.receive(|packet| match packet {
            Packet::PubAck(ack) => ack.reason,
            other => panic!("{other:?}"),
        });
        told.await.unwrap()
    }

    /// What is said to a subscription of QoS 0.
    pub(crate) async fn subscribe(&mut self, filter: &str) -> Reason {
        self.subscribe_with(filter, QoS::AtMostOnce).await
    }

    /// What is said to a subscription.
    pub(crate) async fn subscribe_with(&mut self, filter: &str, qos: QoS) -> Reason {
        let mut bytes = vec![0x82, 0, 0, 1, 0];
        bytes.extend_from_slice(&u16::try_from(filter.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(filter.as_bytes());
        bytes.push(qos as u8);
        bytes[1] = u8::try_from(bytes.len() - 2).unwrap();
        self.stream.write_all(&bytes).await.unwrap();
        loop {
            let told = self.receive(|packet| match packet {
                Packet::SubAck(ack) => ack.reasons.iter().next(),
                Packet::Publish(_) => None,
                other => panic!("{other:?}"),
            });
            if let Some(reason) = told.await.unwrap() {
                return reason;
            }
        }
    }

    /// Subscribes as clients before MQTT 5 do, with QoS 0.
    pub(crate) async fn subscribe_old(&mut self, filter: &str) {
        let length = u8::try_from(filter.len()).unwrap();
        let mut bytes = vec![0x82, length + 5, 0, 1, 0, length];
        bytes.extend_from_slice(filter.as_bytes());
        bytes.push(0);
        self.stream.write_all(&bytes).await.unwrap();
        let told = self.receive(|packet| matches!(packet, Packet::SubAck(_)));
        assert!(told.await.unwrap());
    }

    /// The next message of a topic, and whether it was retained.
    pub(crate) async fn told(&mut self, topic: &str) -> (String, bool) {
        loop {
            let told = self.receive(|packet| match packet {
                Packet::Publish(publish) if publish.topic == topic => {
                    let payload = String::from_utf8(publish.payload.to_vec()).unwrap();
                    Some((payload, publish.retain))
                }
                Packet::Publish(_) => None,
                other => panic!("{other:?}"),
            });
            if let Some(told) = told.await.unwrap() {
                return told;
            }
        }
    }

    /// The topic of the next message.
    pub(crate) async fn told_any(&mut self) -> String {
        let told = self.receive(|packet| match packet {
            Packet::Publish(publish) => publish.topic.to_owned(),
            other => panic!("{other:?}"),
        });
        told.await.unwrap()
    }

    /// What DISCONNECT says, if anything, before the end.
    pub(crate) async fn ended(&mut self) -> Option<Reason> {
        let told = self.receive(|packet| match packet {
            Packet::Disconnect(disconnect) => disconnect.reason,
            other => panic!("{other:?}"),
        });
        told.await
    }

    async fn auth(&mut self, reason: Reason, data: &str) {
        let packet = Packet::Auth(Auth {
            reason,
            properties: AuthProperties {
                method: Some(scram::MECHANISM),
                data: Some(Sensitive(data.as_bytes())),
                ..AuthProperties::default()
            },
        });
        self.send(&packet).await;
    }

    async fn asked(&mut self, reason: Reason) -> Vec<u8> {
        let told = self.receive(|packet| match packet {
            Packet::Auth(auth) if auth.reason == reason => auth.properties.data.unwrap().0.to_vec(),
            other => panic!("{other:?}"),
        });
        told.await.unwrap()
    }

    /// What CONNACK says at the end of an exchange, and the server's last message.
    pub(crate) async fn prove_at_connect(
        &mut self,
        hello: &Connect<'_>,
        first: &str,
        prove: impl FnOnce(&[u8]) -> String,
    ) -> (Reason, Vec<u8>) {
        let mut hello = *hello;
        hello.properties.authentication_method = Some(scram::MECHANISM);
        hello.properties.authentication_data = Some(Sensitive(first.as_bytes()));
        self.send(&Packet::Connect(hello)).await;
        let said = self.asked(Reason::ContinueAuthentication).await;
        self.auth(Reason::ContinueAuthentication, &prove(&said))
            .await;
        self.welcomed().await
    }

    /// Proves again who it is; the server's last message.
    pub(crate) async fn prove_again(
        &mut self,
        first: &str,
        prove: impl FnOnce(&[u8]) -> String,
    ) -> Vec<u8> {
        self.auth(Reason::ReAuthenticate, first).await;
        let said = self.asked(Reason::ContinueAuthentication).await;
        self.auth(Reason::ContinueAuthentication, &prove(&said))
            .await;
        self.asked(Reason::Success).await
    }
}
