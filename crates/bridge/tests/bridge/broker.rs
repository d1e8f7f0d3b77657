//! The other side: a broker with one session for each client, which can be cut off and come back.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

use parking_lot::Mutex;
use spica_mqtt_client::{QoS, Reason, Version};
use spica_mqtt_proto::{
    Ack, AckProperties, ConnAck, ConnAckProperties, Decoded, Limits, Packet, PacketId, Publish,
    PublishProperties, ReasonCodes, Side, SubAck, UserProperties, decode,
};

/// A message, whoever sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) payload: String,
    pub(crate) retain: bool,
    pub(crate) qos: QoS,
    pub(crate) expiry: Option<u32>,
    pub(crate) user: Vec<(String, String)>,
}

impl Message {
    pub(crate) fn user(&self, name: &str) -> Option<&str> {
        let mut user = self.user.iter();
        user.find_map(|(its, value)| (its == name).then_some(value.as_str()))
    }
}

/// What becomes of a publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Does {
    Take,
    Refuse(Reason),
    /// Takes it, and is gone before it has said so.
    TakeAndCut,
    /// Says nothing.
    Ignore,
}

type Script = Box<dyn Fn(&Message) -> Does + Send + Sync>;

#[derive(Default)]
struct Session {
    filters: Vec<String>,
    /// What was sent and is not acknowledged.
    open: BTreeMap<u16, (Message, bool)>,
    /// Of QoS 2: taken, and not released.
    taken: BTreeSet<u16>,
    next: u16,
    stream: Option<TcpStream>,
    acknowledged: usize,
}

struct State {
    version: Version,
    is_down: bool,
    refuses: Option<Reason>,
    refuses_filters: bool,
    script: Script,
    sessions: BTreeMap<String, Session>,
    published: Vec<Message>,
    connects: usize,
}

/// The broker; cheap to clone.
#[derive(Clone)]
pub(crate) struct Broker {
    state: Arc<Mutex<State>>,
    pub(crate) address: String,
}

impl Broker {
    pub(crate) fn new() -> Self {
        Self::of(Version::V5)
    }

