//! What the machine promises, checked on what it writes.

#![expect(clippy::panic, reason = "a broken promise is what is looked for")]

use std::collections::{BTreeSet, HashMap, VecDeque};

use spica_model::{Lane, Seq};
use spica_mqtt::{AckKind, Acked, InNote, Ordinal, OutNote, Terms};
use spica_mqtt_proto::{
    Ack, Decoded, Limits, Packet, PacketId, Publish, QoS, Side, Version, decode,
};

/// An answer that the client waits for; and what must be durable for it to be a good one.
struct Owed {
    kind: AckKind,
    id: PacketId,
    needs: Option<(Lane, Ordinal)>,
}

#[derive(Default)]
pub(super) struct Promises {
    owed: VecDeque<Owed>,
    durable: [Ordinal; 2],
    window: usize,
    packet_bytes: usize,
    /// How many connections there were.
    connections: u32,
    /// What was sent on this connection and is not acknowledged.
    flying: BTreeSet<PacketId>,
    /// What was released on this connection and is not acknowledged.
    releasing: BTreeSet<PacketId>,
    /// The identifier with which each QoS 2 record went out.
    ids: HashMap<[u8; 8], PacketId>,
    /// Records that must be delivered.
    expected: BTreeSet<Seq>,
}

impl Promises {
    pub(super) fn connected(&mut self, terms: &Terms) {
        self.window = usize::from(terms.window);
        self.packet_bytes = usize::try_from(terms.packet_bytes).unwrap_or(usize::MAX);
        self.connections += 1;
    }

    pub(super) fn disconnected(&mut self) {
        self.owed.clear();
        self.flying.clear();
        self.releasing.clear();
    }

    /// Ordinals are counted from the beginning again.
    pub(super) fn restarted(&mut self) {
        self.durable = Default::default();
    }

    pub(super) fn owes(&mut self, kind: AckKind, id: PacketId, needs: Option<(Lane, Ordinal)>) {
        self.owed.push_back(Owed { kind, id, needs });
    }

    /// A QoS 2 message is taken as new: then nothing durable says that its id is open.
    pub(super) fn takes(id: PacketId, notes: &[Option<InNote>; 2]) {
        let mut open = notes.iter().flatten().flat_map(|note| &note.open);
        assert!(open.all(|noted| *noted != id), "{id} is taken twice");
    }

    pub(super) fn durable(&mut self, lane: Lane, through: Ordinal) {
        let durable = &mut self.durable[lane.index()];
        *durable = through.max(*durable);
    }

    /// Answers come in the order of what they answer, and say yes only to what is durable.
    pub(super) fn answered(&mut self, out: &[u8], version: Version, notes: &[Option<InNote>; 2]) {
        packets(out, version, |packet, _| {
            let (kind, ack) = match packet {
                Packet::PubAck(ack) => (AckKind::PubAck, ack),
                Packet::PubRec(ack) => (AckKind::PubRec, ack),
                Packet::PubComp(ack) => (AckKind::PubComp, ack),
                other => panic!("{other:?} is no answer"),
            };
            let owed = self.owed.pop_front();
            let owed = owed.filter(|owed| owed.kind == kind && owed.id == ack.packet_id);
            assert!(owed.is_some(), "{kind:?} {ack:?} out of turn");
            if ack.reason.is_failure() {
                return;
            }
            if let Some((lane, ordinal)) = owed.and_then(|owed| owed.needs) {
                let is_durable = ordinal <= self.durable[lane.index()];
                assert!(is_durable, "{kind:?} of what is not durable");
            }
            if kind == AckKind::PubComp && ack.reason.code() == 0 {
                Self::takes(ack.packet_id, notes);
            }
        });
    }

    pub(super) fn expects(&mut self, seq: Seq) {
        self.expected.insert(seq);
    }

    /// Retention has removed all up to this one.
    pub(super) fn gone(&mut self, through: usize) {
        self.expected.retain(|seq| seq.0 > through as u64);
    }

    pub(super) fn acked(&mut self, id: PacketId, acked: Acked) {
        let Acked::Finished(origin) = acked else {
            return;
        };
        self.flying.remove(&id);
        self.releasing.remove(&id);
        if let Some(origin) = origin {
            self.expected.remove(&origin.seq);
        }
    }

    /// The place that is noted is before all that is not delivered.
    pub(super) fn check_low(&self, low: Seq) {
        let first = self.expected.first();
        assert!(first.is_none_or(|first| low < *first), "{first:?} is lost");
    }

    /// What goes out is well-formed, and no more than the client takes. `note`: what is durable, of a
    /// session that outlives its connection.
    pub(super) fn sent(&mut self, out: &[u8], version: Version, note: Option<&OutNote>) {
        packets(out, version, |packet, length| match packet {
            Packet::Publish(publish) => {
                assert!(length <= self.packet_bytes, "{length} bytes");
                self.published(publish, note);
            }
            Packet::PubRel(ack) => self.released(ack),
            other => panic!("{other:?} is not sent so"),
        });
    }

    fn published(&mut self, publish: &Publish<'_>, note: Option<&OutNote>) {
        assert!(
            !publish.dup || self.connections > 1,
            "nothing was sent before"
        );
        let Some(id) = publish.packet_id else {
            return;
        };
        let is_unused = self.flying.insert(id);
        assert!(is_unused && !self.releasing.contains(&id), "{id} is in use");
        assert!(self.flying.len() <= self.window, "more than the window");
        if publish.qos != QoS::ExactlyOnce {
            return;
        }
        if let Some(note) = note {
            let is_noted = note.ids.iter().any(|noted| noted.id == id);
            assert!(is_noted, "{id} is sent before it is noted");
        }
        let place: [u8; 8] = publish.payload.try_into().unwrap_or_default();
        let with = *self.ids.entry(place).or_insert(id);
        assert_eq!(with, id, "{place:?} is given twice");
    }

    fn released(&mut self, ack: &Ack<'_>) {
        if ack.reason.is_failure() {
            return;
        }
        // One of an earlier connection is released again without PUBLISH, and counts for nothing.
        self.releasing.insert(ack.packet_id);
    }
}

/// All that is written are whole packets of a server.
fn packets(out: &[u8], version: Version, mut each: impl FnMut(&Packet<'_>, usize)) {
    let mut rest = out;
    while !rest.is_empty() {
        match decode(rest, Side::Client, version, &Limits::default()) {
            Ok(Decoded::Packet { packet, length }) => {
                each(&packet, length);
                rest = &rest[length..];
            }
            other => panic!("{other:?} of {rest:?}"),
        }
    }
}
