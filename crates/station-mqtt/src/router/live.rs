//! What has just become durable, to the sessions that are live.

use std::sync::Arc;
use std::time::Duration;

use spica_model::{Lane, Record};
use spica_mqtt::{Delivery, Message as _, Origin, Pushed};
use spica_mqtt_proto::{Publish, PublishProperties, QoS, SubscriptionIds, encode_publish};
use spica_mqtt_routes::{Class, Targets};

use super::Router;
use crate::fan_out::begin;
use crate::message::Message;
use crate::session::{Session, State};

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
        self.give_plain(&message, origin, &targets);
        self.give_groups(&message, origin, targets.groups());
    }

    fn give_plain(&mut self, message: &Message, origin: Origin, targets: &Targets) {
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
                if state.is_told_otherwise(message.topic()) {
                    continue;
                }
                if self.conflated(&mut state, &session, &delivery) {
                    continue;
                }
                let pushed = state.outbound.push(delivery);
                session.note_load(&state);
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

    /// Keeps a message for a session that wants the newest now and then.
    fn conflated(
        &self,
        state: &mut State,
        session: &Arc<Session>,
        delivery: &Delivery<Message>,
    ) -> bool {
        let Some(conflator) = &mut state.conflator else {
            return false;
        };
        if delivery.qos != QoS::AtMostOnce || state.connection == 0 {
            return false;
        }
        let publish = delivery.message.publish();
        let ids = delivery.ids.as_deref().unwrap_or_default();
        let publish = Publish {
            retain: delivery.retain,
            properties: PublishProperties {
                subscription_ids: SubscriptionIds::of(ids),
                ..publish.properties
            },
            ..publish
        };
        let mut packet = Vec::new();
        if encode_publish(&publish, state.version, &mut packet).is_err() {
            return false;
        }
        let now = Duration::from_millis(self.station.now_ms());
        let lane = delivery.message.record().position.lane;
        let topic = delivery.message.topic();
        let is_taken = conflator.take(now, topic, &packet.into(), lane);
        self.station
            .metrics
            .conflated
            .inc_by(conflator.take_replaced());
        if is_taken {
            begin(&self.station, session, state);
        }
        is_taken
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
