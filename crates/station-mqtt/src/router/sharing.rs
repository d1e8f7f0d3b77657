//! Shared subscriptions: each message of a group to one of its members, and to another if that one is
//! lost.
//!
//! A group has a place of its own in each lane: what came before one of its members subscribed is the
//! group's all the same. Everything up to it is delivered. When no member can
//! take a message, the group is *behind*, as a session can be, and is fed from the journal when one
//! can. The place is noted now and then; after a crash some messages come a second time, whatever
//! their quality of service.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use spica_model::{Lane, Seq};
use spica_mqtt::{Delivery, Origin, Pushed};
use spica_mqtt_proto::QoS;
use spica_mqtt_routes::{Group, Load, Picked};

use super::Router;
use super::live::dressed;
use crate::fan_out::load;
use crate::message::Message;
use crate::session::Session;
use crate::station::Station;
use crate::store;

/// Numbers of deliveries beside the order of the lanes: retained ones have the first.
pub(crate) const RETAINED: NonZeroU32 = NonZeroU32::MIN;
/// Those of shared groups follow.
const SHARED: u32 = 2;
/// Messages of a group that are with its members at once, per lane.
const OUTSTANDING_MAX: usize = 65_536;
/// How often places are noted.
const NOTE_EVERY: Duration = Duration::from_secs(5);

/// The shared group of a delivery, if it is of one.
pub(crate) fn shared_group(origin: &Origin) -> Option<u32> {
    origin.apart?.get().checked_sub(SHARED)
}

fn apart(group: u32) -> Option<NonZeroU32> {
    NonZeroU32::new(group.checked_add(SHARED)?)
}

/// All shared groups that have had a message.
#[derive(Debug, Default)]
pub(super) struct Sharing {
    groups: HashMap<u32, Places>,
    /// Whether a group that is behind may find a member that takes something.
    may_feed: bool,
    noted: Option<Instant>,
}

/// The places of a group, critical lane first.
#[derive(Debug, Default)]
struct Places {
    filter: Box<str>,
    lanes: [Place; 2],
    /// What was noted last.
    noted: [Seq; 2],
}

/// How far a group is in a lane.
#[derive(Debug, Default)]
struct Place {
    /// Up to where it was given everything, if it is behind.
    behind: Option<Seq>,
    /// Beyond the place up to which all is delivered: whether a message is.
    given: BTreeMap<u64, bool>,
}

impl Place {
    /// Everything up to this is delivered; `live` is where groups are that are not behind.
    fn low(&self, live: Seq) -> Seq {
        let open = self.given.iter().find(|(_, is_delivered)| !**is_delivered);
        let fed = self.behind.unwrap_or(live);
        open.map_or(fed, |(seq, _)| fed.min(Seq(seq.saturating_sub(1))))
    }

    /// Forgets what lies before the first that is open.
    fn prune(&mut self, live: Seq) {
        let low = self.low(live);
        self.given = self.given.split_off(&(low.0 + 1));
    }

    fn fall_behind(&mut self, before: Seq) {
        let at = Seq(before.0.saturating_sub(1));
        self.behind = Some(self.behind.map_or(at, |behind| behind.min(at)));
    }
}

impl Sharing {
    pub(super) fn delivered(&mut self, list: &[(u32, Lane, Seq)]) {
        for (group, lane, seq) in list {
            if let Some(places) = self.groups.get_mut(group)
                && let Some(is_delivered) = places.lanes[lane.index()].given.get_mut(&seq.0)
            {
                *is_delivered = true;
            }
        }
    }

    /// A member may have room.
    pub(super) const fn wake(&mut self) {
        self.may_feed = true;
    }

    /// A group that is kept: it goes on after what was noted.
    pub(super) fn restore(&mut self, group: Group, filter: &str, noted: [Seq; 2]) {
        let places = self.groups.entry(group.number()).or_default();
        places.filter = filter.into();
        places.noted = noted;
        for lane in Lane::ALL {
            places.lanes[lane.index()].behind = Some(noted[lane.index()]);
        }
        self.may_feed = true;
    }
}

impl Router {
    /// A session has room.
    pub(super) fn hungry(&mut self, session: Arc<Session>) {
        let mut state = session.state.lock();
        if std::mem::take(&mut state.is_awaited) {
            self.sharing.wake();
        }
        let missing: Vec<Origin> = state.outbound.missing_apart().collect();
        drop(state);
        if !missing.is_empty() {
            self.refill(&session, &missing);
        }
        self.feeding.add(session);
    }

