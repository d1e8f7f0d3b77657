//! What a client owes its server, and is owed: it outlives connections.
//!
//! A publish waits until the server's window lets it go, then flies until it is acknowledged. On a new
//! connection what flew goes first, in the order of before. A message that came with QoS 2 is known by
//! its id from its PUBREC to its PUBREL.
//!
//! A message that is with the caller when its connection is lost comes again, marked as a repetition:
//! the caller is not given it twice, and what it says of the first is said of the second.

mod given;
mod ids;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use spica_mqtt_proto::{
    Ack, AckKind, EncodeError, Filters, Packet, PacketId, Publish, PublishStamp, QoS, Reason,
    SubAck, Subscribe, SubscribeOptions, SubscribeProperties, Topics, Unsubscribe, UserProperties,
    Version, encode_ack,
};

use self::given::Open;
use self::ids::Ids;
use super::{Message, Received};

/// Requests that may be unanswered.
const REQUESTS: usize = 64;
/// Subscriptions that are remembered, to be made anew when the server has lost them.
const SUBSCRIPTIONS: usize = 1_024;

/// Why something cannot be taken from the caller now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotNow {
    #[error("too many requests are unanswered")]
    Full,
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("a packet beyond what the server takes")]
    TooLarge,
}

/// What a packet of the server means to the caller.
#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "it is taken apart at once; a box would be an allocation"
)]
pub(crate) enum Event<P, R> {
    /// Nothing.
    None,
    /// A message has come.
    Message(Received),
    /// A publish has come to its end.
    Published(P, Reason),
    /// A request has been answered.
    Answered(R, Vec<Reason>),
    /// The server ends the connection, and may name another one.
    Disconnected(Reason, Option<String>),
}

/// How far a publish has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Its PUBLISH may be with the server.
    Published { dup: bool },
    /// The server has it: QoS 2 after PUBREC.
    Released,
}

#[derive(Debug)]
struct Owed<P> {
    id: PacketId,
    qos: QoS,
    packet: Vec<u8>,
    stamp: PublishStamp,
    stage: Stage,
    caller: P,
}

#[derive(Debug)]
struct Request<R> {
    id: PacketId,
    packet: Vec<u8>,
    caller: R,
}

/// A filter as it was subscribed to.
#[derive(Debug)]
struct Subscription {
    filter: String,
    options: SubscribeOptions,
    id: Option<u32>,
}

/// The session: `P` and `R` stand for those who wait for a publish and for a request.
#[derive(Debug)]
pub(crate) struct Session<P, R> {
    version: Version,
    window: usize,
    server_window: usize,
    server_bytes: usize,
    connection: u64,
    ids: Ids,
    waiting: VecDeque<Owed<P>>,
    flying: VecDeque<Owed<P>>,
    requests: Vec<Request<R>>,
    /// Of each SUBSCRIBE that nobody waits for.
    own_requests: Vec<PacketId>,
    subscriptions: Vec<Subscription>,
    received: BTreeSet<PacketId>,
    /// What the caller has, and has not acknowledged.
    open: BTreeMap<PacketId, Open>,
    /// Of QoS 1: acknowledged by the caller while the server could not be told. It says them again.
    settled: BTreeSet<PacketId>,
    receipts: u64,
}

impl<P, R> Session<P, R> {
    /// A session that takes `window` publishes of QoS 1 and 2 from its caller at once.
    pub(crate) fn new(version: Version, window: u16) -> Self {
        Self {
            version,
            window: usize::from(window.max(1)),
            server_window: usize::from(u16::MAX),
            server_bytes: usize::MAX,
            connection: 0,
            ids: Ids::default(),
            waiting: VecDeque::new(),
            flying: VecDeque::new(),
            requests: Vec::new(),
            own_requests: Vec::new(),
            subscriptions: Vec::new(),
            received: BTreeSet::new(),
            open: BTreeMap::new(),
            settled: BTreeSet::new(),
            receipts: 0,
        }
    }

