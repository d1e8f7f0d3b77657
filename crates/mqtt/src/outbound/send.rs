//! What may be sent now, as bytes.

use bytes::Bytes;
use spica_model::{Lane, Seq, Timestamp};
use spica_mqtt_proto::{QoS, Reason};

use super::delivery::{Delivery, Message};
use super::flight::{Entry, Held, Stage};
use super::queue::Item;
use super::write::Way;
use super::{Busy, Outbound};
use crate::ack::AckKind;

/// Why [`Outbound::next`] stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// Nothing more may be sent until something is pushed, offered, noted or acknowledged.
    Idle,
    /// The budget is used up: there may be more.
    More,
    /// These bytes go out behind what was written; then there may be more.
    Chunk(Bytes),
}

/// So many critical messages may go before one normal message that waits.
const FAVOURED: u8 = 7;

impl<M: Message> Outbound<M> {
    /// Writes what may be sent now, up to about `budget` bytes: first what is sent again, then what
    /// its note has freed, then what waits. Nothing is sent again but after [`Self::connected`]
    /// [MQTT-4.4.0-1].
    pub fn next(&mut self, now: Timestamp, budget: usize, out: &mut Vec<u8>) -> Next {
        let end = out.len().saturating_add(budget);
        if !self.is_connected || self.busy.is_none() {
            return Next::Idle;
        }
        self.send_again(now, end, out);
        self.send_releases(end, out);
        self.send_assigned(now, end, out);
        while out.len() < end {
            let Some(lane) = self.choose_lane() else {
                return Next::Idle;
            };
            match self.pop(lane) {
                Some(Item::Chunk(chunk)) => return Next::Chunk(chunk.bytes),
                Some(Item::Delivery(delivery)) => self.send(delivery, now, out),
                None => return Next::Idle,
            }
            self.send_assigned(now, end, out);
        }
        Next::More
    }

    /// What was sent on an earlier connection, in that order per lane. A message that has to be
    /// fetched first holds up what is behind it in its lane.
    fn send_again(&mut self, now: Timestamp, end: usize, out: &mut Vec<u8>) {
        // Per lane: the first that cannot be sent yet.
        let mut held_up = [Seq(u64::MAX); 2];
        let mut at = 0;
        while out.len() < end {
            let window = usize::from(self.window);
            let Some(busy) = self.busy.as_mut().filter(|busy| busy.again != [0; 2]) else {
                return;
            };
            let (wired, len) = (busy.wired, busy.flight.len());
            let Some(entry) = busy.flight.get_mut(at) else {
                return;
            };
            let first = &mut held_up[entry.lane().index()];
            let placed = entry.placed().map(|(_, seq)| seq);
            let is_in_turn = placed.is_none_or(|seq| seq < *first) && wired < window;
            let is_ready = entry.stage == Stage::Released || is_in_turn;
            if entry.is_again && is_ready && !entry.is_missing() {
                self.send_one_again(at, now, out);
            } else if let (true, Some(seq)) = (entry.is_again, placed) {
                *first = seq.min(*first);
            }
            // One that was dropped may be gone from before the others.
            let gone = self.busy.as_ref().map_or(0, |busy| len - busy.flight.len());
            at = (at + 1).saturating_sub(gone);
        }
    }

    fn send_one_again(&mut self, at: usize, now: Timestamp, out: &mut Vec<u8>) {
        let Some(busy) = &mut self.busy else {
            return;
        };
        let Some(entry) = busy.flight.get_mut(at) else {
            return;
        };
        busy.again[entry.lane().index()] -= 1;
        busy.wired += 1;
        entry.is_again = false;
        entry.is_wired = true;
        if entry.stage == Stage::Released {
            AckKind::PubRel.write(self.version, entry.id, Reason::Success, out);
        } else {
            self.send_entry(at, true, now, out);
        }
    }

    fn send_releases(&mut self, end: usize, out: &mut Vec<u8>) {
        while out.len() < end {
            let Some(busy) = &mut self.busy else {
                return;
            };
            let Some(id) = busy.releases.front() else {
                return;
            };
            busy.releases.pop();
            let at = busy.flight.find(id);
            if let Some(entry) = at.and_then(|at| busy.flight.get_mut(at)) {
                entry.stage = Stage::Released;
                AckKind::PubRel.write(self.version, id, Reason::Success, out);
            }
        }
    }

