//! What the client is sent: what waits, what is in flight, and how far everything is delivered.

mod aliases;
mod busy;
mod delivery;
mod feed;
mod flight;
mod gate;
mod noting;
mod queue;
mod receive;
mod send;
mod write;

use spica_model::{Lane, Seq};
use spica_mqtt_proto::{PacketId, QoS, Version};

use self::aliases::Aliases;
use self::busy::Busy;
use self::flight::Stage;
use self::queue::{Bounds, Class, Item, Queue};
use crate::{SessionLimits, Terms};

pub use self::delivery::{Chunk, Delivery, Dropped, Message, Origin, Pushed};
pub use self::noting::NoteNumber;
pub use self::receive::Acked;
pub use self::send::Next;

/// The server's half of a session: what the client is sent.
///
/// Per lane the session is *live*, and gets all that matches by [`Self::push`] as it comes, or
/// *behind*: then it is fed what the journal holds after [`Self::wants`], by [`Self::offer`] and
/// [`Self::passed`], until [`Self::caught_up`]. An offline session is behind in both lanes and holds
/// no message that the journal has.
///
/// [`Self::next`] writes what may be sent now; with [`Self::is_note_due`] a note is to be made
/// durable, after which more may be. Acknowledgements go to [`Self::ack`].
#[derive(Debug)]
pub struct Outbound<M> {
    /// Only of a session that has something to send or to wait for.
    busy: Option<Box<Busy<M>>>,
    /// Only of a connection that uses them.
    aliases: Option<Box<Aliases>>,
    /// Per lane: up to where the session was fed, if it is behind.
    behind: [Option<Seq>; 2],
    bounds: Bounds,
    packet_bytes: u32,
    note: NoteNumber,
    window: u16,
    next_id: PacketId,
    /// Ids that were given since the last durable note.
    unnoted_ids: u16,
    /// How many of them the note on its way speaks of.
    noting_ids: u16,
    version: Version,
    is_connected: bool,
    /// Whether it outlives its connection, so whether its ids are noted.
    is_durable: bool,
    is_note_on_its_way: bool,
    dropped: Dropped,
}

impl<M: Message> Outbound<M> {
    /// Of a new session, which is live from now on. It sends nothing before [`Self::connected`].
    #[must_use]
    pub fn new(limits: &SessionLimits) -> Self {
        Self {
            busy: None,
            aliases: None,
            behind: [None; 2],
            bounds: Bounds {
                messages: limits.queue_messages,
                bytes: limits.queue_bytes,
                tracked: limits.tracked.min(1 << 15),
            },
            packet_bytes: u32::MAX,
            note: NoteNumber::default(),
            window: 0,
            next_id: PacketId::MIN,
            unnoted_ids: 0,
            noting_ids: 0,
            version: Version::V5,
            is_connected: false,
            is_durable: false,
            is_note_on_its_way: false,
            dropped: Dropped::default(),
        }
    }

    /// A connection begins. What the client has not acknowledged is sent again, with its id
    /// [MQTT-4.4.0-1]; `is_durable`: the session outlives the connection, or is meant to.
    pub fn connected(&mut self, terms: &Terms, is_durable: bool) {
        self.is_connected = true;
        self.is_durable = is_durable;
        self.is_note_on_its_way = false;
        self.version = terms.version;
        self.window = terms.window;
        self.packet_bytes = terms.packet_bytes;
        self.aliases = None;
        if terms.version == Version::V5 && terms.aliases_out > 0 {
            self.aliases = Some(Box::new(Aliases::new(terms.aliases_out)));
        }
        if let Some(busy) = &mut self.busy {
            busy.begin_again(!is_durable);
        }
    }

    /// The connection is over. `live` is the place of what feeds live sessions, critical lane first:
    /// everything up to it was pushed.
    pub fn disconnected(&mut self, live: [Seq; 2]) {
        let low = self.low_water(live);
        self.behind = low.map(Some);
        self.is_connected = false;
        self.aliases = None;
        let Some(busy) = &mut self.busy else {
            return;
        };
        for queue in &mut busy.queues {
            self.dropped.full = self.dropped.full.saturating_add(queue.keep_apart());
        }
        busy.queued = [Seq::ZERO; 2];
        for entry in busy.flight.iter_mut() {
            if entry.placed().is_some() {
                entry.held = None;
            }
        }
        self.rest();
    }

