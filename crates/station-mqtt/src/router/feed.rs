//! What the journal holds, to the sessions that are behind: many of them share one pass.

use std::sync::Arc;

use spica_journal::{Followed, Follower};
use spica_model::{Lane, Record, Seq};
use spica_mqtt::{Delivery, Origin, Pushed};
use spica_mqtt_proto::QoS;

use super::Router;
use super::live::dressed;
use super::sharing::RETAINED;
use crate::message::Message;
use crate::session::Session;

/// Records that are read at once.
const CHUNK_RECORDS: usize = 1_024;

/// Who is to be fed.
#[derive(Default)]
pub(super) struct Feeding {
    /// Sessions that have room.
    hungry: Vec<Arc<Session>>,
    /// Per lane: where the last chunk ended, to go on from there.
    readers: [Option<Box<dyn Follower>>; 2],
}

/// A session on its way through a chunk.
struct Guest {
    session: Arc<Session>,
    /// After which record it wants more.
    after: Seq,
    /// It had no more room: up to where it was offered everything.
    stopped: Option<Seq>,
    /// It has messages in flight that it must see again.
    awaits: bool,
}

impl Feeding {
    pub(super) fn add(&mut self, session: Arc<Session>) {
        self.hungry.push(session);
    }
}

impl Router {
    /// Reads one chunk per lane for those that are behind. Whether there was anything to do.
    pub(super) fn feed(&mut self) -> bool {
        if self.feeding.hungry.is_empty() {
            return false;
        }
        let mut is_busy = false;
        for lane in Lane::ALL {
            is_busy |= self.feed_lane(lane);
        }
        // Who is satisfied, or live, or gone, says so again when it is hungry.
        self.feeding.hungry.retain(|session| {
            let mut state = session.state.lock();
            let wants = Lane::ALL
                .into_iter()
                .any(|lane| state.outbound.wants(lane).is_some());
            state.is_hungry = wants && !state.is_gone;
            state.is_hungry
        });
        is_busy
    }

    fn feed_lane(&mut self, lane: Lane) -> bool {
        let routed = self.station.routed()[lane.index()];
        let mut guests = self.guests(lane);
        let Some(from) = guests.iter().map(|guest| guest.after).min() else {
            return false;
        };
        if from >= routed {
            self.satisfied(lane, &guests, routed);
            return true;
        }
        let (records, through) = self.chunk(lane, from, routed);
        for (at, record) in records.iter().enumerate() {
            if record.position.seq > routed {
                break;
            }
            self.offer(lane, &records, at, &mut guests);
        }
        for guest in &guests {
            let mut state = guest.session.state.lock();
            if guest.after >= through && guest.stopped.is_none() {
                continue;
            }
            let passed = guest.stopped.unwrap_or(through);
            state.outbound.passed(lane, passed);
            if guest.stopped.is_none() && passed >= routed {
                state.outbound.caught_up(lane);
            }
            drop(state);
            guest.session.waker.wake();
        }
        true
    }

    /// Fetches what was on its way to a client beside the order of the lanes when the node ended.
    pub(super) fn refill(&self, session: &Session, missing: &[Origin]) {
        for origin in missing {
            let delivery = self.fetch(origin);
            session.state.lock().outbound.refill(*origin, delivery);
        }
        session.waker.wake();
    }

    fn fetch(&self, origin: &Origin) -> Option<Delivery<Message>> {
        let before = Seq(origin.seq.0.checked_sub(1)?);
        let mut reader = self.station.journal.follow(origin.lane, before).ok()?;
        let Followed::Records(mut records) = reader.read(1).ok()? else {
            return None;
        };
        let record = records.pop().filter(|it| it.position.seq == origin.seq)?;
        let message = Message::single(&self.station.mount, record)?;
        Some(Delivery {
            message,
            qos: QoS::ExactlyOnce,
            retain: origin.apart == Some(RETAINED),
            origin: Some(*origin),
            ids: None,
        })
    }

    /// Who wants something of the lane.
    fn guests(&self, lane: Lane) -> Vec<Guest> {
        let guest = |session: &Arc<Session>| {
            let state = session.state.lock();
            let after = state.outbound.wants(lane)?;
            Some(Guest {
                session: Arc::clone(session),
                after,
                stopped: None,
                awaits: state.outbound.in_flight() > 0,
            })
        };
        self.feeding.hungry.iter().filter_map(guest).collect()
    }

