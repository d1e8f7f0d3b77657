//! What is owed to the client, in the order in which its packets came.

use std::collections::VecDeque;

use spica_model::Lane;
use spica_mqtt_proto::{PacketId, Reason, Version};

use crate::ack::AckKind;

/// The number of an answer, counted from the session's begin; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ordinal(u64);

/// Answers that are owed: each waits for its lane, and for all before it.
#[derive(Debug, Default)]
pub(super) struct Answers {
    owed: VecDeque<Answer>,
    /// How many were before those.
    before: u64,
    /// Per lane: what is durable.
    durable: [Ordinal; 2],
}

#[derive(Debug)]
struct Answer {
    id: PacketId,
    kind: AckKind,
    lane: Lane,
    is_ready: bool,
    reason: Reason,
}

/// Entries that a silent client's queue may keep.
const RESTING: usize = 8;

impl Answers {
    pub(super) fn len(&self) -> usize {
        self.owed.len()
    }

    pub(super) fn last(&self) -> Ordinal {
        Ordinal(self.before + self.owed.len() as u64)
    }

    /// A number that no answer has: for a note that answers nobody.
    pub(super) fn skip(&mut self) -> Ordinal {
        debug_assert!(self.owed.is_empty(), "numbers are counted from the first");
        self.before += 1;
        self.last()
    }

    pub(super) fn push(
        &mut self,
        kind: AckKind,
        id: PacketId,
        lane: Lane,
        is_ready: bool,
    ) -> Ordinal {
        self.owed.push_back(Answer {
            id,
            kind,
            lane,
            is_ready,
            reason: Reason::Success,
        });
        self.last()
    }

    pub(super) fn push_ready(&mut self, kind: AckKind, id: PacketId, reason: Reason) {
        self.owed.push_back(Answer {
            id,
            kind,
            lane: Lane::Normal,
            is_ready: true,
            reason,
        });
    }

    pub(super) fn settle(&mut self, lane: Lane, through: Ordinal) {
        let durable = &mut self.durable[lane.index()];
        *durable = through.max(*durable);
    }

    /// Those of the lane that wait, up to and with `through`, are answered with a reason.
    pub(super) fn fail(&mut self, lane: Lane, through: Ordinal, reason: Reason) {
        let durable = self.durable[lane.index()];
        for (ordinal, answer) in (self.before + 1..).map(Ordinal).zip(&mut self.owed) {
            let waits = !answer.is_ready && ordinal > durable && ordinal <= through;
            if answer.lane == lane && waits {
                answer.is_ready = true;
                answer.reason = reason;
            }
        }
    }

    /// Writes what is due, and says of each what it was.
    pub(super) fn write(
        &mut self,
        version: Version,
        out: &mut Vec<u8>,
        mut said: impl FnMut(AckKind, Reason),
    ) {
        while let Some(answer) = self.owed.front() {
            let ordinal = Ordinal(self.before + 1);
            if !answer.is_ready && self.durable[answer.lane.index()] < ordinal {
                return;
            }
            answer.kind.write(version, answer.id, answer.reason, out);
            said(answer.kind, answer.reason);
            self.owed.pop_front();
            self.before += 1;
        }
    }

    pub(super) fn clear(&mut self) {
        self.before += self.owed.len() as u64;
        self.owed = VecDeque::new();
    }

    pub(super) fn rest(&mut self) {
        if self.owed.len() <= RESTING {
            self.owed.shrink_to(RESTING);
        }
    }
}
