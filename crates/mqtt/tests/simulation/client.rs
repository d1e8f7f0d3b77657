//! A client that goes by the standard, and says so when the server does not.

use std::collections::{BTreeMap, HashMap, VecDeque};

use spica_mqtt_proto::{
    Ack, AckProperties, Decoded, Limits, Packet, PacketId, Publish, PublishProperties, QoS, Reason,
    Side, Version, decode,
};

use crate::ensure;
use crate::journal::Journal;
use crate::random::Random;

/// A packet as bytes.
pub(crate) type Bytes = Vec<u8>;

#[derive(Debug)]
struct Sending {
    id: PacketId,
    number: u32,
    topic: String,
    qos: QoS,
    /// PUBREC has come.
    is_received: bool,
    /// It is to be sent again, as soon as the server takes it.
    is_again: bool,
}

/// The client: what it sends, what it has, and what it is owed. It outlives its connections.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) version: Version,
    sending: VecDeque<Sending>,
    /// What it published, by number, in order.
    pub(crate) published: Vec<(u32, QoS, String)>,
    /// QoS 2 ids that it has and that are not released: what they were.
    open: BTreeMap<PacketId, u32>,
    /// QoS 1 acknowledgements that the application has not given yet.
    held: VecDeque<PacketId>,
    /// What came, in order: number, quality of service and topic.
    pub(crate) received: Vec<(u32, QoS, String)>,
    /// Of this connection: ids that came and are not acknowledged at their last step.
    unacknowledged: BTreeMap<PacketId, u32>,
    /// Acknowledgements on this connection of what came on an earlier one: it may have been on its way
    /// again, and counts no more for the server.
    late: usize,
    aliases: HashMap<u16, String>,
    /// How many messages it takes at once on this connection.
    pub(crate) window: u16,
    /// How many more it may send.
    quota: usize,
    quota_at_first: usize,
    pub(crate) out: VecDeque<Bytes>,
    next_id: u16,
}