    /// How many more publishes of QoS 1 and 2 are taken.
    pub(crate) fn room(&self) -> usize {
        self.window
            .saturating_sub(self.waiting.len() + self.flying.len())
    }

    /// Takes a publish. With QoS 0 it is in `out` and done: its caller is given back.
    pub(crate) fn publish(
        &mut self,
        message: &Message,
        caller: P,
        out: &mut Vec<u8>,
    ) -> Result<Option<P>, (P, NotNow)> {
        if message.qos == QoS::AtMostOnce {
            let start = out.len();
            return match message.encode(None, self.version, out) {
                Ok(_) if out.len() - start <= self.server_bytes => Ok(Some(caller)),
                Ok(_) => {
                    out.truncate(start);
                    Err((caller, NotNow::TooLarge))
                }
                Err(error) => Err((caller, error.into())),
            };
        }
        let free = (self.room() > 0).then(|| self.ids.take()).flatten();
        let Some(id) = free else {
            return Err((caller, NotNow::Full));
        };
        let mut packet = Vec::new();
        let encoded = message.encode(Some(id), self.version, &mut packet);
        let refused = match encoded {
            Ok(stamp) if packet.len() <= self.server_bytes => {
                let stage = Stage::Published { dup: false };
                let qos = message.qos;
                self.waiting.push_back(Owed {
                    id,
                    qos,
                    packet,
                    stamp,
                    stage,
                    caller,
                });
                self.pump(out);
                return Ok(None);
            }
            Ok(_) => NotNow::TooLarge,
            Err(error) => error.into(),
        };
        self.ids.free(id);
        Err((caller, refused))
    }

    /// Subscribes; the filters are remembered.
    pub(crate) fn subscribe(
        &mut self,
        filters: &[(String, SubscribeOptions)],
        id: Option<u32>,
        caller: R,
        out: &mut Vec<u8>,
    ) -> Result<(), (R, NotNow)> {
        let added = filters.iter().filter(|(filter, _)| {
            self.subscriptions
                .iter()
                .all(|known| known.filter != *filter)
        });
        if self.subscriptions.len() + added.count() > SUBSCRIPTIONS {
            return Err((caller, NotNow::Full));
        }
        let version = self.version;
        self.request(caller, out, |packet_id, packet| {
            encode_subscribe(filters, id, packet_id, version, packet)
        })?;
        for (filter, options) in filters {
            self.subscriptions.retain(|known| known.filter != *filter);
            let (filter, options) = (filter.clone(), *options);
            self.subscriptions.push(Subscription {
                filter,
                options,
                id,
            });
        }
        Ok(())
    }

    /// Unsubscribes; the filters are forgotten.
    pub(crate) fn unsubscribe(
        &mut self,
        filters: &[String],
        caller: R,
        out: &mut Vec<u8>,
    ) -> Result<(), (R, NotNow)> {
        let version = self.version;
        self.request(caller, out, |packet_id, packet| {
            let mut list = Vec::new();
            for filter in filters {
                Topics::push(&mut list, filter)?;
            }
            let unsubscribe = Unsubscribe {
                packet_id,
                user: UserProperties::default(),
                filters: Topics::of(&list),
            };
            Packet::Unsubscribe(unsubscribe).encode(version, packet)
        })?;
        self.subscriptions
            .retain(|known| !filters.contains(&known.filter));
        Ok(())
    }

    fn request(
        &mut self,
        caller: R,
        out: &mut Vec<u8>,
        encode: impl FnOnce(PacketId, &mut Vec<u8>) -> Result<(), EncodeError>,
    ) -> Result<(), (R, NotNow)> {
        let free = (self.requests.len() < REQUESTS)
            .then(|| self.ids.take())
            .flatten();
        let Some(id) = free else {
            return Err((caller, NotNow::Full));
        };
        let mut packet = Vec::new();
        if let Err(error) = encode(id, &mut packet) {
            self.ids.free(id);
            return Err((caller, error.into()));
        }
        out.extend_from_slice(&packet);
        self.requests.push(Request { id, packet, caller });
        Ok(())
    }