    /// QoS 2 messages whose id is noted.
    fn send_assigned(&mut self, now: Timestamp, end: usize, out: &mut Vec<u8>) {
        while out.len() < end {
            let Some(busy) = &mut self.busy else {
                return;
            };
            let Some(id) = busy.assigned.front() else {
                return;
            };
            let at = busy.flight.find(id);
            let entry = at.and_then(|at| busy.flight.get_mut(at));
            let (Some(at), Some(entry)) = (at, entry) else {
                busy.assigned.pop();
                continue;
            };
            // It is fetched first, or waits for what is sent again before it; and the window may be
            // another than when it got its id.
            let waits = entry.is_missing() || busy.again[entry.lane().index()] > 0;
            if waits || busy.wired >= usize::from(self.window) {
                return;
            }
            entry.stage = Stage::Sent;
            entry.is_wired = true;
            busy.wired += 1;
            busy.assigned.pop();
            self.send_entry(at, false, now, out);
        }
    }

    /// The lane whose first message may be sent now.
    fn choose_lane(&mut self) -> Option<Lane> {
        let is_normal_turn = self.busy.as_ref()?.favoured >= FAVOURED;
        let order = match is_normal_turn {
            false => [Lane::Critical, Lane::Normal],
            true => [Lane::Normal, Lane::Critical],
        };
        let mut lanes = order.into_iter();
        let lane = lanes.find(|lane| self.may_send_first_of(*lane))?;
        let busy = self.busy.as_mut()?;
        let waits = !busy.queues[Lane::Normal.index()].is_empty();
        busy.favoured = match lane {
            Lane::Critical if waits => busy.favoured.saturating_add(1),
            _ => 0,
        };
        Some(lane)
    }

    fn may_send_first_of(&self, lane: Lane) -> bool {
        let Some(busy) = &self.busy else {
            return false;
        };
        match busy.queues[lane.index()].front() {
            None => false,
            Some(Item::Delivery(delivery)) if delivery.qos != QoS::AtMostOnce => {
                let taken = busy.wired + busy.assigned.len();
                let is_in_window = taken < usize::from(self.window);
                is_in_window && self.has_ids() && self.is_next(busy, delivery)
            }
            Some(_) => true,
        }
    }

    /// Whether a message may be entered now: behind what is sent again, and not too far ahead of what
    /// is not acknowledged. After a restart there may be some that no note spoke of before those that
    /// are sent again; they go first, and always may, as all the others wait for them.
    fn is_next(&self, busy: &Busy<M>, delivery: &Delivery<M>) -> bool {
        let lane = delivery.lane();
        let goes_before = |first: Option<Seq>| match (delivery.placed(), first) {
            (Some(seq), Some(first)) => seq < first,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let is_tracked = busy.flight.len() < usize::from(self.bounds.tracked);
        let may_be_tracked = is_tracked || goes_before(busy.flight.first_placed(lane));
        let is_behind_no_other = busy.again[lane.index()] == 0
            || delivery.placed().is_none()
            || goes_before(busy.flight.first_again(lane));
        may_be_tracked && is_behind_no_other
    }

    fn pop(&mut self, lane: Lane) -> Option<Item<M>> {
        self.busy.as_mut()?.queues[lane.index()].pop()
    }

    /// A message is sent for the first time, or gets the id that has to be noted first.
    fn send(&mut self, delivery: Delivery<M>, now: Timestamp, out: &mut Vec<u8>) {
        let expires = delivery.message.expires();
        if expires.is_some_and(|expires| now >= expires) {
            self.dropped.expired = self.dropped.expired.saturating_add(1);
            self.forget_passed();
            return;
        }
        if delivery.qos == QoS::AtMostOnce {
            let way = Way {
                qos: QoS::AtMostOnce,
                id: None,
                dup: false,
            };
            let held = Held::from(delivery);
            if !self.write(&held, &way, now, out) {
                self.dropped.too_large = self.dropped.too_large.saturating_add(1);
            }
            return;
        }
        let is_once = delivery.qos == QoS::ExactlyOnce;
        let at = self.enter(delivery, is_once);
        if is_once {
            self.pass_gates_if_free();
        } else {
            self.send_entry(at, false, now, out);
        }
    }

    /// A message gets its id.
    fn enter(&mut self, delivery: Delivery<M>, is_once: bool) -> usize {
        let id = self.take_id();
        let busy = self.busy.get_or_insert_default();
        if let Some(seq) = delivery.placed() {
            let high = &mut busy.high[delivery.lane().index()];
            *high = seq.max(*high);
        }
        if is_once {
            busy.assigned.push(id);
        } else {
            busy.wired += 1;
        }
        busy.flight.push(Entry {
            id,
            stage: if is_once {
                Stage::Assigned
            } else {
                Stage::Sent
            },
            qos: delivery.qos,
            is_wired: !is_once,
            is_again: false,
            is_restored: false,
            origin: delivery.origin,
            held: Some(Held::from(delivery)),
        });
        busy.flight.len() - 1
    }
}