impl Client {
    pub(crate) fn new(version: Version) -> Self {
        Self {
            version,
            sending: VecDeque::new(),
            published: Vec::new(),
            open: BTreeMap::new(),
            held: VecDeque::new(),
            received: Vec::new(),
            unacknowledged: BTreeMap::new(),
            late: 0,
            aliases: HashMap::new(),
            window: 1,
            quota: 0,
            quota_at_first: 0,
            out: VecDeque::new(),
            next_id: 0,
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.sending.is_empty() && self.held.is_empty() && self.open.is_empty()
    }

    /// Sends again what is not acknowledged [MQTT-4.4.0-1], in its order [MQTT-4.6.0-1].
    pub(crate) fn connected(&mut self, random: &mut Random, receive_maximum: u16, window: u16) {
        self.out.clear();
        self.aliases.clear();
        self.unacknowledged.clear();
        self.late = 0;
        // An application may acknowledge on the next connection what came on the last.
        if random.one_in(2) {
            self.held.clear();
        }
        self.window = window;
        self.quota_at_first = usize::from(receive_maximum);
        self.quota = self.quota_at_first;
        for at in 0..self.sending.len() {
            let sending = &mut self.sending[at];
            sending.is_again = !sending.is_received;
            if sending.is_received {
                let release = ack(sending.id, Reason::Success);
                self.send(&Packet::PubRel(release));
            }
        }
        self.send_again();
    }

    fn send_again(&mut self) {
        for at in 0..self.sending.len() {
            if self.sending[at].is_again && self.quota > 0 {
                self.sending[at].is_again = false;
                self.quota -= 1;
                self.send_publish(at, true);
            }
        }
    }

    /// Publishes a message, if the server may be sent one.
    pub(crate) fn publish(&mut self, number: u32, topic: &str, qos: QoS) -> bool {
        if qos != QoS::AtMostOnce && (self.quota == 0 || self.sending.len() > 20) {
            return false;
        }
        if qos == QoS::AtMostOnce {
            let payload = number.to_be_bytes();
            let packet = Packet::Publish(publish(topic, None, qos, false, &payload));
            self.send(&packet);
            return true;
        }
        self.published.push((number, qos, topic.to_owned()));
        let id = self.free_id();
        self.sending.push_back(Sending {
            id,
            number,
            topic: topic.to_owned(),
            qos,
            is_received: false,
            is_again: false,
        });
        self.quota -= 1;
        self.send_publish(self.sending.len() - 1, false);
        true
    }

    /// Ids come again soon, so that one that is still remembered is met.
    fn free_id(&mut self) -> PacketId {
        loop {
            self.next_id = self.next_id % 24 + 1;
            let id = PacketId::new(self.next_id).unwrap();
            if self.sending.iter().all(|sending| sending.id != id) {
                return id;
            }
        }
    }

    fn send_publish(&mut self, at: usize, dup: bool) {
        let sending = &self.sending[at];
        let payload = sending.number.to_be_bytes();
        let packet = publish(&sending.topic, Some(sending.id), sending.qos, dup, &payload);
        let mut bytes = Vec::new();
        Packet::Publish(packet)
            .encode(self.version, &mut bytes)
            .unwrap();
        self.out.push_back(bytes);
    }

    fn send(&mut self, packet: &Packet<'_>) {
        let mut bytes = Vec::new();
        packet.encode(self.version, &mut bytes).unwrap();
        self.out.push_back(bytes);
    }

    /// The application acknowledges, in the order in which the messages came [MQTT-4.6.0-2].
    pub(crate) fn give_held(&mut self, most: usize) {
        for _ in 0..most {
            let Some(id) = self.held.pop_front() else {
                return;
            };
            let is_late = self.unacknowledged.remove(&id).is_none();
            self.late += usize::from(is_late);
            self.send(&Packet::PubAck(ack(id, Reason::Success)));
        }
    }

    /// Packets of the server, whole.
    pub(crate) fn receive(&mut self, bytes: &[u8], journal: &Journal) -> Result<(), String> {
        let limits = Limits::default();
        let mut rest = bytes;
        while !rest.is_empty() {
            let decoded = decode(rest, Side::Client, self.version, &limits);
            let Ok(Decoded::Packet { packet, length }) = decoded else {
                return Err(format!("the server sent nonsense: {decoded:?}"));
            };
            rest = &rest[length..];
            self.take(&packet, journal)?;
        }
        Ok(())
    }

    fn take(&mut self, packet: &Packet<'_>, journal: &Journal) -> Result<(), String> {
        match packet {
            Packet::Publish(publish) => self.take_publish(publish),
            Packet::PubAck(ack) => self.take_puback(ack.packet_id, journal),
            Packet::PubRec(ack) => self.take_pubrec(ack.packet_id, journal),
            Packet::PubComp(ack) => self.take_pubcomp(ack.packet_id),
            Packet::PubRel(release) => {
                let id = release.packet_id;
                let known = self.open.remove(&id).is_some();
                self.unacknowledged.remove(&id);
                let reason = match known {
                    true => Reason::Success,
                    false => Reason::PacketIdentifierNotFound,
                };
                self.send(&Packet::PubComp(ack(id, reason)));
                Ok(())
            }
            other => Err(format!("what is this? {other:?}")),
        }
    }

    fn take_publish(&mut self, publish: &Publish<'_>) -> Result<(), String> {
        let topic = self.topic(publish)?;
        let number = u32::from_be_bytes(publish.payload.try_into().unwrap());
        let Some(id) = publish.packet_id else {
            self.received.push((number, publish.qos, topic));
            return Ok(());
        };
        let before = self.unacknowledged.insert(id, number);
        ensure!(
            before.is_none(),
            "MQTT-4.4.0-1: {id} ({number}) is sent while {before:?} has it, without a reconnect"
        );
        ensure!(
            self.unacknowledged.len() <= usize::from(self.window) + self.late,
            "MQTT-3.3.4-9: {} at once, {} are taken",
            self.unacknowledged.len(),
            self.window
        );
        if publish.qos == QoS::AtLeastOnce {
            // An acknowledgement that the application still holds is for what came now, too.
            self.held.retain(|held| *held != id);
            self.held.push_back(id);
            self.received.push((number, publish.qos, topic));
            return Ok(());
        }
        match self.open.get(&id) {
            Some(had) => ensure!(
                *had == number,
                "MQTT-2.2.1-4: {number} comes with id {id}, which {had} still has"
            ),
            None => {
                self.open.insert(id, number);
                self.received.push((number, publish.qos, topic));
            }
        }
        self.send(&Packet::PubRec(ack(id, Reason::Success)));
        Ok(())
    }

    fn topic(&mut self, publish: &Publish<'_>) -> Result<String, String> {
        match (publish.properties.alias, publish.topic) {
            (Some(alias), "") => {
                let known = self.aliases.get(&alias).cloned();
                known.ok_or_else(|| format!("alias {alias} stands for nothing"))
            }
            (Some(alias), topic) => {
                self.aliases.insert(alias, topic.to_owned());
                Ok(topic.to_owned())
            }
            (None, topic) => Ok(topic.to_owned()),
        }
    }

    fn take_puback(&mut self, id: PacketId, journal: &Journal) -> Result<(), String> {
        let mut of_qos_1 = self.sending.iter();
        let first = of_qos_1.find(|sending| sending.qos == QoS::AtLeastOnce);
        let first = first.map(|sending| (sending.id, sending.number));
        let Some((_, number)) = first.filter(|(its, _)| *its == id) else {
            return Err(format!("MQTT-4.6.0-2: PUBACK {id}, but first is {first:?}"));
        };
        ensure!(
            journal.durable_numbers().contains(&number),
            "PUBACK of {number}, which is not durable"
        );
        self.sending.retain(|sending| sending.number != number);
        self.quota = self.quota_at_first.min(self.quota + 1);
        self.send_again();
        Ok(())
    }

    fn take_pubrec(&mut self, id: PacketId, journal: &Journal) -> Result<(), String> {
        let mut waiting = self.sending.iter_mut();
        let found = waiting.find(|its| its.qos == QoS::ExactlyOnce && its.id == id);
        let Some(sending) = found else {
            return Err(format!("PUBREC {id} of nothing"));
        };
        ensure!(
            journal.durable_numbers().contains(&sending.number),
            "PUBREC of {}, which is not durable",
            sending.number
        );
        sending.is_received = true;
        self.send(&Packet::PubRel(ack(id, Reason::Success)));
        Ok(())
    }

    fn take_pubcomp(&mut self, id: PacketId) -> Result<(), String> {
        let is_it = |sending: &Sending| sending.id == id && sending.qos == QoS::ExactlyOnce;
        let Some(at) = self.sending.iter().position(is_it) else {
            return Err(format!("PUBCOMP {id} of nothing"));
        };
        ensure!(self.sending[at].is_received, "PUBCOMP {id} without PUBREC");
        self.sending.remove(at);
        self.quota = self.quota_at_first.min(self.quota + 1);
        self.send_again();
        Ok(())
    }
}

fn publish<'a>(
    topic: &'a str,
    packet_id: Option<PacketId>,
    qos: QoS,
    dup: bool,
    payload: &'a [u8],
) -> Publish<'a> {
    Publish {
        dup,
        qos,
        retain: false,
        topic,
        packet_id,
        properties: PublishProperties::default(),
        payload,
    }
}

fn ack(packet_id: PacketId, reason: Reason) -> Ack<'static> {
    Ack {
        packet_id,
        reason,
        properties: AckProperties::default(),
    }
}
