//! A station around the machine, as small as can be: it keeps what a journal would keep.

use std::collections::VecDeque;
use std::num::{NonZeroU16, NonZeroU32};

use spica_model::{Lane, Seq, Timestamp};
use spica_mqtt::{
    AckKind, Acked, Arrived, Delivery, InNote, Inbound, Message, Next, NoteNumber, Ordinal, Origin,
    OutNote, Outbound, Pushed, SessionLimits, Uid, Violation, negotiate,
};
use spica_mqtt_proto::{
    Connect, Decoded, Limits, Packet, Publish, PublishProperties, QoS, Reason, Side, Version,
    decode,
};

use super::promises::Promises;

const UID: Uid = Uid([7; 16]);
const NOW: Timestamp = Timestamp::from_secs(1_000);
/// What topics that begin so are for: the critical lane, and to be refused.
const CRITICAL: u8 = b'c';
const FORBIDDEN: u8 = b'x';

/// A message to the client: its payload is its place.
#[derive(Debug, Clone)]
pub(super) struct Record([u8; 8]);

impl Message for Record {
    fn publish(&self) -> Publish<'_> {
        Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: "to/the/client",
            packet_id: None,
            properties: PublishProperties::default(),
            payload: &self.0,
        }
    }

    fn bytes(&self) -> usize {
        self.0.len()
    }

    fn expires(&self) -> Option<Timestamp> {
        None
    }
}

/// The client has broken a rule: the connection ends.
struct End;

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        assert!(violation.reason.is_failure() && !violation.what.is_empty());
        Self
    }
}

/// What was given to a lane in one piece, and is not known to be durable.
struct Submit {
    through: Ordinal,
    note: Option<InNote>,
}

pub(super) struct Machine {
    limits: SessionLimits,
    inbound: Inbound,
    outbound: Outbound<Record>,
    promises: Promises,
    /// None: there is no connection.
    version: Option<Version>,
    is_durable: bool,
    submits: [VecDeque<Submit>; 2],
    /// Which lane refuses the next submit.
    is_full: [bool; 2],
    notes: [Option<InNote>; 2],
    taken_note: Option<(NoteNumber, OutNote)>,
    out_note: OutNote,
    /// The records for the client, all of the normal lane, counted from 1; and how many are gone.
    records: Vec<(QoS, Option<NonZeroU32>)>,
    gone: usize,
    out: Vec<u8>,
}

