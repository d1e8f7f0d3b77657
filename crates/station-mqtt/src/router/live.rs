//! What has just become durable, to the sessions that are live.

use std::num::NonZeroU32;
use std::sync::Arc;

use spica_model::{Lane, Record};
use spica_mqtt::{Delivery, Origin, Pushed};
use spica_mqtt_proto::{QoS, SubscriptionIds};
use spica_mqtt_routes::{Class, Group, Targets};

use super::Router;
use crate::fan_out::load;
use crate::message::Message;
use crate::session::Session;

/// Numbers of deliveries beside the order of the lanes: retained ones have the first.
pub(crate) const RETAINED: NonZeroU32 = NonZeroU32::MIN;
/// Those of shared groups follow.
pub(crate) const SHARED: u32 = 2;

impl Router {
    /// Gives a batch to those that are subscribed.
    pub(super) fn give(&mut self, batch: &Arc<[Record]>) {
        let is_anyone_there = self.station.routes.read().status().subscriptions > 0;
        for (at, record) in batch.iter().enumerate() {
            let (lane, seq) = (record.position.lane, record.position.seq);
            if seq <= self.station.routed()[lane.index()] {
                continue;
            }
            if is_anyone_there && !record.is_restated() {
                self.give_one(batch, at);
            }
            self.station.set_routed(lane, seq);
        }
    }

    fn give_one(&mut self, batch: &Arc<[Record]>, at: usize) {
        let Some(message) = Message::of(&self.station.mount, batch, at) else {
            return;
        };
        let (qos, _) = message.service();
        let position = batch[at].position;
        // What came by MQTT with QoS 0 went out when it came.
        if qos == QoS::AtMostOnce {
            return;
        }
        let targets = self.station.routes.read().targets(message.topic());
        if targets.is_empty() {
            return;
        }
        let origin = Origin {
            lane: position.lane,
            seq: position.seq,
            apart: None,
        };
        self.to_plain(&message, origin, &targets);
        self.to_shared(&message, origin, &targets);
    }

    fn to_plain(&mut self, message: &Message, origin: Origin, targets: &Targets) {
        let publisher = message.publisher();
        let mut touched = std::mem::take(&mut self.touched);
        for (class, members) in targets.by_class() {
            let delivery = dressed(message, class, Some(origin));
            for member in members {
                if member.since[origin.lane.index()] >= origin.seq.0 {
                    continue;
                }
                let Some(session) = self.station.sessions.at(member.session) else {
                    continue;
                };
                let is_own = publisher == Some(&*session.client_id);
                let delivery = if is_own {
                    match targets.class(member, true) {
                        Some(class) => dressed(message, class, Some(origin)),
                        None => continue,
                    }
                } else {
                    delivery.clone()
                };
                let mut state = session.state.lock();
                let pushed = state.outbound.push(delivery);
                self.station.metrics.routed(pushed);
                if pushed == Pushed::Queued && !state.is_touched {
                    state.is_touched = true;
                    drop(state);
                    touched.push(session);
                }
            }
        }
        self.touched = touched;
    }

    fn to_shared(&mut self, message: &Message, origin: Origin, targets: &Targets) {
        self.to_groups(message, origin, targets.groups());
    }

    fn to_groups(&mut self, message: &Message, origin: Origin, groups: &[Group]) {
        let station = Arc::clone(&self.station);
        for group in groups {
            let about = spica_mqtt_routes::Message {
                publisher: message.publisher().unwrap_or_default(),
                topic: message.topic(),
            };
            let routes = station.routes.read();
            let picked = routes.pick(*group, &about, |slot| load(&station, slot));
            drop(routes);
            let Some(picked) = picked else { continue };
            if picked.since[origin.lane.index()] >= origin.seq.0 {
                continue;
            }
            let Some(session) = station.sessions.at(picked.session) else {
                continue;
            };
            let origin = Origin {
                apart: NonZeroU32::new(SHARED + group.number()),
                ..origin
            };
            let delivery = dressed(message, &picked.class, Some(origin));
            let mut state = session.state.lock();
            let pushed = state.outbound.push(delivery);
            drop(state);
            station.metrics.routed(pushed);
            self.touch(&session);
        }
    }

    /// What the session has not been sent for certain by shared subscriptions goes to other members.
    pub(super) fn share_again(&mut self, session: &Arc<Session>) {
        let groups: Vec<u32> = {
            let routes = self.station.routes.read();
            let shared = routes
                .subscriptions(session.slot)
                .filter_map(|it| routes.group(it.filter));
            shared.map(|group| group.number()).collect()
        };
        for number in groups {
            let Some(apart) = NonZeroU32::new(SHARED + number) else {
                continue;
            };
            let taken = session.state.lock().outbound.take_apart(apart);
            for delivery in taken {
                let Some(origin) = delivery.origin else {
                    continue;
                };
                let message = delivery.message;
                let targets = self.station.routes.read().targets(message.topic());
                let only: Vec<_> = targets
                    .groups()
                    .iter()
                    .filter(|group| group.number() == number)
                    .copied()
                    .collect();
                self.to_groups(&message, origin, &only);
            }
        }
    }

    /// The channel has lost batches: every session is behind, and fed from the journal.
    pub(super) fn lagged(&mut self, batches: u64) {
        tracing::info!(
            batches,
            "MQTT sessions are fed from the journal: too much has come at once"
        );
        self.station.metrics.lagged.inc_by(batches);
        let routed = self.station.routed();
        for session in self.station.sessions.all() {
            let mut state = session.state.lock();
            state.outbound.fall_behind(routed);
            drop(state);
            session.waker.wake();
        }
        let applied = self.station.views.status().applied;
        for lane in Lane::ALL {
            self.station.set_routed(lane, applied[lane.index()]);
        }
    }
}

/// A message as its subscription wants it.
pub(super) fn dressed(
    message: &Message,
    class: &Class,
    origin: Option<Origin>,
) -> Delivery<Message> {
    let (qos, retain) = message.service();
    let most = QoS::try_from(class.qos).unwrap_or(QoS::ExactlyOnce);
    let mut ids = Vec::new();
    for id in &class.ids {
        // Checked when it was subscribed.
        let _ = SubscriptionIds::push(&mut ids, *id);
    }
    Delivery {
        message: message.clone(),
        qos: qos.min(most),
        retain: retain && class.retain_as_published,
        origin,
        ids: (!ids.is_empty()).then(|| ids.into()),
    }
}