    /// There is a new connection, on which the server takes `server_window` publishes at once, of
    /// `server_bytes` each. `out` gets what is owed from before. What a server had taken with QoS 2
    /// and not released when it lost the session, it may have passed on or not: it is sent anew, for
    /// nothing is to be lost.
    pub(crate) fn connected(
        &mut self,
        session_present: bool,
        server_window: u16,
        server_bytes: Option<u32>,
        out: &mut Vec<u8>,
    ) {
        self.connection += 1;
        self.server_window = usize::from(server_window);
        self.server_bytes = server_bytes.map_or(usize::MAX, |bytes| bytes as usize);
        if !session_present {
            self.received.clear();
            self.open.clear();
            self.settled.clear();
            for owed in self.flying.iter_mut().chain(&mut self.waiting) {
                owed.stage = Stage::Published { dup: false };
            }
        }
        while let Some(mut owed) = self.flying.pop_back() {
            if let Stage::Published { dup } = &mut owed.stage {
                *dup = session_present;
            }
            self.waiting.push_front(owed);
        }
        for id in std::mem::take(&mut self.own_requests) {
            self.ids.free(id);
        }
        if !session_present {
            self.subscribe_again(out);
        }
        for request in &self.requests {
            out.extend_from_slice(&request.packet);
        }
        self.pump(out);
    }

    /// Makes the subscriptions that the server has lost: in one request those of one identifier.
    fn subscribe_again(&mut self, out: &mut Vec<u8>) {
        let mut groups: BTreeMap<Option<u32>, Vec<(String, SubscribeOptions)>> = BTreeMap::new();
        for Subscription {
            filter,
            options,
            id,
        } in &self.subscriptions
        {
            let group = groups.entry(*id).or_default();
            group.push((filter.clone(), *options));
        }
        for (id, filters) in groups {
            let Some(packet_id) = self.ids.take() else {
                return;
            };
            let encoded = encode_subscribe(&filters, id, packet_id, self.version, out);
            debug_assert!(encoded.is_ok(), "each was encoded before");
            self.own_requests.push(packet_id);
        }
    }

    /// Sends what waits, as far as the server's window goes.
    fn pump(&mut self, out: &mut Vec<u8>) {
        while self.flying.len() < self.server_window {
            let Some(mut owed) = self.waiting.pop_front() else {
                return;
            };
            match owed.stage {
                Stage::Published { dup } => {
                    owed.stamp.apply(&mut owed.packet, dup, owed.id);
                    out.extend_from_slice(&owed.packet);
                }
                Stage::Released => {
                    encode_ack(AckKind::PubRel, owed.id, Reason::Success, self.version, out);
                }
            }
            self.flying.push_back(owed);
        }
    }

    /// Takes a packet of the server; what is to be answered at once is in `out`.
    pub(crate) fn handle(&mut self, packet: &Packet<'_>, out: &mut Vec<u8>) -> Event<P, R> {
        match packet {
            Packet::Publish(publish) => self.received(publish, out),
            Packet::PubAck(ack) => self.finish(ack, QoS::AtLeastOnce, out),
            Packet::PubComp(ack) => self.finish(ack, QoS::ExactlyOnce, out),
            Packet::PubRec(ack) => self.recorded(ack, out),
            Packet::PubRel(ack) => {
                let known = self.received.remove(&ack.packet_id);
                let reason = if known {
                    Reason::Success
                } else {
                    Reason::PacketIdentifierNotFound
                };
                encode_ack(AckKind::PubComp, ack.packet_id, reason, self.version, out);
                Event::None
            }
            Packet::SubAck(ack) | Packet::UnsubAck(ack) => self.answered(ack),
            Packet::Disconnect(end) => {
                let server = end.properties.server_reference;
                Event::Disconnected(end.reason, server.map(str::to_owned))
            }
            _ => Event::None,
        }
    }

