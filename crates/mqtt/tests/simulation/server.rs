//! A station's shell around the machine, for one client: it submits, keeps the notes, routes what is
//! durable, feeds, and can be told to do it wrong.

use std::collections::VecDeque;

use spica_model::{Lane, Seq, Timestamp};
use spica_mqtt::{
    Accepted, AckKind, Arrived, Delivery, Inbound, Next, NoteNumber, NotedStage, Ordinal, Origin,
    OutNote, Outbound, Pushed, SessionLimits, Terms, Uid, publish_key,
};
use spica_mqtt_proto::{
    Ack, Decoded, Limits, Packet, PacketId, Publish, QoS, Side, Version, decode,
};

use crate::ensure;
use crate::journal::{Entry, Fact, Journal, Note};
use crate::random::Random;

/// What a station could do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plant {
    /// PUBREC when the message is durable, and its note with a later read.
    PubRecBeforeTheNote,
    /// PUBCOMP at once.
    PubCompBeforeTheNote,
    /// PUBLISH of QoS 2, and PUBREL, at once.
    SentBeforeTheNote,
    /// The note leaves out what the client has but has not forgotten.
    ReleasedIsForgotten,
    /// The note leaves out what is done, also beyond the low-water place.
    DoneIsForgotten,
    /// The low-water place is where the router is.
    LowWaterIsTooHigh,
    /// Ids begin again where they began before.
    IdsBeginAgain,
}

impl Plant {
    pub(crate) const ALL: [Self; 7] = [
        Self::PubRecBeforeTheNote,
        Self::PubCompBeforeTheNote,
        Self::SentBeforeTheNote,
        Self::ReleasedIsForgotten,
        Self::DoneIsForgotten,
        Self::LowWaterIsTooHigh,
        Self::IdsBeginAgain,
    ];
}

#[derive(Debug)]
enum Ticket {
    In(Lane, usize, Ordinal),
    Out(usize, NoteNumber),
}

pub(crate) struct Server {
    limits: SessionLimits,
    version: Version,
    inbound: Inbound,
    outbound: Outbound<Note>,
    tickets: Vec<Ticket>,
    /// Per lane: up to where live sessions were pushed.
    routed: [Seq; 2],
    pub(crate) is_connected: bool,
    pub(crate) out: VecDeque<Vec<u8>>,
    pub(crate) plant: Option<Plant>,
}

const UID: Uid = Uid([7; 16]);

impl Server {
    pub(crate) fn new(limits: SessionLimits, version: Version, plant: Option<Plant>) -> Self {
        Self {
            inbound: Inbound::default(),
            outbound: Outbound::new(&limits),
            limits,
            version,
            tickets: Vec::new(),
            routed: [Seq::ZERO; 2],
            is_connected: false,
            out: VecDeque::new(),
            plant,
        }
    }

    /// The node starts with what the journal has.
    pub(crate) fn restart(&mut self, journal: &Journal) {
        let notes = Lane::ALL.map(|lane| journal.last_in(lane));
        let inbound = Inbound::restore(notes);
        let first = OutNote::first(UID, 0, 0);
        let mut note = journal.last_out().cloned().unwrap_or(first);
        if self.plant == Some(Plant::IdsBeginAgain) {
            note.next_id = PacketId::MIN;
        }
        *self = Self {
            inbound,
            outbound: Outbound::restore(&self.limits, &note),
            routed: Lane::ALL.map(|lane| Seq(journal.durable(lane) as u64)),
            ..Self::new(self.limits.clone(), self.version, self.plant)
        };
    }

    pub(crate) fn connected(&mut self, window: u16) {
        let terms = Terms {
            version: self.version,
            keep_alive_secs: 0,
            receive_maximum: self.limits.receive_maximum.get(),
            window: window.min(self.limits.window.get()),
            packet_bytes: u32::MAX,
            aliases_in: 0,
            aliases_out: 2,
            problem_information: true,
            response_information: false,
        };
        self.out.clear();
        self.is_connected = true;
        self.inbound.connected(&terms, self.limits.open_ids);
        self.outbound.connected(&terms, true);
    }

