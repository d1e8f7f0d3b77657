//! What of the outbound half is durable.

use spica_model::{Lane, Seq};
use spica_mqtt_proto::{PacketId, QoS};

use super::delivery::{Message, Origin};
use super::flight::{Entry, Flight, Stage};
use super::{Busy, Outbound};
use crate::{NotedId, NotedStage, OutNote, SessionLimits, Uid};

/// Which note: each has another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NoteNumber(u32);

/// So many ids are given before a note is due.
const NOTED_EVERY: u16 = 8_192;

/// So many ids at most are given without a durable note, and so much further a restarted session
/// begins: it must not meet those that the client may still acknowledge. Not a part of all ids, so
/// that the restarts after it do not meet them either.
const STRIDE: u16 = 12_289;

impl<M: Message> Outbound<M> {
    /// The half that a note leaves, offline. What is not in it is new.
    #[must_use]
    pub fn restore(limits: &SessionLimits, note: &OutNote) -> Self {
        let mut flight = Flight::default();
        let mut high = [Seq::ZERO; 2];
        for noted in &note.ids {
            let entry = restored(noted);
            if let Some((lane, seq)) = entry.placed() {
                high[lane.index()] = seq.max(high[lane.index()]);
            }
            flight.push(entry);
        }
        let busy = (!flight.is_empty()).then(|| {
            Box::new(Busy {
                flight,
                high,
                restored_high: high,
                ..Busy::default()
            })
        });
        Self {
            busy,
            behind: [Some(Seq(note.critical)), Some(Seq(note.normal))],
            next_id: after(note.next_id, STRIDE),
            // Another restart before the next note would give the same ids again.
            unnoted_ids: STRIDE,
            is_durable: true,
            ..Self::new(limits)
        }
    }

    /// Whether something waits for a note and none is on its way. It is to be made durable, with
    /// [`Self::take_note`] and [`Self::noted`].
    #[must_use]
    pub fn is_note_due(&self) -> bool {
        let ids_run_out = self.unnoted_ids >= NOTED_EVERY;
        let is_due = self
            .busy
            .as_deref()
            .is_some_and(|busy| ids_run_out || busy.assigned.waits() || busy.releases.waits());
        self.is_durable && !self.is_note_on_its_way && is_due
    }

    /// Whether a note was taken and its end is not known yet.
    #[must_use]
    pub const fn is_note_on_its_way(&self) -> bool {
        self.is_note_on_its_way
    }

    /// The note as it is now: for what waits, and now and then, and when a connection ends, so that
    /// less is sent again after a restart. `live` as in [`Self::disconnected`].
    pub fn take_note(&mut self, live: [Seq; 2], uid: Uid) -> (NoteNumber, OutNote) {
        let low = self.low_water(live);
        self.note.0 = self.note.0.wrapping_add(1);
        self.is_note_on_its_way = true;
        self.noting_ids = self.unnoted_ids;
        let mut ids = Vec::new();
        if let Some(busy) = &mut self.busy {
            busy.assigned.note();
            busy.releases.note();
            ids.extend(busy.flight.iter().filter_map(|entry| noted(entry, low)));
        }
        let [critical, normal] = low.map(|seq| seq.0);
        let note = OutNote {
            uid,
            critical,
            normal,
            next_id: self.next_id,
            ids,
        };
        (self.note, note)
    }

    /// The note is durable: what waited for it may go on. One that another has followed, or that was
    /// taken on an earlier connection, changes nothing.
    pub fn noted(&mut self, number: NoteNumber) {
        if number != self.note || !self.is_note_on_its_way {
            return;
        }
        self.is_note_on_its_way = false;
        self.unnoted_ids = self.unnoted_ids.saturating_sub(self.noting_ids);
        if let Some(busy) = &mut self.busy {
            busy.assigned.open();
            busy.releases.open();
        }
    }

    /// The note will never be durable; another is due.
    pub fn note_failed(&mut self, number: NoteNumber) {
        if number != self.note || !self.is_note_on_its_way {
            return;
        }
        self.is_note_on_its_way = false;
        if let Some(busy) = &mut self.busy {
            busy.assigned.forget();
            busy.releases.forget();
        }
    }

    /// Whether ids may be given without a note before.
    pub(super) const fn has_ids(&self) -> bool {
        !self.is_durable || self.unnoted_ids < STRIDE
    }

    /// An id that no message in flight has.
    pub(super) fn take_id(&mut self) -> PacketId {
        let busy = self.busy.get_or_insert_default();
        // There are fewer messages than ids: the limit of tracked ones is half of all ids.
        while busy.flight.is_used(self.next_id) {
            self.next_id = after(self.next_id, 1);
        }
        let id = self.next_id;
        self.next_id = after(id, 1);
        self.unnoted_ids = self.unnoted_ids.saturating_add(1);
        id
    }
}

/// The id that lies so much further, around the end.
fn after(id: PacketId, by: u16) -> PacketId {
    let number = id.get().wrapping_add(by);
    PacketId::new(number).unwrap_or(PacketId::MIN)
}

fn noted<M>(entry: &Entry<M>, low: [Seq; 2]) -> Option<NotedId> {
    let is_passed = |(lane, seq): (Lane, Seq)| seq <= low[lane.index()];
    let is_forgotten = match entry.placed() {
        Some(placed) => is_passed(placed),
        None => entry.stage == Stage::Done,
    };
    if entry.qos != QoS::ExactlyOnce || is_forgotten {
        return None;
    }
    Some(NotedId {
        id: entry.id,
        stage: match entry.stage {
            Stage::Assigned | Stage::Sent => NotedStage::Sent,
            Stage::Received | Stage::Released => NotedStage::Released,
            Stage::Done => NotedStage::Done,
        },
        seq: entry.origin.map(|origin| origin.seq.0),
        lane: entry.lane(),
        apart: entry.origin.and_then(|origin| origin.apart),
    })
}

fn restored<M>(noted: &NotedId) -> Entry<M> {
    let stage = match noted.stage {
        // What is no record cannot be fetched: all that can be done is to free its id.
        NotedStage::Sent if noted.seq.is_none() => Stage::Released,
        NotedStage::Sent => Stage::Sent,
        NotedStage::Released => Stage::Released,
        NotedStage::Done => Stage::Done,
    };
    Entry {
        id: noted.id,
        stage,
        qos: QoS::ExactlyOnce,
        is_wired: false,
        is_again: false,
        is_restored: true,
        origin: noted.seq.map(|seq| Origin {
            lane: noted.lane,
            seq: Seq(seq),
            apart: noted.apart,
        }),
        held: None,
    }
}