impl Machine {
    pub(super) fn new(how: u8) -> Self {
        let few = u16::from(how & 3) + 1;
        let limits = SessionLimits {
            receive_maximum: NonZeroU16::MIN.saturating_add(few),
            open_ids: few,
            window: NonZeroU16::MIN.saturating_add(u16::from(how >> 2 & 3)),
            tracked: u16::from(how >> 4 & 7) + 4,
            queue_messages: u32::from(how >> 5) + 1,
            aliases_in: 2,
            aliases_out: u16::from(how >> 7),
            ..SessionLimits::default()
        };
        Self {
            inbound: Inbound::default(),
            outbound: Outbound::new(&limits),
            limits,
            promises: Promises::default(),
            version: None,
            is_durable: false,
            submits: Default::default(),
            is_full: [false; 2],
            notes: [None, None],
            taken_note: None,
            out_note: OutNote::first(UID, 0, 0),
            records: Vec::new(),
            gone: 0,
            out: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, step: u8) {
        match step {
            b'c' => self.settle(Lane::Normal),
            b'C' => self.settle(Lane::Critical),
            b'f' => self.is_full[Lane::Normal.index()] = true,
            b'F' => self.is_full[Lane::Critical.index()] = true,
            b'0' => self.append(QoS::AtMostOnce, None),
            b'1' => self.append(QoS::AtLeastOnce, None),
            b'2' => self.append(QoS::ExactlyOnce, None),
            b's' => self.append(QoS::AtLeastOnce, Some(NonZeroU32::MIN)),
            b'w' => self.write(),
            b'j' => self.feed(),
            b'm' if self.taken_note.is_none() => self.take_note(),
            b'n' => self.end_note(true),
            b'N' => self.end_note(false),
            b'r' => {
                self.gone = self.records.len();
                self.promises.gone(self.gone);
            }
            b'd' => self.lose(),
            b'k' => self.kill(),
            _ => return,
        }
        let low = self.outbound.low_water(self.live());
        self.promises.check_low(low[Lane::Normal.index()]);
    }

    /// The client sends bytes: packets as far as they are some.
    pub(super) fn packets(&mut self, bytes: &[u8]) {
        let limits = Limits::default();
        let mut rest = bytes;
        loop {
            let version = self.version.unwrap_or(Version::V5);
            let (packet, length) = match decode(rest, Side::Server, version, &limits) {
                Ok(Decoded::Packet { packet, length }) => (packet, length),
                Ok(Decoded::Incomplete { .. }) => break,
                Err(_) => return self.lose(),
            };
            if self.packet(&packet).is_err() {
                return self.lose();
            }
            rest = &rest[length..];
        }
        self.submit();
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Result<(), End> {
        if let Packet::Connect(connect) = packet {
            return self.connect(connect).ok_or(End);
        }
        if self.version.is_none() {
            return Err(End);
        }
        match packet {
            Packet::Publish(publish) => self.publish(publish)?,
            Packet::PubAck(ack) => self.ack(AckKind::PubAck, ack)?,
            Packet::PubRec(ack) => self.ack(AckKind::PubRec, ack)?,
            Packet::PubComp(ack) => self.ack(AckKind::PubComp, ack)?,
            Packet::PubRel(ack) => {
                self.inbound.release(ack)?;
                self.promises.owes(AckKind::PubComp, ack.packet_id, None);
            }
            Packet::Disconnect(_) => return Err(End),
            _ => {}
        }
        Ok(())
    }

    fn connect(&mut self, connect: &Connect<'_>) -> Option<()> {
        if self.version.is_some() {
            return None;
        }
        let agreed = negotiate(connect, &self.limits, "given").ok()?;
        // Whoever takes less than a message is given none; that is not what is tried here.
        if agreed.terms.packet_bytes < 100 {
            return None;
        }
        if agreed.clean_start || !self.is_durable {
            self.begin_anew();
        }
        self.is_durable = agreed.expiry_secs > 0;
        self.version = Some(agreed.terms.version);
        self.inbound.connected(&agreed.terms, self.limits.open_ids);
        self.outbound.connected(&agreed.terms, self.is_durable);
        self.promises.connected(&agreed.terms);
        Some(())
    }

    fn publish(&mut self, publish: &Publish<'_>) -> Result<(), End> {
        let arrived = self.inbound.publish(publish)?;
        let Some(id) = publish.packet_id else {
            return Ok(());
        };
        let kind = match publish.qos {
            QoS::ExactlyOnce => AckKind::PubRec,
            _ => AckKind::PubAck,
        };
        let first = self.inbound.topic(publish).as_bytes().first().copied();
        if arrived != Arrived::New {
            self.promises.owes(kind, id, None);
        } else if first == Some(FORBIDDEN) {
            self.inbound.refuse(publish.qos, id, Reason::NotAuthorized);
            self.promises.owes(kind, id, None);
        } else {
            let is_critical = first == Some(CRITICAL);
            let lane = if is_critical {
                Lane::Critical
            } else {
                Lane::Normal
            };
            if kind == AckKind::PubRec {
                Promises::takes(id, &self.notes);
            }
            let accepted = self.inbound.accept(publish.qos, id, lane);
            self.promises.owes(kind, id, Some((lane, accepted.ordinal)));
        }
        Ok(())
    }

    fn ack(&mut self, kind: AckKind, ack: &spica_mqtt_proto::Ack<'_>) -> Result<(), End> {
        let acked = self.outbound.ack(kind, ack, &mut self.out)?;
        self.promises.acked(ack.packet_id, acked);
        if acked == Acked::Unknown {
            // PUBREL for what is not there, which MQTT 3 has no reason to tell by.
            self.out.clear();
        }
        self.check_sent();
        Ok(())
    }

    /// After one read: what was taken goes to its lane, with the note behind it.
    fn submit(&mut self) {
        for lane in Lane::ALL {
            let is_due = self.inbound.is_note_due(lane);
            let note = is_due.then(|| self.inbound.take_note(lane, UID));
            let through = self.inbound.last();
            // Only what nothing uncertain goes before can be told to have failed.
            let is_full = std::mem::take(&mut self.is_full[lane.index()]);
            if is_full && self.submits[lane.index()].is_empty() {
                let (reason, out) = (Reason::QuotaExceeded, &mut self.out);
                if self.inbound.failed(lane, through, reason, out).is_err() {
                    return self.lose();
                }
            } else {
                self.submits[lane.index()].push_back(Submit { through, note });
            }
        }
        self.inbound.flush(&mut self.out);
        self.check_answers();
    }

    fn settle(&mut self, lane: Lane) {
        let Some(submit) = self.submits[lane.index()].pop_front() else {
            return;
        };
        let noted = &mut self.notes[lane.index()];
        *noted = submit.note.or_else(|| noted.take());
        self.promises.durable(lane, submit.through);
        self.inbound.committed(lane, submit.through, &mut self.out);
        self.check_answers();
    }

    fn check_answers(&mut self) {
        let out = std::mem::take(&mut self.out);
        if let Some(version) = self.version {
            self.promises.answered(&out, version, &self.notes);
        }
    }

    fn append(&mut self, qos: QoS, apart: Option<NonZeroU32>) {
        self.records.push((qos, apart));
        let delivery = self.delivery(self.records.len());
        let is_wanted = apart.is_some() || !self.outbound.is_behind(Lane::Normal);
        let is_kept = is_wanted && self.outbound.push(delivery) != Pushed::Full;
        if qos != QoS::AtMostOnce && apart.is_none() {
            assert!(is_kept || !is_wanted, "a placed message is never dropped");
            self.promises.expects(Seq(self.records.len() as u64));
        }
    }

    /// The record of a number from 1 on.
    fn delivery(&self, number: usize) -> Delivery<Record> {
        let (qos, apart) = self.records[number - 1];
        let seq = Seq(number as u64);
        Delivery {
            message: Record(seq.0.to_be_bytes()),
            qos,
            retain: false,
            origin: Some(Origin {
                lane: Lane::Normal,
                seq,
                apart,
            }),
            ids: None,
        }
    }

    fn feed(&mut self) {
        let Some(after) = self.outbound.wants(Lane::Normal) else {
            return;
        };
        let begin = usize::try_from(after.0).unwrap_or(usize::MAX);
        for number in begin + 1..=self.records.len() {
            let is_there = number > self.gone && self.records[number - 1].1.is_none();
            let is_full = is_there
                && self.records[number - 1].0 != QoS::AtMostOnce
                && self.outbound.offer(self.delivery(number)) == Pushed::Full;
            if is_full {
                return self.outbound.passed(Lane::Normal, Seq(number as u64 - 1));
            }
        }
        self.outbound
            .passed(Lane::Normal, Seq(self.records.len() as u64));
        self.outbound.caught_up(Lane::Normal);
    }

    fn write(&mut self) {
        while self.outbound.next(NOW, 64, &mut self.out) == Next::More {}
        self.check_sent();
    }

    fn check_sent(&mut self) {
        let out = std::mem::take(&mut self.out);
        let Some(version) = self.version else {
            assert!(out.is_empty(), "something is sent to nobody");
            return;
        };
        let note = self.is_durable.then_some(&self.out_note);
        self.promises.sent(&out, version, note);
    }

    fn take_note(&mut self) {
        self.taken_note = Some(self.outbound.take_note(self.live(), UID));
    }

    fn end_note(&mut self, is_stored: bool) {
        let Some((number, note)) = self.taken_note.take() else {
            return;
        };
        if is_stored {
            self.out_note = note;
            self.outbound.noted(number);
        } else {
            self.outbound.note_failed(number);
        }
    }

    fn live(&self) -> [Seq; 2] {
        [Seq::ZERO, Seq(self.records.len() as u64)]
    }

    fn lose(&mut self) {
        if self.version.take().is_none() {
            return;
        }
        self.out.clear();
        self.inbound.disconnected();
        self.outbound.disconnected(self.live());
        self.promises.disconnected();
        if !self.is_durable {
            self.begin_anew();
        }
    }

    /// What is left is what was durable.
    fn kill(&mut self) {
        self.lose();
        self.submits = Default::default();
        self.taken_note = None;
        if self.is_durable {
            let [critical, normal] = &self.notes;
            self.inbound = Inbound::restore([critical.as_ref(), normal.as_ref()]);
            self.outbound = Outbound::restore(&self.limits, &self.out_note);
            self.promises.restarted();
        } else {
            self.begin_anew();
        }
    }

    /// The session is over; another will begin here.
    fn begin_anew(&mut self) {
        let [critical, normal] = self.live();
        *self = Self {
            records: std::mem::take(&mut self.records),
            gone: self.gone,
            limits: self.limits.clone(),
            inbound: Inbound::default(),
            outbound: Outbound::new(&self.limits),
            promises: Promises::default(),
            version: None,
            is_durable: false,
            submits: Default::default(),
            is_full: [false; 2],
            notes: [None, None],
            taken_note: None,
            out_note: OutNote::first(UID, critical.0, normal.0),
            out: Vec::new(),
        };
    }
}
