//! What is given to a session to be delivered.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use spica_model::{Lane, Seq, Timestamp};
use spica_mqtt_proto::{Publish, QoS};

/// A message, as the station holds it: cheap to clone, such as a shared batch and an index.
pub trait Message: Clone {
    /// What of a PUBLISH is the message's own: topic, payload, and its properties. What belongs to
    /// the delivery (QoS, flags, packet id, alias, expiry, subscription ids) is set by the session.
    fn publish(&self) -> Publish<'_>;

    /// What the message counts against the queue's bound.
    fn bytes(&self) -> usize;

    /// When it is no longer delivered.
    fn expires(&self) -> Option<Timestamp>;
}

/// Which record a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Origin {
    /// Its lane.
    pub lane: Lane,
    /// Its number there.
    pub seq: Seq,
    /// None: it is delivered in the order of its lane, once, and the low-water place speaks of it.
    /// Otherwise the station delivers it beside that (of a shared subscription, retained): the
    /// number is the station's, and the session keeps the message until it is delivered.
    pub apart: Option<NonZeroU32>,
}

impl Origin {
    pub(super) const fn is_placed(&self) -> bool {
        self.apart.is_none()
    }
}

/// A message on its way to one session.
#[derive(Debug, Clone)]
pub struct Delivery<M> {
    /// The message.
    pub message: M,
    /// With which quality of service: the lower of the message's and the subscription's.
    pub qos: QoS,
    /// The retain flag, as the subscription wants it.
    pub retain: bool,
    /// Which record it is; none of what is no record, and then it is kept as one apart is.
    pub origin: Option<Origin>,
    /// The subscription identifiers, as `SubscriptionIds` puts them together.
    pub ids: Option<Arc<[u8]>>,
}

impl<M> Delivery<M> {
    pub(super) fn lane(&self) -> Lane {
        self.origin.map_or(Lane::Normal, |origin| origin.lane)
    }

    /// Its number, if the low-water place speaks of it.
    pub(super) fn placed(&self) -> Option<Seq> {
        let origin = self.origin.filter(Origin::is_placed)?;
        (self.qos != QoS::AtMostOnce).then_some(origin.seq)
    }
}

/// QoS 0 messages as bytes, encoded once for all who speak the same version and have no need of
/// anything of their own.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Whole PUBLISH packets.
    pub bytes: Bytes,
    /// How many.
    pub messages: u32,
    /// Bytes of the largest of them.
    pub largest: u32,
    /// Behind what of the queue they stand.
    pub lane: Lane,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Pushed {
    /// It waits.
    Queued,
    /// The session is behind in this lane, and will be fed this from the journal.
    Behind,
    /// There is no room for it; it is dropped. One of QoS 0 is counted.
    Full,
    /// The session had it before.
    Known,
    /// A chunk holds a packet that is larger than the client takes: its messages must come one by
    /// one.
    TooLarge,
}

/// Messages that were dropped, counted until they are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Dropped {
    /// QoS 0 without room, or of a session that is offline or behind.
    pub full: u32,
    /// They waited longer than they were of interest.
    pub expired: u32,
    /// Larger than the client takes [MQTT-3.1.2-25].
    pub too_large: u32,
    /// The journal no longer had them when they were to be sent again.
    pub gone: u32,
}