    fn received(&mut self, publish: &Publish<'_>, out: &mut Vec<u8>) -> Event<P, R> {
        if let (QoS::ExactlyOnce, Some(id)) = (publish.qos, publish.packet_id)
            && self.received.contains(&id)
        {
            encode_ack(AckKind::PubRec, id, Reason::Success, self.version, out);
            return Event::None;
        }
        if let Some(id) = publish.packet_id
            && self.is_repeated(id, publish.dup, out)
        {
            return Event::None;
        }
        let receipt = publish.packet_id.map(|id| self.receipt(id, publish.qos));
        Event::Message(Received {
            message: Message::of(publish),
            dup: publish.dup,
            subscriptions: publish.properties.subscription_ids.iter().collect(),
            receipt,
        })
    }

    /// PUBACK and PUBCOMP: the publish is done.
    fn finish(&mut self, ack: &Ack<'_>, qos: QoS, out: &mut Vec<u8>) -> Event<P, R> {
        let is_it = |owed: &Owed<P>| owed.id == ack.packet_id && owed.qos == qos;
        // Servers acknowledge in order: it is found at the front.
        let found = self.flying.iter().position(is_it);
        let Some(owed) = found.and_then(|at| self.flying.remove(at)) else {
            return Event::None;
        };
        self.ids.free(owed.id);
        self.pump(out);
        // That an id is not found after PUBREC says no more than that the server is done with it.
        let reason = if qos == QoS::ExactlyOnce {
            Reason::Success
        } else {
            ack.reason
        };
        Event::Published(owed.caller, reason)
    }

    /// PUBREC: the server has it, or refuses it.
    fn recorded(&mut self, ack: &Ack<'_>, out: &mut Vec<u8>) -> Event<P, R> {
        let is_it = |owed: &Owed<P>| owed.id == ack.packet_id && owed.qos == QoS::ExactlyOnce;
        let found = self.flying.iter().position(is_it);
        if ack.reason.is_failure() {
            let Some(owed) = found.and_then(|at| self.flying.remove(at)) else {
                return Event::None;
            };
            self.ids.free(owed.id);
            self.pump(out);
            return Event::Published(owed.caller, ack.reason);
        }
        let reason = match found.and_then(|at| self.flying.get_mut(at)) {
            Some(owed) => {
                owed.stage = Stage::Released;
                Reason::Success
            }
            None => Reason::PacketIdentifierNotFound,
        };
        encode_ack(AckKind::PubRel, ack.packet_id, reason, self.version, out);
        Event::None
    }

    fn answered(&mut self, ack: &SubAck<'_>) -> Event<P, R> {
        let of_own = self.own_requests.iter().position(|id| *id == ack.packet_id);
        if let Some(at) = of_own {
            self.ids.free(self.own_requests.swap_remove(at));
            return Event::None;
        }
        let found = self
            .requests
            .iter()
            .position(|request| request.id == ack.packet_id);
        let Some(at) = found else {
            return Event::None;
        };
        let request = self.requests.remove(at);
        self.ids.free(request.id);
        Event::Answered(request.caller, ack.reasons.iter().collect())
    }
}

fn encode_subscribe(
    filters: &[(String, SubscribeOptions)],
    id: Option<u32>,
    packet_id: PacketId,
    version: Version,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    let mut list = Vec::new();
    for (filter, options) in filters {
        Filters::push(&mut list, filter, *options)?;
    }
    let subscribe = Subscribe {
        packet_id,
        properties: SubscribeProperties {
            subscription_id: id,
            ..SubscribeProperties::default()
        },
        filters: Filters::of(&list),
    };
    Packet::Subscribe(subscribe).encode(version, out)
}

#[cfg(test)]
mod tests;