    pub(crate) fn of(version: Version) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State {
            version,
            is_down: false,
            refuses: None,
            refuses_filters: false,
            script: Box::new(|_| Does::Take),
            sessions: BTreeMap::new(),
            published: Vec::new(),
            connects: 0,
        }));
        let broker = Self { state, address };
        let serving = broker.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let broker = serving.clone();
                // A connection ends as it likes.
                std::thread::spawn(move || broker.serve(stream.unwrap()));
            }
        });
        broker
    }

    /// All that was taken, in order.
    pub(crate) fn published(&self) -> Vec<Message> {
        self.state.lock().published.clone()
    }

    pub(crate) fn payloads(&self) -> Vec<String> {
        self.published().into_iter().map(|it| it.payload).collect()
    }

    pub(crate) fn forget(&self) {
        self.state.lock().published.clear();
    }

    pub(crate) fn script(&self, script: impl Fn(&Message) -> Does + Send + Sync + 'static) {
        self.state.lock().script = Box::new(script);
    }

    pub(crate) fn refuse_clients(&self, reason: Option<Reason>) {
        self.state.lock().refuses = reason;
    }

    pub(crate) fn refuse_filters(&self) {
        self.state.lock().refuses_filters = true;
    }

    /// Cuts all connections; until `up`, whoever comes is cut off, too.
    pub(crate) fn down(&self) {
        let mut state = self.state.lock();
        state.is_down = true;
        for session in state.sessions.values_mut() {
            cut(session);
        }
    }

    pub(crate) fn up(&self) {
        self.state.lock().is_down = false;
    }

    pub(crate) fn connects(&self) -> usize {
        self.state.lock().connects
    }

    pub(crate) fn is_connected(&self, client: &str) -> bool {
        let state = self.state.lock();
        state
            .sessions
            .get(client)
            .is_some_and(|it| it.stream.is_some())
    }

    pub(crate) fn filters(&self, client: &str) -> Vec<String> {
        let state = self.state.lock();
        state
            .sessions
            .get(client)
            .map_or_else(Vec::new, |it| it.filters.clone())
    }

    /// How many messages a client has acknowledged (QoS 1: PUBACK, QoS 2: PUBREC).
    pub(crate) fn acknowledged(&self, client: &str) -> usize {
        self.state
            .lock()
            .sessions
            .get(client)
            .map_or(0, |it| it.acknowledged)
    }

    /// Sends a message to a client that has subscribed, now or when it comes.
    pub(crate) fn send(&self, client: &str, message: &Message) {
        let mut state = self.state.lock();
        let version = state.version;
        let session = state.sessions.get_mut(client).unwrap();
        session.next += 1;
        let id = session.next;
        session.open.insert(id, (message.clone(), false));
        say(session, &publish(message, id, false, version));
    }

    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        let (mut bytes, mut client) = (Vec::new(), String::new());
        loop {
            let version = self.state.lock().version;
            let decoded = decode(&bytes, Side::Server, version, &Limits::default());
            let Decoded::Packet { packet, length } = decoded.unwrap() else {
                let mut piece = [0; 4_096];
                let count = stream.read(&mut piece).ok()?;
                if count == 0 {
                    self.gone(&client, &stream);
                    return None;
                }
                bytes.extend_from_slice(&piece[..count]);
                continue;
            };
            let mut out = Vec::new();
            let goes_on = match &packet {
                Packet::Connect(connect) => {
                    client = connect.client_id.to_owned();
                    self.connect(&client, connect.clean_start, &stream, &mut out)
                }
                other => self.packet(&client, other, &mut out),
            };
            stream.write_all(&out).ok()?;
            if !goes_on {
                // The other thread's copy of the stream ends with it.
                let _ = stream.shutdown(Shutdown::Both);
                return None;
            }
            bytes.drain(..length);
        }
    }

    fn gone(&self, client: &str, stream: &TcpStream) {
        let mut state = self.state.lock();
        if let Some(session) = state.sessions.get_mut(client)
            && let Some(its) = &session.stream
            && its.peer_addr().ok() == stream.peer_addr().ok()
        {
            session.stream = None;
        }
    }

    fn connect(&self, client: &str, clean: bool, stream: &TcpStream, out: &mut Vec<u8>) -> bool {
        let mut state = self.state.lock();
        state.connects += 1;
        if state.is_down {
            return false;
        }
        let version = state.version;
        let reason = state.refuses.unwrap_or(Reason::Success);
        if clean {
            state.sessions.remove(client);
        }
        let is_present = state.sessions.contains_key(client) && reason == Reason::Success;
        let ack = ConnAck {
            session_present: is_present,
            reason,
            properties: ConnAckProperties::default(),
        };
        Packet::ConnAck(ack).encode(version, out).unwrap();
        if reason != Reason::Success {
            return false;
        }
        let session = state.sessions.entry(client.to_owned()).or_default();
        cut(session);
        session.stream = Some(stream.try_clone().unwrap());
        for (id, (message, is_recorded)) in &session.open {
            if *is_recorded {
                Packet::PubRel(ack_of(*id, Reason::Success))
                    .encode(version, out)
                    .unwrap();
            } else {
                out.extend(publish(message, *id, true, version));
            }
        }
        true
    }

    fn packet(&self, client: &str, packet: &Packet<'_>, out: &mut Vec<u8>) -> bool {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let version = state.version;
        let Some(session) = state.sessions.get_mut(client) else {
            return false;
        };
        let mut answer = |packet: Packet<'_>| packet.encode(version, out).unwrap();
        match packet {
            Packet::Publish(it) => {
                let id = it.packet_id.map_or(0, PacketId::get);
                if session.taken.contains(&id) {
                    answer(Packet::PubRec(ack_of(id, Reason::Success)));
                    return true;
                }
                let message = message_of(it);
                let does = (state.script)(&message);
                if matches!(does, Does::Take | Does::TakeAndCut) {
                    state.published.push(message);
                    if it.qos == QoS::ExactlyOnce {
                        session.taken.insert(id);
                    }
                }
                let reason = match does {
                    Does::Take => Reason::Success,
                    Does::Refuse(reason) => reason,
                    Does::TakeAndCut => return false,
                    Does::Ignore => return true,
                };
                answer(match it.qos {
                    QoS::ExactlyOnce => Packet::PubRec(ack_of(id, reason)),
                    _ => Packet::PubAck(ack_of(id, reason)),
                });
            }
            Packet::PubRel(ack) => {
                session.taken.remove(&ack.packet_id.get());
                answer(Packet::PubComp(ack_of(
                    ack.packet_id.get(),
                    Reason::Success,
                )));
            }
            Packet::PubAck(ack) => {
                session.acknowledged += 1;
                session.open.remove(&ack.packet_id.get());
            }
            Packet::PubRec(ack) => {
                if let Some((_, is_recorded)) = session.open.get_mut(&ack.packet_id.get()) {
                    session.acknowledged += usize::from(!*is_recorded);
                    *is_recorded = true;
                }
                answer(Packet::PubRel(ack_of(ack.packet_id.get(), Reason::Success)));
            }
            Packet::PubComp(ack) => drop(session.open.remove(&ack.packet_id.get())),
            Packet::Subscribe(it) => {
                let asked: Vec<_> = it
                    .filters
                    .iter()
                    .map(|(filter, options)| (filter.to_owned(), options.qos))
                    .collect();
                let reasons: Vec<Reason> = asked
                    .iter()
                    .map(|(_, qos)| match (state.refuses_filters, qos) {
                        (true, _) => Reason::NotAuthorized,
                        (false, QoS::ExactlyOnce) => Reason::GrantedQos2,
                        (false, _) => Reason::GrantedQos1,
                    })
                    .collect();
                for (filter, _) in asked {
                    if !session.filters.contains(&filter) {
                        session.filters.push(filter);
                    }
                }
                answer(Packet::SubAck(SubAck {
                    packet_id: it.packet_id,
                    properties: AckProperties::default(),
                    reasons: ReasonCodes::of(&reasons),
                }));
            }
            Packet::Disconnect(_) => return false,
            Packet::PingReq => out.extend_from_slice(&[0xD0, 0]),
            // Bridges say nothing else.
            _ => return false,
        }
        true
    }
}