    /// Gives a message to one member of each group that is not behind.
    pub(super) fn give_groups(&mut self, message: &Message, origin: Origin, groups: &[Group]) {
        for group in groups {
            let places = self.sharing.groups.get(&group.number());
            let place = places.map(|places| &places.lanes[origin.lane.index()]);
            if place.is_none_or(|place| place.behind.is_none()) {
                self.give_group(message, origin, *group);
            }
        }
    }

    /// Gives a message to a member; if none can take it, the group is behind from here on. Whether
    /// the group goes on.
    fn give_group(&mut self, message: &Message, origin: Origin, group: Group) -> bool {
        let Some(picked) = self.pick(message, group) else {
            return true;
        };
        let lane = origin.lane.index();
        let is_ready = matches!(load(&self.station, picked.session), Load::Ready(_));
        let delivery = dressed(message, &picked.class, Some(origin));
        if delivery.qos == QoS::AtMostOnce {
            self.give_member(&picked, delivery, is_ready);
            return true;
        }
        let given = self.place(group, lane).given.len();
        let delivery = Delivery {
            origin: Some(Origin {
                apart: apart(group.number()),
                ..origin
            }),
            ..delivery
        };
        let is_room = is_ready && given < OUTSTANDING_MAX;
        if self.give_member(&picked, delivery, is_room) {
            self.place(group, lane).given.insert(origin.seq.0, false);
            return true;
        }
        self.place(group, lane).fall_behind(origin.seq);
        self.await_members(group);
        false
    }

    /// Gives a message to a member that has room; whether it has it now.
    fn give_member(
        &mut self,
        picked: &Picked,
        delivery: Delivery<Message>,
        has_room: bool,
    ) -> bool {
        let session = self.station.sessions.at(picked.session);
        let Some(session) = session.filter(|_| has_room) else {
            if delivery.qos == QoS::AtMostOnce {
                self.station.metrics.routed(Pushed::Full);
            }
            return false;
        };
        let mut state = session.state.lock();
        let pushed = state.outbound.push(delivery);
        session.note_load(&state);
        drop(state);
        self.station.metrics.routed(pushed);
        self.touch(&session);
        pushed == Pushed::Queued
    }

    fn place(&mut self, group: Group, lane: usize) -> &mut Place {
        let station = &self.station;
        let places = self.sharing.groups.entry(group.number());
        let places = places.or_insert_with(|| {
            let routes = station.routes.read();
            let filter = routes.members(group).map(|(filter, _)| filter.into());
            Places {
                filter: filter.unwrap_or_default(),
                ..Places::default()
            }
        });
        &mut places.lanes[lane]
    }

    fn pick(&self, message: &Message, group: Group) -> Option<Picked> {
        let about = spica_mqtt_routes::Message {
            publisher: message.publisher().unwrap_or_default(),
            topic: message.topic(),
        };
        let station = &self.station;
        let routes = station.routes.read();
        routes.pick(group, &about, |slot| load(station, slot))
    }

    /// The members say when they have room.
    fn await_members(&mut self, group: Group) {
        let members: Vec<_> = {
            let routes = self.station.routes.read();
            let members = routes.members(group);
            members
                .map(|(_, members)| members.collect())
                .unwrap_or_default()
        };
        for slot in members {
            if let Some(session) = self.station.sessions.at(slot) {
                session.state.lock().is_awaited = true;
                // It may have room by now.
                self.touch(&session);
            }
        }
    }

    /// What the session has not been sent for certain by shared subscriptions goes to other members.
    pub(super) fn share_again(&mut self, session: &Arc<Session>) {
        let groups: Vec<Group> = {
            let routes = self.station.routes.read();
            let shared = routes.subscriptions(session.slot);
            shared.filter_map(|it| routes.group(it.filter)).collect()
        };
        for group in groups {
            let Some(apart) = apart(group.number()) else {
                continue;
            };
            let taken = session.state.lock().outbound.take_apart(apart);
            let Some(places) = self.sharing.groups.get_mut(&group.number()) else {
                continue;
            };
            for origin in taken.iter().filter_map(|delivery| delivery.origin) {
                let place = &mut places.lanes[origin.lane.index()];
                place.given.remove(&origin.seq.0);
                place.fall_behind(origin.seq);
            }
            self.sharing.may_feed = true;
        }
    }

