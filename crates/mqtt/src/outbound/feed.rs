//! A session that is behind: what it is fed from the journal, and up to where everything is delivered.

use spica_model::{Lane, Seq};
use spica_mqtt_proto::QoS;

use super::Outbound;
use super::delivery::{Delivery, Message, Pushed};
use super::flight::Entry;
use super::queue::Class;

impl<M: Message> Outbound<M> {
    /// What feeds live sessions goes on elsewhere: a live session is behind from `live` on, per lane.
    pub fn fall_behind(&mut self, live: [Seq; 2]) {
        for (behind, live) in self.behind.iter_mut().zip(live) {
            behind.get_or_insert(live);
        }
    }

    /// After which record of the lane the session is to be fed, if it is behind, connected, and has
    /// room.
    #[must_use]
    pub fn wants(&self, lane: Lane) -> Option<Seq> {
        let after = self.behind[lane.index()]?;
        let queue = self.busy.as_ref().map(|busy| &busy.queues[lane.index()]);
        let is_low = queue.is_none_or(|queue| queue.is_low(self.bounds));
        (self.is_connected && is_low).then_some(after)
    }

    /// Whether the session is behind in the lane.
    #[must_use]
    pub const fn is_behind(&self, lane: Lane) -> bool {
        self.behind[lane.index()].is_some()
    }

    /// Whether this record is in flight and must be offered, whatever the session subscribes to now
    /// [MQTT-3.10.4-3].
    #[must_use]
    pub fn awaits(&self, lane: Lane, seq: Seq) -> bool {
        self.busy.as_ref().is_some_and(|busy| {
            let at = busy.find_placed(lane, seq);
            at.and_then(|at| busy.flight.get(at))
                .is_some_and(Entry::is_missing)
        })
    }

    /// A record after [`Self::wants`] that matches, in the lane's order. [`Pushed::Full`]: the feed
    /// stops before it, and tells by [`Self::passed`] how far it came.
    pub fn offer(&mut self, delivery: Delivery<M>) -> Pushed {
        let lane = delivery.lane();
        let Some(after) = self.behind[lane.index()].filter(|_| self.is_connected) else {
            return Pushed::Known;
        };
        // What is of QoS 0 is never caught up.
        let Some(seq) = delivery.placed() else {
            let counted = u32::from(delivery.qos == QoS::AtMostOnce);
            self.dropped.full = self.dropped.full.saturating_add(counted);
            return Pushed::Full;
        };
        let busy = self.busy.get_or_insert_default();
        let Some(delivery) = busy.fill(lane, seq, delivery) else {
            return Pushed::Known;
        };
        if seq <= after || seq <= busy.queued[lane.index()] {
            return Pushed::Known;
        }
        if !self.has_room(lane, Class::Placed, 1, delivery.message.bytes()) {
            return Pushed::Full;
        }
        self.enqueue(lane, delivery);
        Pushed::Queued
    }

    /// Everything of the lane up to and with `through` was offered. What is in flight and was not
    /// among it is gone from the journal: it is given up, and counted.
    pub fn passed(&mut self, lane: Lane, through: Seq) {
        let Some(after) = &mut self.behind[lane.index()] else {
            return;
        };
        *after = through.max(*after);
        let Some(busy) = &mut self.busy else {
            return;
        };
        let gone = busy.give_up_missing(lane, through);
        self.dropped.gone = self.dropped.gone.saturating_add(gone);
        if gone > 0 {
            self.forget_passed();
            self.pass_gates_if_free();
        }
    }

    /// What was offered reaches to what is pushed next: the session is live in this lane.
    pub fn caught_up(&mut self, lane: Lane) {
        if self.is_connected {
            self.behind[lane.index()] = None;
        }
    }

    /// The messages apart that must be fetched before they can be sent again, after a restart: to be
    /// given to [`Self::refill`].
    pub fn missing_apart(&self) -> impl Iterator<Item = super::Origin> {
        let entries = self.busy.iter().flat_map(|busy| busy.flight.iter());
        let missing = entries.filter(|entry| entry.is_missing());
        let origins = missing.filter_map(|entry| entry.origin);
        origins.filter(|origin| !origin.is_placed())
    }

    /// A message apart that was fetched; none if it is no more, and then it is given up.
    pub fn refill(&mut self, origin: super::Origin, delivery: Option<Delivery<M>>) {
        let Some(busy) = &mut self.busy else {
            return;
        };
        let is_it = |entry: &Entry<M>| entry.origin == Some(origin) && entry.is_missing();
        let Some(at) = busy.flight.iter().position(is_it) else {
            return;
        };
        match (delivery, busy.flight.get_mut(at)) {
            (Some(delivery), Some(entry)) => entry.held = Some(delivery.into()),
            _ => {
                busy.give_up(at);
                self.dropped.gone = self.dropped.gone.saturating_add(1);
                self.forget_passed();
                self.pass_gates_if_free();
            }
        }
    }

    /// Per lane, critical first: everything up to this record is delivered, or does not concern the
    /// session. `live` as in [`Self::disconnected`].
    #[must_use]
    pub fn low_water(&self, live: [Seq; 2]) -> [Seq; 2] {
        Lane::ALL.map(|lane| {
            let fed = self.behind[lane.index()].unwrap_or(live[lane.index()]);
            self.busy
                .as_ref()
                .map_or(fed, |busy| busy.low_water(lane, fed))
        })
    }

    /// Forgets what is done and lies at or before the low-water place.
    pub(super) fn forget_passed(&mut self) {
        let Some(busy) = &mut self.busy else {
            return;
        };
        while busy.flight.is_in_order() && busy.flight.forget_first(|_| true) {}
        while !busy.flight.is_in_order() {
            let fed = self.behind.map(|fed| fed.unwrap_or(Seq(u64::MAX)));
            let low = Lane::ALL.map(|lane| busy.low_water(lane, fed[lane.index()]));
            let is_passed = |entry: &Entry<M>| {
                let placed = entry.placed();
                placed.is_none_or(|(lane, seq)| seq <= low[lane.index()])
            };
            if !busy.flight.forget_first(is_passed) {
                break;
            }
        }
        self.skip_delivered();
    }

    /// What is delivered need not be fed, and nothing else remembers it.
    fn skip_delivered(&mut self) {
        let Some(busy) = &self.busy else {
            return;
        };
        for lane in Lane::ALL {
            if let Some(fed) = &mut self.behind[lane.index()] {
                *fed = busy.low_water(lane, *fed).max(*fed);
            }
        }
    }

    pub(super) fn pass_gates_if_free(&mut self) {
        if let Some(busy) = self.busy.as_mut().filter(|_| !self.is_durable) {
            busy.pass_gates();
        }
    }
}