    /// Nothing is left to read for those.
    fn satisfied(&self, lane: Lane, guests: &[Guest], routed: Seq) {
        for guest in guests {
            let mut state = guest.session.state.lock();
            state.outbound.passed(lane, routed);
            state.outbound.caught_up(lane);
            drop(state);
            guest.session.waker.wake();
        }
    }

    /// The next records after `from`, none beyond `routed`; and up to where they reach.
    pub(super) fn chunk(&mut self, lane: Lane, from: Seq, routed: Seq) -> (Arc<[Record]>, Seq) {
        let slot = &mut self.feeding.readers[lane.index()];
        let reader = slot.take().filter(|reader| reader.after() == from);
        let reader = match reader {
            Some(reader) => Ok(reader),
            None => self.station.journal.follow(lane, from),
        };
        let followed = reader.and_then(|mut reader| {
            let wanted = usize::try_from(routed.0 - from.0).unwrap_or(usize::MAX);
            let followed = reader.read(wanted.min(CHUNK_RECORDS));
            self.feeding.readers[lane.index()] = Some(reader);
            followed
        });
        match followed {
            Ok(Followed::Records(records)) => {
                let through = records.last().map_or(from, |last| last.position.seq);
                (records.into(), through)
            }
            Ok(Followed::Gap { from: first, to }) => {
                self.missed(lane, first, to, "retention has removed them");
                (Arc::new([]), to.min(routed))
            }
            Ok(Followed::Damaged(damage)) => {
                self.missed(lane, damage.from, damage.to, "they are damaged");
                (Arc::new([]), damage.to.min(routed))
            }
            Ok(Followed::UpToDate) => (Arc::new([]), routed),
            Err(error) => {
                tracing::warn!(%error, "MQTT sessions that are behind wait: the journal cannot be read now");
                std::thread::park_timeout(super::NAP);
                (Arc::new([]), from)
            }
        }
    }

    fn missed(&self, lane: Lane, from: Seq, to: Seq, why: &'static str) {
        let records = (to.0 + 1).saturating_sub(from.0);
        self.station.metrics.missed.inc_by(records);
        tracing::warn!(%lane, from = from.0, to = to.0, why, "records cannot be delivered to MQTT sessions that are behind");
    }

    fn offer(&self, lane: Lane, records: &Arc<[Record]>, at: usize, guests: &mut [Guest]) {
        let record = &records[at];
        let seq = record.position.seq;
        if record.is_restated() {
            return;
        }
        let Some(message) = Message::of(&self.station.mount, records, at) else {
            return;
        };
        if message.service().0 == QoS::AtMostOnce {
            return;
        }
        let targets = self.station.routes.read().targets(message.topic());
        let is_anyone_waiting = guests.iter().any(|guest| guest.awaits);
        if targets.targets().is_empty() && !is_anyone_waiting {
            return;
        }
        let origin = Origin {
            lane,
            seq,
            apart: None,
        };
        let publisher = message.publisher();
        for guest in guests {
            if guest.stopped.is_some() || guest.after >= seq {
                continue;
            }
            let slot = guest.session.slot;
            let target = targets.find(slot);
            let target = target.filter(|it| it.since[lane.index()] < seq.0);
            let is_own = publisher == Some(&*guest.session.client_id);
            let class = target.and_then(|target| targets.class(target, is_own));
            let mut state = guest.session.state.lock();
            if state.is_told_otherwise(message.topic()) {
                continue;
            }
            let delivery = match class {
                Some(class) => dressed(&message, class, Some(origin)),
                None if guest.awaits && state.outbound.awaits(lane, seq) => {
                    let class = spica_mqtt_routes::Class {
                        qos: 2,
                        ..spica_mqtt_routes::Class::default()
                    };
                    dressed(&message, &class, Some(origin))
                }
                None => continue,
            };
            let is_placed = delivery.qos != QoS::AtMostOnce;
            if state.outbound.offer(delivery) == Pushed::Full && is_placed {
                guest.stopped = Some(Seq(seq.0 - 1));
            }
        }
    }
}