    /// Gives groups that are behind the next records of the journal. Whether there was anything to do.
    pub(super) fn feed_groups(&mut self) -> bool {
        if !std::mem::take(&mut self.sharing.may_feed) {
            return false;
        }
        let behind: Vec<(u32, Lane, Seq)> = self
            .sharing
            .groups
            .iter()
            .flat_map(|(number, places)| {
                let places = Lane::ALL.into_iter().zip(&places.lanes);
                places.filter_map(|(lane, place)| Some((*number, lane, place.behind?)))
            })
            .collect();
        let mut is_busy = false;
        for (number, lane, after) in behind {
            is_busy |= self.feed_group(number, lane, after);
        }
        is_busy
    }

    fn feed_group(&mut self, number: u32, lane: Lane, after: Seq) -> bool {
        let routed = self.station.routed()[lane.index()];
        let (records, through) = if after >= routed {
            (Arc::from([]), routed)
        } else {
            self.chunk(lane, after, routed)
        };
        let mut passed = through;
        for (at, record) in records.iter().enumerate() {
            let seq = record.position.seq;
            if seq > routed || record.is_restated() {
                continue;
            }
            let Some(message) = Message::of(&self.station.mount, &records, at) else {
                continue;
            };
            if message.service().0 == QoS::AtMostOnce || self.is_given(number, lane, seq) {
                continue;
            }
            let targets = self.station.routes.read().targets(message.topic());
            let mut groups = targets.groups().iter();
            let Some(group) = groups.find(|group| group.number() == number) else {
                continue;
            };
            let origin = Origin {
                lane,
                seq,
                apart: None,
            };
            if !self.give_group(&message, origin, *group) {
                passed = Seq(seq.0 - 1);
                break;
            }
        }
        let Some(places) = self.sharing.groups.get_mut(&number) else {
            return false;
        };
        let place = &mut places.lanes[lane.index()];
        let is_live = passed >= routed;
        place.behind = (!is_live).then_some(passed);
        place.prune(routed);
        self.sharing.may_feed |= passed == through && !is_live;
        passed > after
    }

    fn is_given(&self, group: u32, lane: Lane, seq: Seq) -> bool {
        let places = self.sharing.groups.get(&group);
        places.is_some_and(|places| places.lanes[lane.index()].given.contains_key(&seq.0))
    }

    /// Notes the places that have moved, now and then, and forgets groups that are gone.
    pub(super) fn note_groups(&mut self) {
        let now = self.station.clock.monotonic();
        let is_due = self
            .sharing
            .noted
            .is_none_or(|noted| now.saturating_duration_since(noted) >= NOTE_EVERY);
        if !is_due || self.sharing.groups.is_empty() {
            return;
        }
        self.sharing.noted = Some(now);
        let station = Arc::clone(&self.station);
        let routed = station.routed();
        self.sharing.groups.retain(|number, places| {
            let members = members(&station, &places.filter, *number);
            let Some(is_durable) = members else {
                store::forget_share(&station, &places.filter);
                return false;
            };
            for lane in Lane::ALL {
                places.lanes[lane.index()].prune(routed[lane.index()]);
            }
            let low = Lane::ALL.map(|lane| places.lanes[lane.index()].low(routed[lane.index()]));
            let is_new = is_durable && low != places.noted;
            if is_new && store::note_share(&station, &places.filter, low) {
                places.noted = low;
            }
            true
        });
    }

    /// Goes on with the groups of sessions that were kept where they were noted.
    pub(crate) fn restore_groups(&mut self) {
        let station = Arc::clone(&self.station);
        store::visit_shares(&station, |filter, noted| {
            if let Some(group) = station.routes.read().group(filter) {
                self.sharing.restore(group, filter, noted);
            } else {
                store::forget_share(&station, filter);
            }
        });
    }
}

/// Whether any member of a group outlives its connection; none if the group is gone.
fn members(station: &Station, filter: &str, number: u32) -> Option<bool> {
    let routes = station.routes.read();
    let group = routes.group(filter).filter(|it| it.number() == number)?;
    let (_, members) = routes.members(group)?;
    let slots: Vec<_> = members.collect();
    drop(routes);
    let mut sessions = slots.iter().filter_map(|slot| station.sessions.at(*slot));
    Some(sessions.any(|session| session.state.lock().life.is_durable()))
}
