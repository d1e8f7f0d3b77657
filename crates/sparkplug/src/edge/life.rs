//! Births and deaths.

use std::mem::take;

use spica_model::Position;

use super::{Delivery, Edge, Turn};
use crate::birth::Birth;
use crate::payload::Payload;

impl Edge {
    /// It says what it is. That its devices are still there, they say after it.
    pub(crate) fn node_birth(
        &mut self,
        turn: &mut Turn<'_>,
        delivery: &Delivery,
        payload: &Payload<'_>,
    ) {
        self.catch_up(turn);
        let of = delivery.position;
        self.devices_gone(turn, of);
        self.is_cut = false;
        let old = self.node.take().unwrap_or_default();
        let new = self.birth(turn, delivery, payload, old.len());
        gone(turn, of, &old, Some(&new));
        self.node = Some(new);
        let note = &mut self.note;
        if !note.online {
            note.since = delivery.received.as_micros();
        }
        note.online = true;
        note.session = of.seq.0;
        note.bd_seq = payload.bd_seq();
        note.next_seq = number(payload).wrapping_add(1);
        note.born = Some(delivery.received.as_micros());
        note.births += 1;
        turn.shared.counts.births += 1;
        self.changed.insert(None);
        self.values(turn, delivery, payload);
    }

    /// Its session is over, if that is the one that it has.
    pub(crate) fn node_death(
        &mut self,
        turn: &mut Turn<'_>,
        delivery: &Delivery,
        payload: &Payload<'_>,
    ) {
        if !self.note.online || payload.bd_seq() != self.note.bd_seq {
            turn.shared.counts.deaths_ignored += 1;
            return;
        }
        self.catch_up(turn);
        let of = delivery.position;
        self.devices_gone(turn, of);
        if let Some(birth) = self.node.take() {
            turn.shared.metrics -= birth.len();
            gone(turn, of, &birth, None);
            self.unnoted.insert(None);
        }
        self.note.online = false;
        self.note.since = delivery.received.as_micros();
        self.note.deaths += 1;
        turn.shared.counts.deaths += 1;
        self.changed.insert(None);
    }

    pub(super) fn device_birth(
        &mut self,
        turn: &mut Turn<'_>,
        delivery: &Delivery,
        device: &str,
        payload: &Payload<'_>,
    ) {
        let is_new = !self.devices.contains_key(device);
        if is_new && self.devices.len() >= turn.shared.limits.devices {
            self.is_cut = true;
            turn.shared.counts.refused += 1;
            return;
        }
        let old = self.devices.remove(device).unwrap_or_default();
        let new = self.birth(turn, delivery, payload, old.len());
        gone(turn, delivery.position, &old, Some(&new));
        self.devices.insert(device.into(), new);
        turn.shared.counts.births += 1;
        self.changed.insert(Some(device.into()));
        if is_new {
            self.changed.insert(None);
        }
        self.values(turn, delivery, payload);
    }

    pub(super) fn device_death(&mut self, turn: &mut Turn<'_>, delivery: &Delivery, device: &str) {
        let Some(birth) = self.devices.remove(device) else {
            return;
        };
        self.device_gone(turn, delivery.position, device, &birth);
        turn.shared.counts.deaths += 1;
        self.changed.insert(None);
    }

    fn devices_gone(&mut self, turn: &mut Turn<'_>, of: Position) {
        for (device, birth) in take(&mut self.devices) {
            self.device_gone(turn, of, &device, &birth);
        }
    }

    fn device_gone(&mut self, turn: &mut Turn<'_>, of: Position, device: &str, birth: &Birth) {
        turn.shared.metrics -= birth.len();
        gone(turn, of, birth, None);
        self.unnoted.insert(Some(device.into()));
        self.changed.insert(Some(device.into()));
    }

    /// The birth of a message, in the place of one with `freed` metrics.
    fn birth(
        &mut self,
        turn: &mut Turn<'_>,
        delivery: &Delivery,
        payload: &Payload<'_>,
        freed: usize,
    ) -> Birth {
        let shared = &mut *turn.shared;
        shared.metrics -= freed;
        let room = shared.limits.metrics_total.saturating_sub(shared.metrics);
        let room = room.min(shared.limits.metrics);
        let subject = crate::topics::Subject {
            id: turn.id,
            device: delivery.device.as_deref(),
        };
        let mut birth = Birth::of(payload, &shared.topics, subject, room);
        birth.place = turn.at;
        shared.metrics += birth.len();
        shared.counts.refused += birth.refused as u64;
        self.unnoted.insert(delivery.device.clone());
        birth
    }
}

/// The number of a message; a birth without one begins at 0.
fn number(payload: &Payload<'_>) -> u8 {
    payload.seq.unwrap_or_default() as u8
}

/// The metrics of `birth` that are not in `now` are not refreshed any more.
fn gone(turn: &mut Turn<'_>, of: Position, birth: &Birth, now: Option<&Birth>) {
    for (name, known) in birth.iter() {
        if !now.is_some_and(|now| now.contains(name)) {
            turn.stale(&known.topic, of);
        }
    }
}