    /// A message for a session that is live in its lane, or one apart.
    pub fn push(&mut self, delivery: Delivery<M>) -> Pushed {
        let lane = delivery.lane();
        let placed = delivery.placed();
        if placed.is_some() && self.behind[lane.index()].is_some() {
            return Pushed::Behind;
        }
        if self.is_dropped_offline(&delivery) {
            return Pushed::Full;
        }
        let bytes = delivery.message.bytes();
        let class = placed.map_or(Class::Other, |_| Class::Placed);
        match (self.has_room(lane, class, 1, bytes), placed) {
            (true, _) => {
                self.enqueue(lane, delivery);
                Pushed::Queued
            }
            (false, Some(seq)) => {
                self.behind[lane.index()] = Some(Seq(seq.0.saturating_sub(1)));
                Pushed::Behind
            }
            (false, None) => {
                let counted = u32::from(delivery.qos == QoS::AtMostOnce);
                self.dropped.full = self.dropped.full.saturating_add(counted);
                Pushed::Full
            }
        }
    }

    /// QoS 0 messages that are encoded already: dropped and counted if there is no room.
    pub fn push_chunk(&mut self, chunk: Chunk) -> Pushed {
        if chunk.largest > self.packet_bytes {
            return Pushed::TooLarge;
        }
        let (messages, bytes) = (chunk.messages, chunk.bytes.len());
        let has_room = self.has_room(chunk.lane, Class::Other, messages, bytes);
        if !self.is_connected || !has_room {
            self.dropped.full = self.dropped.full.saturating_add(chunk.messages);
            return Pushed::Full;
        }
        let queues = &mut self.busy.get_or_insert_default().queues;
        queues[chunk.lane.index()].push(Item::Chunk(chunk));
        Pushed::Queued
    }

    /// Takes back what is apart for this number and has not reached the client for certain: what
    /// waits, and of what is in flight that of QoS 1 [MQTT-4.8.2-4]. A station gives it to another
    /// member of a shared subscription.
    pub fn take_apart(&mut self, apart: std::num::NonZeroU32) -> Vec<Delivery<M>> {
        let Some(busy) = &mut self.busy else {
            return Vec::new();
        };
        let is_wanted = |origin: Option<Origin>| origin.and_then(|its| its.apart) == Some(apart);
        let mut taken = Vec::new();
        for at in 0..busy.flight.len() {
            let Some(entry) = busy.flight.get_mut(at) else {
                continue;
            };
            let is_sent = entry.stage == Stage::Sent && entry.qos == QoS::AtLeastOnce;
            if is_sent && is_wanted(entry.origin) {
                let (qos, origin) = (entry.qos, entry.origin);
                taken.extend(entry.held.take().map(|held| Delivery {
                    message: held.message,
                    qos,
                    retain: held.retain,
                    origin,
                    ids: held.ids,
                }));
                busy.finish(at);
            }
        }
        for queue in &mut busy.queues {
            taken.extend(queue.take(|delivery| is_wanted(delivery.origin)));
        }
        self.forget_passed();
        taken
    }

    /// Messages that were dropped since [`Self::take_dropped`] was called last.
    #[must_use]
    pub const fn dropped(&self) -> Dropped {
        self.dropped
    }

    /// Messages that were dropped since it was asked last.
    pub fn take_dropped(&mut self) -> Dropped {
        std::mem::take(&mut self.dropped)
    }

    /// Messages that wait, and their bytes, in both lanes.
    #[must_use]
    pub fn waiting(&self) -> (u32, usize) {
        let queues = self.busy.iter().flat_map(|busy| &busy.queues);
        queues.fold((0, 0), |(messages, bytes), queue| {
            (messages + queue.messages(), bytes + queue.bytes())
        })
    }

    /// Messages in flight: sent, or about to be, and not acknowledged.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.busy.as_ref().map_or(0, |busy| busy.flight.active())
    }

    /// Gives back memory of a session that has nothing to do.
    pub fn rest(&mut self) {
        let Some(busy) = &mut self.busy else {
            return;
        };
        if busy.flight.is_empty() && busy.queues.iter().all(Queue::is_empty) {
            self.busy = None;
        } else {
            busy.flight.shrink();
        }
    }

    fn has_room(&self, lane: Lane, class: Class, messages: u32, bytes: usize) -> bool {
        let Some(busy) = &self.busy else {
            return true;
        };
        busy.queues[lane.index()].has_room(class, messages, bytes, self.bounds)
    }

    fn enqueue(&mut self, lane: Lane, delivery: Delivery<M>) {
        let busy = self.busy.get_or_insert_default();
        if let Some(seq) = delivery.placed() {
            busy.queued[lane.index()] = seq;
        }
        busy.queues[lane.index()].push(Item::Delivery(delivery));
    }

    /// Nothing of QoS 0 waits for a client that is not there.
    fn is_dropped_offline(&mut self, delivery: &Delivery<M>) -> bool {
        let is_dropped = !self.is_connected && delivery.qos == QoS::AtMostOnce;
        self.dropped.full = self.dropped.full.saturating_add(u32::from(is_dropped));
        is_dropped
    }
}

#[cfg(test)]
mod tests;
