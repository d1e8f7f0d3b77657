//! The fast path of QoS 0: from the connection that reads a publish to those that are subscribed,
//! encoded once for all of a class.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spica_model::Lane;
use spica_mqtt::Chunk;
use spica_mqtt_proto::{Publish, PublishProperties, SubscriptionIds, Version, encode_publish};
use spica_mqtt_routes::{Class, Load, SessionId, Targets};

use crate::orders::Order;
use crate::session::{Session, State};
use crate::station::Station;

/// A QoS 0 publish on its way.
#[derive(Debug)]
pub(crate) struct Fast<'a> {
    publish: Publish<'a>,
    /// Its topic, where that was given by an alias.
    topic: Option<Box<str>>,
    lane: Lane,
}

impl<'a> Fast<'a> {
    pub(crate) fn new(publish: &Publish<'a>, topic: &str, lane: Lane) -> Self {
        Self {
            publish: *publish,
            topic: publish.topic.is_empty().then(|| topic.into()),
            lane,
        }
    }

    fn topic(&self) -> &str {
        self.topic.as_deref().unwrap_or(self.publish.topic)
    }
}

/// Packets of one class, in both forms that there are, each made when it is first wanted.
struct Encoded<'f, 'a> {
    run: &'f [Fast<'a>],
    class: &'f Class,
    /// MQTT 3, MQTT 5.
    chunks: [Option<Chunk>; 2],
}

impl Encoded<'_, '_> {
    fn chunk(&mut self, version: Version) -> Option<&Chunk> {
        let form = usize::from(version == Version::V5);
        if self.chunks[form].is_none() {
            self.chunks[form] = Some(self.encode(version));
        }
        self.chunks[form].as_ref()
    }

    fn encode(&self, version: Version) -> Chunk {
        let mut ids = Vec::new();
        for id in &self.class.ids {
            // Checked when it was subscribed.
            let _ = SubscriptionIds::push(&mut ids, *id);
        }
        let (mut bytes, mut messages, mut largest) = (Vec::new(), 0, 0);
        for fast in self.run {
            let publish = Publish {
                retain: fast.publish.retain && self.class.retain_as_published,
                topic: fast.topic(),
                properties: PublishProperties {
                    alias: None,
                    subscription_ids: SubscriptionIds::of(&ids),
                    ..fast.publish.properties
                },
                ..fast.publish
            };
            let before = bytes.len();
            if encode_publish(&publish, version, &mut bytes).is_ok() {
                messages += 1;
                largest = largest.max(bytes.len() - before);
            }
        }
        Chunk {
            bytes: Bytes::from(bytes),
            messages,
            largest: u32::try_from(largest).unwrap_or(u32::MAX),
            lane: self.run.first().map_or(Lane::Normal, |fast| fast.lane),
        }
    }
}

/// Gives publishes of one client to those that are subscribed and there. Locks their sessions one by
/// one: nobody may hold one.
pub(crate) fn fan_out(station: &Station, from: &Session, publishes: &[Fast<'_>]) {
    let mut rest = publishes;
    while let Some(first) = rest.first() {
        let targets = station.routes.read().targets(first.topic());
        let same = |fast: &Fast<'_>| fast.topic() == first.topic() && fast.lane == first.lane;
        let length = rest.iter().take_while(|fast| same(fast)).count();
        let (run, others) = rest.split_at(length);
        rest = others;
        if !targets.is_empty() {
            plain(station, from, &targets, run);
            shared(station, from, &targets, run);
        }
    }
}

fn plain(station: &Station, from: &Session, targets: &Arc<Targets>, run: &[Fast<'_>]) {
    for (class, members) in targets.by_class() {
        let mut encoded = Encoded {
            run,
            class,
            chunks: [None, None],
        };
        let others = members.iter().map(|target| target.session);
        station
            .sessions
            .visit(others.filter(|it| *it != from.slot), |session| {
                push(station, session, &mut encoded);
            });
        let own = members.iter().find(|target| target.session == from.slot);
        if let Some(class) = own.and_then(|own| targets.class(own, true)) {
            let mut encoded = Encoded {
                run,
                class,
                chunks: [None, None],
            };
            let own = std::iter::once(from.slot);
            station
                .sessions
                .visit(own, |session| push(station, session, &mut encoded));
        }
    }
}

fn push(station: &Station, session: &Arc<Session>, encoded: &mut Encoded<'_, '_>) {
    let mut state = session.state.lock();
    let topic = encoded.run.first().map_or("", Fast::topic);
    if state.connection == 0 || state.is_told_otherwise(topic) {
        return;
    }
    if conflated(&mut state, station, session, encoded) {
        return;
    }
    let Some(chunk) = encoded.chunk(state.version) else {
        return;
    };
    station
        .metrics
        .delivered_fast
        .inc_by(u64::from(chunk.messages));
    let _ = state.outbound.push_chunk(chunk.clone());
    session.note_load(&state);
    drop(state);
    session.waker.wake();
}

/// Keeps the newest of the publishes, which have one topic, for a session that wants it now and then.
fn conflated(
    state: &mut State,
    station: &Station,
    session: &Arc<Session>,
    encoded: &Encoded<'_, '_>,
) -> bool {
    let (Some(conflator), Some(last)) = (&mut state.conflator, encoded.run.last()) else {
        return false;
    };
    if encoded.class.qos > 0 {
        return false;
    }
    let newest = Encoded {
        run: std::slice::from_ref(last),
        class: encoded.class,
        chunks: [None, None],
    };
    let packet = newest.encode(state.version).bytes;
    let now = Duration::from_millis(station.now_ms());
    let is_taken = conflator.take(now, last.topic(), &packet, last.lane);
    let replaced = conflator.take_replaced() + encoded.run.len() as u64 - 1;
    if is_taken {
        station.metrics.conflated.inc_by(replaced);
        begin(station, session, state);
    }
    is_taken
}

/// The router is told that something will be due.
pub(crate) fn begin(station: &Station, session: &Arc<Session>, state: &mut State) {
    if !std::mem::replace(&mut state.is_conflating, true) {
        station.orders.give(Order::Conflate(Arc::clone(session)));
    }
}

/// One member of each shared group gets each message.
fn shared(station: &Station, from: &Session, targets: &Targets, run: &[Fast<'_>]) {
    for group in targets.groups() {
        for fast in run {
            let message = spica_mqtt_routes::Message {
                publisher: &from.client_id,
                topic: fast.topic(),
            };
            let load = |slot| load(station, slot);
            let Some(picked) = station.routes.read().pick(*group, &message, load) else {
                continue;
            };
            let mut encoded = Encoded {
                run: std::slice::from_ref(fast),
                class: &picked.class,
                chunks: [None, None],
            };
            let member = std::iter::once(picked.session);
            station
                .sessions
                .visit(member, |session| push(station, session, &mut encoded));
        }
    }
}

/// How much the session in a slot has to do.
pub(crate) fn load(station: &Station, slot: SessionId) -> Load {
    let session = station.sessions.at(slot);
    session.map_or(Load::Offline, |session| session.load())
}
