//! What one read brought, handled packet by packet; its records are submitted together.

use std::sync::Arc;

use spica_journal::SubmitError;
use spica_model::{Key, Lane, Seq, Timestamp};
use spica_mqtt::{AckKind, Acked, Arrived as Came, Ending, publish_key};
use spica_mqtt_proto::{
    Ack, Decoded, Packet, Publish, QoS, Reason, Side, Subscribe, Unsubscribe, Version, decode,
};

use crate::arrived::Arrived;
use crate::bridged;
use crate::conflate;
use crate::device::answers::Said;
use crate::end::End;
use crate::entry::{Entry, submit};
use crate::fan_out::Fast;
use crate::held::Held;
use crate::link::Link;
use crate::orders::Order;
use crate::router::shared_group;
use crate::session::{Session, State, Then};
use crate::station::Station;
use crate::store;

/// One read on its way through.
pub(crate) struct Turn<'a> {
    station: &'a Station,
    link: &'a mut Link,
    session: &'a Arc<Session>,
    now: Timestamp,
    batches: [Vec<Entry<'a>>; 2],
    /// QoS 0 publishes for those who are there now.
    pub(crate) fast: Vec<Fast<'a>>,
    /// What is to be done by the router.
    pub(crate) orders: Vec<Order>,
    /// Messages of shared groups that are delivered.
    shared: Vec<(u32, Lane, Seq)>,
    /// What a device answers to its commands.
    said: Vec<Said>,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        station: &'a Station,
        link: &'a mut Link,
        session: &'a Arc<Session>,
        now: Timestamp,
    ) -> Self {
        Self {
            station,
            link,
            session,
            now,
            batches: [Vec::new(), Vec::new()],
            fast: Vec::new(),
            orders: Vec::new(),
            shared: Vec::new(),
            said: Vec::new(),
        }
    }

    /// Handles the whole packets at the beginning of `bytes`; how many bytes they were.
    ///
    /// # Errors
    /// How the connection ends; what came before is handled.
    pub(crate) fn bytes(
        &mut self,
        state: &mut State,
        bytes: &'a [u8],
        out: &mut Vec<u8>,
    ) -> (usize, Result<(), End>) {
        let mut done = 0;
        loop {
            let decoded = decode(
                &bytes[done..],
                Side::Server,
                state.version,
                &self.station.packets,
            );
            match decoded {
                Ok(Decoded::Packet { packet, length }) => {
                    done += length;
                    self.link.packets += 1;
                    if let Err(end) = self.packet(state, packet, out) {
                        return (done, Err(end));
                    }
                }
                Ok(Decoded::Incomplete { .. }) => return (done, Ok(())),
                Err(error) => return (done, Err(End::Bad(error.reason, error.what))),
            }
        }
    }

    fn packet(
        &mut self,
        state: &mut State,
        packet: Packet<'a>,
        out: &mut Vec<u8>,
    ) -> Result<(), End> {
        match packet {
            Packet::Publish(publish) => self.publish(state, &publish),
            Packet::PubAck(ack) => self.acked(state, AckKind::PubAck, &ack, out),
            Packet::PubRec(ack) => self.acked(state, AckKind::PubRec, &ack, out),
            Packet::PubComp(ack) => self.acked(state, AckKind::PubComp, &ack, out),
            Packet::PubRel(ack) => {
                state.inbound.release(&ack)?;
                Ok(())
            }
            Packet::Subscribe(subscribe) => self.subscribe(state, &subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                self.unsubscribe(&unsubscribe);
                Ok(())
            }
            Packet::PingReq => {
                out.extend_from_slice(&[0xD0, 0]);
                Ok(())
            }
            Packet::Disconnect(disconnect) => {
                if let Some(secs) = disconnect.properties.session_expiry {
                    state.is_kept |= state.life.is_durable();
                    state.life.change_expiry(secs, &self.station.limits)?;
                }
                Err(End::Said(Ending::of(disconnect.reason)))
            }
            Packet::Auth(auth) => self.link.auth(self.station, self.session, &auth, out),
            Packet::Connect(_) => Err(End::Bad(Reason::ProtocolError, "a second CONNECT")),
            _ => Err(End::Bad(
                Reason::ProtocolError,
                "a packet that only servers send",
            )),
        }
    }

    fn acked(
        &mut self,
        state: &mut State,
        kind: AckKind,
        ack: &Ack<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), End> {
        let acked = state.outbound.ack(kind, ack, out)?;
        state.is_note_stale = true;
        if let Acked::Finished(Some(origin)) = acked
            && let Some(group) = shared_group(&origin)
        {
            self.shared.push((group, origin.lane, origin.seq));
        }
        Ok(())
    }

    fn publish(&mut self, state: &mut State, publish: &Publish<'a>) -> Result<(), End> {
        if state.inbound.publish(publish)? != Came::New {
            return Ok(());
        }
        self.link.publishes += 1;
        if let Some(device) = &mut state.device {
            let check_in = device.heard(self.station, self.now);
            self.batches[Lane::Normal.index()].extend(check_in);
        }
        let topic = state.inbound.topic(publish);
        let route = self
            .link
            .route(self.station, &self.session.client_id, topic);
        let arrived = match route {
            Ok(route) if publish.payload.len() > route.payload_bytes => Err(Reason::QuotaExceeded),
            Ok(route) => Arrived::of(publish, route.topic.clone(), route.is_state)
                .map(|arrived| (arrived, route.lane_of(publish), route.keeps_qos0)),
            Err(reason) => Err(reason),
        };
        let (mut arrived, lane, keeps_qos0) = match arrived {
            Ok(arrived) => arrived,
            Err(reason) => return self.refuse(state, publish, reason),
        };
        if bridged::is_circle(publish, self.station.mount.node().as_str()) {
            self.station.metrics.circles.inc();
            if let Some(id) = publish.packet_id {
                // It is taken, and says nothing to anybody here.
                let reason = Reason::NoMatchingSubscribers;
                state.inbound.refuse(publish.qos, id, reason);
            }
            return Ok(());
        }
        if let Some(device) = &state.device {
            self.said.extend(device.said(topic, publish.payload));
        }
        let cause = self.session.cause.clone();
        match publish.packet_id {
            None => {
                self.fast.push(Fast::new(publish, topic, lane));
                self.station.metrics.qos0_in.inc();
                if !keeps_qos0 {
                    return Ok(());
                }
            }
            Some(id) => {
                let is_once = publish.qos == QoS::ExactlyOnce;
                let named = is_once.then(|| topic.to_owned());
                let known = bridged::key(publish, &self.session.client_id, topic);
                let accepted = state.inbound.accept(publish.qos, id, lane);
                if let (Some(n), Some(topic)) = (accepted.n, named) {
                    let uid = self.session.uid;
                    let key = publish_key(uid, lane, n, id, &topic, publish.payload);
                    arrived.key = Key::new(key.to_vec()).ok();
                }
                if known.is_some() {
                    arrived.key = known;
                }
            }
        }
        let entry = Entry::publish(arrived, publish.payload, cause, self.now);
        self.batches[lane.index()].push(entry);
        Ok(())
    }

    /// A publish that is not taken. Before MQTT 5 that can only be said by ending the connection.
    fn refuse(
        &mut self,
        state: &mut State,
        publish: &Publish<'_>,
        reason: Reason,
    ) -> Result<(), End> {
        self.station.metrics.publish_refused(reason);
        state.denied = state.denied.saturating_add(1);
        match publish.packet_id {
            Some(id) if state.version == Version::V5 => {
                state.inbound.refuse(publish.qos, id, reason);
                Ok(())
            }
            Some(_) => Err(End::Bad(reason, "a publish that is refused")),
            None => Ok(()),
        }
    }

    fn subscribe(&mut self, state: &mut State, subscribe: &Subscribe<'_>) -> Result<(), End> {
        state.has_routes = true;
        let filters = subscribe
            .filters
            .iter()
            .map(|(filter, options)| {
                let may = self.station.access.may_subscribe(
                    &self.link.who,
                    &self.session.client_id,
                    filter,
                );
                state.denied = state.denied.saturating_add(u32::from(may.is_err()));
                (filter.to_owned(), options, may)
            })
            .collect();
        self.orders.push(Order::Subscribe {
            session: Arc::clone(self.session),
            connection: state.connection,
            packet_id: subscribe.packet_id,
            id: subscribe.properties.subscription_id,
            conflate: conflate::wanted(&subscribe.properties.user),
            filters,
        });
        Ok(())
    }

    fn unsubscribe(&mut self, unsubscribe: &Unsubscribe<'_>) {
        self.orders.push(Order::Unsubscribe {
            session: Arc::clone(self.session),
            connection: self.link.id,
            packet_id: unsubscribe.packet_id,
            filters: unsubscribe.filters.iter().map(str::to_owned).collect(),
        });
    }

    /// Submits what the packets brought, and writes the answers that need not wait.
    ///
    /// # Errors
    /// If the journal takes nothing any more.
    pub(crate) fn finish(&mut self, state: &mut State, out: &mut Vec<u8>) -> Result<(), End> {
        let mut held = Vec::new();
        let mut room = None;
        for lane in Lane::ALL {
            let mut entries = std::mem::take(&mut self.batches[lane.index()]);
            let is_note_due = state.inbound.is_note_due(lane);
            if is_note_due {
                let note = state.inbound.take_note(lane, self.session.uid);
                // That of a session that dies with its connection is asked for by nobody.
                if state.life.is_durable() {
                    entries.extend(store::in_note(self.station, self.session, lane, &note));
                }
            }
            let then = Then::Answers(state.inbound.last());
            if entries.is_empty() {
                if is_note_due {
                    state.appends.behind(lane, then);
                }
                continue;
            }
            let next = self.station.watermarks[lane.index()].durable().next();
            match submit(&*self.station.journal, lane, &entries) {
                Ok(ticket) => {
                    self.station.metrics.taken(lane, entries.len());
                    state.appends.wait(lane, &ticket, then);
                }
                Err(SubmitError::Full { .. }) => {
                    self.station.metrics.journal_full.inc();
                    let owned = entries.into_iter().map(Entry::into_owned).collect();
                    held.push((lane, owned, Some(then)));
                    room.get_or_insert_with(|| self.station.watermarks[lane.index()].reached(next));
                }
                Err(_) => return Err(End::JournalFailed),
            }
        }
        // Behind their own records.
        for said in self.said.drain(..) {
            let (answers, metrics) = (&self.station.answers, &self.station.metrics);
            answers.give(metrics, said);
        }
        if let Some(room) = room {
            state.held = Some(Box::new(Held {
                batches: held,
                room,
            }));
        }
        if !self.shared.is_empty() {
            let delivered = std::mem::take(&mut self.shared);
            self.orders.push(Order::Delivered(delivered));
        }
        state.inbound.flush(out);
        Ok(())
    }
}
