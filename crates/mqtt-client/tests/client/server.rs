//! A server that says what it is told, and hears.

use spica_mqtt_client::{QoS, Reason, Version};
use spica_mqtt_proto::{
    Ack, AckProperties, ConnAck, ConnAckProperties, Decoded, Disconnect, DisconnectProperties,
    Limits, Packet, PacketId, Publish, PublishProperties, ReasonCodes, Side, SubAck, decode,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a client has said.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Publish(u16, String, bool),
    PubAck(u16),
    PubRec(u16),
    Subscribe(u16, String),
    PingReq,
    Disconnect,
    Other(&'static str),
}

pub(crate) struct Server(TcpListener);

pub(crate) struct Link {
    stream: TcpStream,
    version: Version,
    bytes: Vec<u8>,
}

impl Server {
    pub(crate) async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn address(&self) -> String {
        self.0.local_addr().unwrap().to_string()
    }

    /// The next client, whose CONNECT has been heard.
    pub(crate) async fn accept(&self, version: Version) -> Link {
        let (stream, _) = self.0.accept().await.unwrap();
        let bytes = Vec::new();
        let mut link = Link {
            stream,
            version,
            bytes,
        };
        assert_eq!(link.heard().await, Heard::Other("CONNECT"));
        link
    }
}

fn id(number: u16) -> PacketId {
    PacketId::new(number).unwrap()
}

impl Link {
    pub(crate) async fn heard(&mut self) -> Heard {
        loop {
            let decoded = decode(&self.bytes, Side::Server, self.version, &Limits::default());
            if let Decoded::Packet { packet, length } = decoded.unwrap() {
                let heard = heard(&packet);
                self.bytes.drain(..length);
                return heard;
            }
            let read = self.stream.read_buf(&mut self.bytes).await.unwrap();
            assert!(read > 0, "the client has gone");
        }
    }

    async fn say(&mut self, packet: Packet<'_>) {
        let mut out = Vec::new();
        packet.encode(self.version, &mut out).unwrap();
        self.stream.write_all(&out).await.unwrap();
    }

    pub(crate) async fn connack(&mut self, present: bool, reason: Reason, server: Option<&str>) {
        let properties = ConnAckProperties {
            server_reference: server,
            ..ConnAckProperties::default()
        };
        let session_present = present;
        self.say(Packet::ConnAck(ConnAck {
            session_present,
            reason,
            properties,
        }))
        .await;
    }

    pub(crate) async fn suback(&mut self, number: u16, reason: Reason) {
        let reasons = [reason];
        let ack = SubAck {
            packet_id: id(number),
            properties: AckProperties::default(),
            reasons: ReasonCodes::of(&reasons),
        };
        self.say(Packet::SubAck(ack)).await;
    }

    pub(crate) async fn puback(&mut self, number: u16) {
        let ack = Ack {
            packet_id: id(number),
            reason: Reason::Success,
            properties: AckProperties::default(),
        };
        self.say(Packet::PubAck(ack)).await;
    }

    pub(crate) async fn publish(&mut self, topic: &str, number: u16, qos: QoS) {
        let publish = Publish {
            dup: false,
            qos,
            retain: false,
            topic,
            packet_id: Some(id(number)),
            properties: PublishProperties::default(),
            payload: b"x",
        };
        self.say(Packet::Publish(publish)).await;
    }

    pub(crate) async fn disconnect(&mut self, reason: Reason, server: Option<&str>) {
        let properties = DisconnectProperties {
            server_reference: server,
            ..DisconnectProperties::default()
        };
        self.say(Packet::Disconnect(Disconnect { reason, properties }))
            .await;
    }
}

fn heard(packet: &Packet<'_>) -> Heard {
    match packet {
        Packet::Publish(publish) => {
            let id = publish.packet_id.map_or(0, PacketId::get);
            Heard::Publish(id, publish.topic.to_owned(), publish.dup)
        }
        Packet::PubAck(ack) => Heard::PubAck(ack.packet_id.get()),
        Packet::PubRec(ack) => Heard::PubRec(ack.packet_id.get()),
        Packet::Subscribe(subscribe) => {
            let first = subscribe.filters.iter().next().unwrap().0.to_owned();
            Heard::Subscribe(subscribe.packet_id.get(), first)
        }
        Packet::PingReq => Heard::PingReq,
        Packet::Disconnect(_) => Heard::Disconnect,
        other => Heard::Other(other.name()),
    }
}