    pub(crate) fn disconnected(&mut self, random: &mut Random) {
        self.out.clear();
        self.is_connected = false;
        self.inbound.disconnected();
        self.outbound.disconnected(self.routed);
        // A station may or may not follow what a lost connection has submitted.
        if random.one_in(2) {
            self.tickets.clear();
        }
    }

    /// One read: packets of the client, whole.
    pub(crate) fn read(
        &mut self,
        packets: &[Vec<u8>],
        journal: &mut Journal,
    ) -> Result<(), String> {
        let mut out = Vec::new();
        let mut lanes = [false; 2];
        let limits = Limits::default();
        for bytes in packets {
            match decode(bytes, Side::Server, self.version, &limits) {
                Ok(Decoded::Packet { packet, .. }) => {
                    let lane = self.take(&packet, journal, &mut out)?;
                    lane.into_iter().for_each(|lane| lanes[lane.index()] = true);
                }
                other => return Err(format!("the client sent nonsense: {other:?}")),
            }
        }
        for lane in Lane::ALL {
            self.submit(lane, lanes[lane.index()], journal, &mut out);
        }
        self.inbound.flush(&mut out);
        self.send(out);
        Ok(())
    }

    fn take(
        &mut self,
        packet: &Packet<'_>,
        journal: &mut Journal,
        out: &mut Vec<u8>,
    ) -> Result<Option<Lane>, String> {
        let said = |violation: spica_mqtt::Violation| format!("the client is right: {violation}");
        let acked = |server: &mut Self, kind, ack: &Ack<'_>, out: &mut Vec<u8>| {
            server
                .outbound
                .ack(kind, ack, out)
                .map(|_| None)
                .map_err(said)
        };
        match packet {
            Packet::Publish(publish) => match self.inbound.publish(publish).map_err(said)? {
                Arrived::New => Ok(self.store(publish, journal)),
                Arrived::Duplicate => Ok(None),
                Arrived::Refused(reason) => Err(format!("refused: {reason}")),
            },
            Packet::PubRel(ack) => self.inbound.release(ack).map_err(said),
            Packet::PubAck(ack) => acked(self, AckKind::PubAck, ack, out),
            Packet::PubRec(ack) => acked(self, AckKind::PubRec, ack, out),
            Packet::PubComp(ack) => acked(self, AckKind::PubComp, ack, out),
            other => Err(format!("what is this? {other:?}")),
        }
    }

    fn store(&mut self, publish: &Publish<'_>, journal: &mut Journal) -> Option<Lane> {
        let lane = lane_of(publish.topic);
        let accepted = publish
            .packet_id
            .map(|id| (id, self.inbound.accept(publish.qos, id, lane)));
        let key = accepted.and_then(|(id, Accepted { n, .. })| {
            let (topic, payload) = (publish.topic, publish.payload);
            n.map(|n| publish_key(UID, lane, n, id, topic, payload))
        });
        let number = u32::from_be_bytes(publish.payload.try_into().unwrap());
        let fact = Fact::new(publish.topic, publish.qos, number, key);
        journal.append(lane, Entry::Fact(fact));
        accepted.map(|_| lane)
    }

    fn submit(&mut self, lane: Lane, has: bool, journal: &mut Journal, out: &mut Vec<u8>) {
        let last = self.inbound.last();
        let is_put_off = has && self.plant == Some(Plant::PubRecBeforeTheNote);
        let is_due = self.inbound.is_note_due(lane) && !is_put_off;
        if is_due {
            let note = self.inbound.take_note(lane, UID);
            journal.append(lane, Entry::In(note));
        }
        let waits = |ticket: &Ticket| matches!(ticket, Ticket::In(its, ..) if *its == lane);
        let is_alone = !has && !self.tickets.iter().any(waits);
        if is_due || has {
            let len = journal.len(lane);
            self.tickets.push(Ticket::In(lane, len, last));
        }
        if self.plant == Some(Plant::PubCompBeforeTheNote) && is_alone {
            self.inbound.committed(lane, last, out);
        }
    }

    /// What the journal has made durable is told.
    pub(crate) fn follow(&mut self, journal: &Journal) {
        let mut out = Vec::new();
        for ticket in std::mem::take(&mut self.tickets) {
            match ticket {
                Ticket::In(lane, len, last) if len <= journal.durable(lane) => {
                    self.inbound.committed(lane, last, &mut out);
                }
                Ticket::Out(len, number) if len <= journal.durable(Lane::Normal) => {
                    self.outbound.noted(number);
                }
                ticket => self.tickets.push(ticket),
            }
        }
        self.send(out);
    }

    /// What is durable is pushed to the session, one record of a lane.
    pub(crate) fn route(&mut self, lane: Lane, journal: &Journal) {
        let next = self.routed[lane.index()].next();
        if next.0 as usize > journal.durable(lane) {
            return;
        }
        if let Some(Entry::Fact(fact)) = journal.get(lane, next)
            && fact.is_for_client()
        {
            let delivery = delivery(fact.clone(), lane, next);
            let _pushed: Pushed = self.outbound.push(delivery);
        }
        self.routed[lane.index()] = next;
    }

    /// A session that is behind is fed a few records of a lane.
    pub(crate) fn feed(&mut self, lane: Lane, most: usize, journal: &Journal) {
        let Some(mut after) = self.outbound.wants(lane) else {
            return;
        };
        for _ in 0..most {
            if after >= self.routed[lane.index()] {
                break;
            }
            let next = after.next();
            if let Some(Entry::Fact(fact)) = journal.get(lane, next)
                && (fact.is_for_client() && fact.qos != QoS::AtMostOnce)
                && self.outbound.offer(delivery(fact.clone(), lane, next)) == Pushed::Full
            {
                break;
            }
            after = next;
        }
        self.outbound.passed(lane, after);
        if after >= self.routed[lane.index()] {
            self.outbound.caught_up(lane);
        }
    }

    /// Sends what may be sent, and notes what has to be; `lazily`: also what need not.
    pub(crate) fn write(
        &mut self,
        budget: usize,
        lazily: bool,
        journal: &mut Journal,
    ) -> Result<Option<OutNote>, String> {
        let mut out = Vec::new();
        let next = self.outbound.next(Timestamp::EPOCH, budget, &mut out);
        ensure!(!matches!(next, Next::Chunk(_)), "nobody pushed a chunk");
        self.send(out);
        if !lazily && !self.outbound.is_note_due() {
            return Ok(None);
        }
        let (number, mut note) = self.outbound.take_note(self.routed, UID);
        let checked = note.clone();
        self.spoil(&mut note);
        journal.append(Lane::Normal, Entry::Out(note));
        let len = journal.len(Lane::Normal);
        self.tickets.push(Ticket::Out(len, number));
        if self.plant == Some(Plant::SentBeforeTheNote) {
            self.outbound.noted(number);
        }
        Ok(Some(checked))
    }

    fn spoil(&self, note: &mut OutNote) {
        match self.plant {
            Some(Plant::ReleasedIsForgotten) => {
                note.ids.retain(|noted| noted.stage != NotedStage::Released);
            }
            Some(Plant::DoneIsForgotten) => {
                note.ids.retain(|noted| noted.stage != NotedStage::Done);
            }
            Some(Plant::LowWaterIsTooHigh) => {
                [note.critical, note.normal] = self.routed.map(|seq| seq.0);
            }
            _ => {}
        }
    }

    /// What waits is within its bounds, and nothing is dropped that must not be.
    pub(crate) fn check(&mut self) -> Result<(), String> {
        let (messages, _) = self.outbound.waiting();
        ensure!(
            messages <= 4 * self.limits.queue_messages,
            "{messages} messages wait"
        );
        let dropped = self.outbound.take_dropped();
        ensure!(
            dropped.gone + dropped.expired + dropped.too_large == 0,
            "{dropped:?}"
        );
        Ok(())
    }

    fn send(&mut self, out: Vec<u8>) {
        if self.is_connected && !out.is_empty() {
            self.out.push_back(out);
        }
    }
}

fn delivery(fact: std::sync::Arc<Fact>, lane: Lane, seq: Seq) -> Delivery<Note> {
    Delivery {
        qos: fact.qos,
        message: Note(fact),
        retain: false,
        origin: Some(Origin {
            lane,
            seq,
            apart: None,
        }),
        ids: None,
    }
}

/// A topic is in one lane.
pub(crate) fn lane_of(topic: &str) -> Lane {
    match topic.ends_with('0') {
        true => Lane::Critical,
        false => Lane::Normal,
    }
}
