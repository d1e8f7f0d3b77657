//! QoS 2 messages that were taken and not yet released.

use spica_model::Lane;
use spica_mqtt_proto::PacketId;

use super::Ordinal;
use crate::{InNote, Uid};

/// Open QoS 2 messages, per lane: their ids are noted there, so that prefix durability of the lane
/// orders them behind their messages.
#[derive(Debug, Default)]
pub(super) struct Open([OpenLane; 2]);

#[derive(Debug, Default)]
struct OpenLane {
    /// Messages taken.
    n: u64,
    ids: Vec<OpenId>,
    /// The last note that was taken no longer says what is true.
    is_note_due: bool,
}

#[derive(Debug)]
struct OpenId {
    id: PacketId,
    taken: Taken,
    /// What must be durable for the next stage.
    ordinal: Ordinal,
}

/// How far an open message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// Neither it nor its id is known to be durable.
    Submitted,
    /// Both are: PUBREC is due, or sent.
    Noted,
    /// PUBREL has come; that the id is given up is not known to be durable.
    Releasing,
}

impl Open {
    pub(super) fn restore(notes: [Option<&InNote>; 2]) -> Self {
        Self(notes.map(|note| note.map(OpenLane::restore).unwrap_or_default()))
    }

    /// How many there are in both lanes.
    pub(super) fn len(&self) -> usize {
        self.0.iter().map(|lane| lane.ids.len()).sum()
    }

    pub(super) fn find(&self, id: PacketId) -> Option<(Lane, Taken)> {
        Lane::ALL.into_iter().find_map(|lane| {
            let mut ids = self.0[lane.index()].ids.iter();
            let open = ids.find(|open| open.id == id)?;
            Some((lane, open.taken))
        })
    }

    /// Its number in the lane.
    pub(super) fn take(&mut self, lane: Lane, id: PacketId, ordinal: Ordinal) -> u64 {
        let lane = &mut self.0[lane.index()];
        lane.n += 1;
        lane.is_note_due = true;
        lane.ids.push(OpenId {
            id,
            taken: Taken::Submitted,
            ordinal,
        });
        lane.n
    }

    pub(super) fn release(&mut self, id: PacketId, lane: Lane, ordinal: Ordinal) {
        let lane = &mut self.0[lane.index()];
        lane.is_note_due = true;
        for open in lane.ids.iter_mut().filter(|open| open.id == id) {
            open.taken = Taken::Releasing;
            open.ordinal = ordinal;
        }
    }

    /// Whatever a lane's fate was, the next note says it again, and what waits does so for that.
    pub(super) fn unsettle(&mut self, ordinal: Ordinal) {
        for lane in &mut self.0 {
            for open in lane.ids.iter_mut() {
                if open.taken != Taken::Noted {
                    open.ordinal = ordinal;
                    lane.is_note_due = true;
                }
            }
        }
    }

    /// An answer waits for a note that nothing else may cause.
    pub(super) fn note_again(&mut self, lane: Lane) {
        self.0[lane.index()].is_note_due = true;
    }

    pub(super) fn is_note_due(&self, lane: Lane) -> bool {
        self.0[lane.index()].is_note_due
    }

    pub(super) fn take_note(&mut self, lane: Lane, uid: Uid) -> InNote {
        let lane = &mut self.0[lane.index()];
        lane.is_note_due = false;
        let kept = lane
            .ids
            .iter()
            .filter(|open| open.taken != Taken::Releasing);
        InNote {
            uid,
            n: lane.n,
            open: kept.map(|open| open.id).collect(),
        }
    }

    pub(super) fn settle(&mut self, lane: Lane, through: Ordinal) {
        self.0[lane.index()].ids.retain_mut(|open| {
            let is_settled = open.ordinal <= through;
            if is_settled && open.taken == Taken::Submitted {
                open.taken = Taken::Noted;
            }
            !(is_settled && open.taken == Taken::Releasing)
        });
    }

    /// What was submitted up to and with `through` is not stored. Whether that can be answered: a
    /// release cannot, and is as if it had not come.
    pub(super) fn fail(&mut self, lane: Lane, through: Ordinal) -> bool {
        let mut is_sayable = true;
        let lane = &mut self.0[lane.index()];
        lane.is_note_due = true;
        lane.ids.retain_mut(|open| {
            let is_failed = open.ordinal <= through;
            if is_failed && open.taken == Taken::Releasing {
                open.taken = Taken::Noted;
                is_sayable = false;
            }
            !(is_failed && open.taken == Taken::Submitted)
        });
        is_sayable
    }
}

impl OpenLane {
    fn restore(note: &InNote) -> Self {
        let noted = |id: &PacketId| OpenId {
            id: *id,
            taken: Taken::Noted,
            ordinal: Ordinal::default(),
        };
        Self {
            n: note.n,
            ids: note.open.iter().map(noted).collect(),
            is_note_due: false,
        }
    }
}