fn cut(session: &mut Session) {
    if let Some(stream) = session.stream.take() {
        // It may be gone already.
        let _ = stream.shutdown(Shutdown::Both);
    }
}

fn say(session: &mut Session, bytes: &[u8]) {
    if let Some(stream) = &mut session.stream
        && stream.write_all(bytes).is_err()
    {
        session.stream = None;
    }
}

fn ack_of(id: u16, reason: Reason) -> Ack<'static> {
    Ack {
        packet_id: PacketId::new(id).unwrap(),
        reason,
        properties: AckProperties::default(),
    }
}

fn message_of(publish: &Publish<'_>) -> Message {
    let user = publish.properties.user.iter();
    Message {
        topic: publish.topic.to_owned(),
        payload: String::from_utf8(publish.payload.to_vec()).unwrap(),
        retain: publish.retain,
        qos: publish.qos,
        expiry: publish.properties.expiry,
        user: user
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

fn publish(message: &Message, id: u16, dup: bool, version: Version) -> Vec<u8> {
    let (mut user, mut out) = (Vec::new(), Vec::new());
    for (name, value) in &message.user {
        UserProperties::push(&mut user, name, value).unwrap();
    }
    let publish = Publish {
        dup,
        qos: message.qos,
        retain: message.retain,
        topic: &message.topic,
        packet_id: PacketId::new(id),
        properties: PublishProperties {
            expiry: message.expiry,
            user: UserProperties::of(&user),
            ..PublishProperties::default()
        },
        payload: message.payload.as_bytes(),
    };
    Packet::Publish(publish).encode(version, &mut out).unwrap();
    out
}
