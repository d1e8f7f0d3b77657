//! What a session holds that has something to send or to wait for.

use spica_model::{Lane, Seq};
use spica_mqtt_proto::{PacketId, QoS};

use super::delivery::{Delivery, Message};
use super::flight::{Flight, Stage};
use super::gate::Gate;
use super::queue::Queue;

#[derive(Debug)]
pub(super) struct Busy<M> {
    /// Per lane.
    pub(super) queues: [Queue<M>; 2],
    pub(super) flight: Flight<M>,
    /// QoS 2 messages with an id that were never sent.
    pub(super) assigned: Gate,
    /// QoS 2 messages that the client has and may be told to forget.
    pub(super) releases: Gate,
    /// Messages that count against the client's receive maximum.
    pub(super) wired: usize,
    /// Per lane: messages that are to be sent again.
    pub(super) again: [usize; 2],
    /// Per lane: the highest number that has got an id.
    pub(super) high: [Seq; 2],
    /// The highest of those that were restored.
    pub(super) restored_high: [Seq; 2],
    /// The highest that waited since the connection began.
    pub(super) queued: [Seq; 2],
    /// Critical messages that went before a normal one that waits.
    pub(super) favoured: u8,
}

impl<M> Default for Busy<M> {
    fn default() -> Self {
        Self {
            queues: [Queue::default(), Queue::default()],
            flight: Flight::default(),
            assigned: Gate::default(),
            releases: Gate::default(),
            wired: 0,
            again: [0; 2],
            high: [Seq::ZERO; 2],
            restored_high: [Seq::ZERO; 2],
            queued: [Seq::ZERO; 2],
            favoured: 0,
        }
    }
}

impl<M> Busy<M> {
    /// Everything that is not acknowledged is to be sent again; what waited for a note waits for a
    /// new one, or for none.
    pub(super) fn begin_again(&mut self, is_free: bool) {
        self.assigned.clear();
        self.releases.clear();
        (self.wired, self.again) = (0, [0; 2]);
        for entry in self.flight.iter_mut() {
            entry.is_again = matches!(entry.stage, Stage::Sent | Stage::Released);
            entry.is_wired = entry.stage == Stage::Received;
            self.again[entry.lane().index()] += usize::from(entry.is_again);
            self.wired += usize::from(entry.is_wired);
            match entry.stage {
                Stage::Assigned => self.assigned.push(entry.id),
                Stage::Received => self.releases.push(entry.id),
                _ => {}
            }
        }
        if is_free {
            self.pass_gates();
        }
    }

    /// The ids of a session that dies with its connection need no note.
    pub(super) fn pass_gates(&mut self) {
        for gate in [&mut self.assigned, &mut self.releases] {
            gate.note();
            gate.open();
        }
    }

    /// The message at `at` is delivered, or as good as that.
    pub(super) fn finish(&mut self, at: usize) {
        if let Some(entry) = self.flight.get(at) {
            self.wired -= usize::from(entry.is_wired);
            self.again[entry.lane().index()] -= usize::from(entry.is_again);
        }
        self.flight.finish(at);
    }

    pub(super) fn received(&mut self, at: usize, id: PacketId) {
        if let Some(entry) = self.flight.get_mut(at) {
            self.again[entry.lane().index()] -= usize::from(entry.is_again);
            entry.is_again = false;
            entry.stage = Stage::Received;
            entry.held = None;
            self.releases.push(id);
        }
    }

    pub(super) fn find_placed(&self, lane: Lane, seq: Seq) -> Option<usize> {
        let is_possible = seq <= self.high[lane.index()];
        is_possible
            .then(|| self.flight.find_placed(lane, seq))
            .flatten()
    }

    /// A record that is offered goes to the message in flight that misses it. What was delivered
    /// before goes nowhere; what is new is given back.
    pub(super) fn fill(
        &mut self,
        lane: Lane,
        seq: Seq,
        delivery: Delivery<M>,
    ) -> Option<Delivery<M>> {
        if seq > self.high[lane.index()] {
            return Some(delivery);
        }
        let Some(at) = self.find_placed(lane, seq) else {
            // Before a restart there may have been messages that no note spoke of. Otherwise it was
            // in flight and is done.
            return (seq <= self.restored_high[lane.index()]).then_some(delivery);
        };
        if let Some(entry) = self.flight.get_mut(at).filter(|entry| entry.is_missing()) {
            entry.held = Some(delivery.into());
        }
        None
    }

    pub(super) fn give_up_missing(&mut self, lane: Lane, through: Seq) -> u32 {
        let mut gone = 0;
        for at in 0..self.flight.len() {
            let is_gone = self.flight.get(at).is_some_and(|entry| {
                let is_passed = |(its, seq)| its == lane && seq <= through;
                entry.is_missing() && entry.placed().is_some_and(is_passed)
            });
            if is_gone {
                self.give_up(at);
                gone += 1;
            }
        }
        gone
    }

    /// A message cannot be sent any more. If the client may have it, it is told to forget the id.
    pub(super) fn give_up(&mut self, at: usize) {
        let Some(entry) = self.flight.get_mut(at) else {
            return;
        };
        self.again[entry.lane().index()] -= usize::from(entry.is_again);
        entry.is_again = false;
        match entry.stage {
            Stage::Sent if entry.qos == QoS::ExactlyOnce => {
                entry.stage = Stage::Received;
                self.releases.push(entry.id);
            }
            Stage::Assigned => {
                let id = entry.id;
                self.assigned.remove(id);
                self.finish(at);
            }
            _ => self.finish(at),
        }
    }
}

impl<M: Message> Busy<M> {
    /// Up to where everything of a lane is delivered, if the session has got all up to `fed`.
    pub(super) fn low_water(&self, lane: Lane, fed: Seq) -> Seq {
        // What has had an id and is no more in flight was delivered, unless it was before a restart.
        let passed = match self.flight.is_in_order() {
            true => fed.max(self.high[lane.index()]),
            false => fed,
        };
        let first = self.first_placed(lane);
        first.map_or(passed, |first| passed.min(Seq(first.0.saturating_sub(1))))
    }

    pub(super) fn first_placed(&self, lane: Lane) -> Option<Seq> {
        let waiting = self.queues[lane.index()].first_placed();
        let in_flight = self.flight.first_placed(lane);
        waiting.into_iter().chain(in_flight).min()
    }
}
