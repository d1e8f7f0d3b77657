//! Messages in their order.

use spica_model::{Position, Seq, Timestamp};

use super::{Delivery, Edge, Held, Turn};
use crate::message::MessageType;
use crate::payload::{METRICS_MAX, Payload};

/// How far behind the next number a message is in the future. What is further is in the past.
const AHEAD: u8 = 128;

impl Edge {
    /// A message that has a number, of an edge node that is online.
    pub(crate) fn sequenced(
        &mut self,
        turn: &mut Turn<'_>,
        delivery: Delivery,
        payload: &Payload<'_>,
        bytes: &[u8],
    ) {
        if !self.note.online {
            turn.shared.counts.unborn += 1;
            return self.ask(turn, delivery.position, delivery.received);
        }
        let seq = payload.seq.map(|seq| seq as u8);
        let Some(seq) = seq.filter(|seq| *seq != self.note.next_seq) else {
            // One without a number says nothing about the others.
            self.note.next_seq = seq.map_or(self.note.next_seq, |seq| seq.wrapping_add(1));
            self.apply(turn, &delivery, payload);
            return self.drain(turn);
        };
        if seq.wrapping_sub(self.note.next_seq) >= AHEAD {
            turn.shared.counts.late += 1;
            return self.ask(turn, delivery.position, delivery.received);
        }
        self.hold(turn, seq, delivery, bytes);
    }

    /// Lets a message wait for those before it. If there is no room, they have been waited for long
    /// enough.
    fn hold(&mut self, turn: &mut Turn<'_>, seq: u8, delivery: Delivery, bytes: &[u8]) {
        if self.held.iter().any(|held| held.seq == seq) {
            turn.shared.counts.late += 1;
            return;
        }
        if self.waiting_from.is_none() {
            let place = delivery.position.seq;
            self.waiting_from = Some(place);
            self.note.place = place.0 - 1;
            self.write_notes(turn.id, &turn.shared.topics);
            self.note.place = place.0;
            self.note.gaps += 1;
            turn.shared.counts.gaps += 1;
        }
        let (of, now) = (delivery.position, delivery.received);
        turn.shared.held_bytes += bytes.len();
        self.held.push(Held {
            seq,
            delivery,
            payload: bytes.into(),
        });
        let limits = &turn.shared.limits;
        let is_full = self.held.len() > limits.reorder_messages
            || turn.shared.held_bytes > limits.reorder_bytes;
        if is_full {
            self.give_up(turn, of, now);
        }
    }

    /// The message that was waited for, when the first that had to wait stood at `since`, does not
    /// come.
    pub(crate) fn overdue(
        &mut self,
        turn: &mut Turn<'_>,
        since: Seq,
        of: Position,
        now: Timestamp,
    ) {
        if self.waiting_from == Some(since) {
            self.give_up(turn, of, now);
        }
    }

    /// Goes on without what is missing, and asks for all that there is.
    fn give_up(&mut self, turn: &mut Turn<'_>, of: Position, now: Timestamp) {
        self.catch_up(turn);
        self.ask(turn, of, now);
    }

    /// Takes all that waits, in its order, whatever is missing: what it says is true all the same.
    pub(super) fn catch_up(&mut self, turn: &mut Turn<'_>) {
        while let Some(first) = self.nearest() {
            self.note.next_seq = self.held[first].seq;
            self.drain(turn);
        }
    }

    /// The index of the held message that comes first.
    fn nearest(&self) -> Option<usize> {
        let ahead = |held: &Held| held.seq.wrapping_sub(self.note.next_seq);
        let all = self.held.iter().enumerate();
        Some(all.min_by_key(|(_, held)| ahead(held))?.0)
    }

    /// Takes what waits and has its turn now.
    fn drain(&mut self, turn: &mut Turn<'_>) {
        let next = |edge: &Self| {
            let is_next = |held: &Held| held.seq == edge.note.next_seq;
            edge.held.iter().position(is_next)
        };
        while let Some(at) = next(self) {
            let held = self.held.swap_remove(at);
            turn.shared.held_bytes -= held.payload.len();
            self.note.next_seq = held.seq.wrapping_add(1);
            // It was read before.
            if let Ok(payload) = Payload::decode(&held.payload, METRICS_MAX) {
                self.apply(turn, &held.delivery, &payload);
            }
        }
        if self.held.is_empty() {
            self.waiting_from = None;
        }
    }

    fn apply(&mut self, turn: &mut Turn<'_>, delivery: &Delivery, payload: &Payload<'_>) {
        match (delivery.kind, delivery.device.as_deref()) {
            (MessageType::DeviceBirth, Some(device)) => {
                self.device_birth(turn, delivery, device, payload);
            }
            (MessageType::DeviceDeath, Some(device)) => self.device_death(turn, delivery, device),
            _ => self.values(turn, delivery, payload),
        }
    }
}
