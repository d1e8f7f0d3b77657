//! Retained messages: the states that a new subscription matches.

use std::collections::VecDeque;
use std::sync::Arc;

use spica_matcher::matches;
use spica_model::Record;
use spica_mqtt::{Delivery, Origin, Pushed};
use spica_mqtt_proto::{QoS, SubscriptionIds};
use spica_mqtt_routes::Options;

use super::Router;
use super::sharing::RETAINED;
use crate::message::Message;
use crate::session::{ConnectionId, Session};
use crate::statistics;

/// What a subscription is still to be sent.
pub(super) struct Retaining {
    session: Arc<Session>,
    connection: ConnectionId,
    qos: QoS,
    ids: Option<Arc<[u8]>>,
    messages: VecDeque<Message>,
}

impl Retaining {
    pub(super) fn is_for(&self, session: &Arc<Session>) -> bool {
        Arc::ptr_eq(&self.session, session)
    }
}

impl Router {
    /// Looks up what is retained for a subscription that was just made. What the views show and this
    /// thread has not routed yet comes as any other message.
    pub(super) fn begin_retaining(
        &mut self,
        session: &Arc<Session>,
        connection: ConnectionId,
        filter: &str,
        options: &Options,
    ) {
        if filter.starts_with(statistics::ROOT) {
            let mut state = session.state.lock();
            if state.connection == connection {
                let told = &self.station.statistics;
                told.tell(&mut state, filter, options.id);
            }
            drop(state);
            session.waker.wake();
            return;
        }
        let mount = &self.station.mount;
        let mut messages = VecDeque::new();
        let routed = self.station.routed();
        let mut add = |record: &Record| {
            let position = record.position;
            if position.seq > routed[position.lane.index()] {
                return;
            }
            let message = Message::single(mount, record.clone());
            let matching = message.filter(|it| matches(filter, it.topic()));
            messages.extend(matching);
        };
        if filter.contains(['+', '#']) {
            let prefix = mount.prefix(filter);
            self.station
                .views
                .retained(&prefix, |page| page.iter().for_each(&mut add));
        } else if let Ok(topic) = spica_model::Topic::new(mount.prefix(filter)) {
            self.station.views.state(&topic).iter().for_each(&mut add);
        }
        {
            let state = session.state.lock();
            messages.retain(|it: &Message| !state.is_told_otherwise(it.topic()));
        }
        if messages.is_empty() {
            return;
        }
        let mut ids = Vec::new();
        if let Some(id) = options.id {
            // Checked when the packet was read.
            let _ = SubscriptionIds::push(&mut ids, id);
        }
        self.retaining.push_back(Retaining {
            session: Arc::clone(session),
            connection,
            qos: QoS::try_from(options.qos).unwrap_or(QoS::ExactlyOnce),
            ids: (!ids.is_empty()).then(|| ids.into()),
            messages,
        });
    }

    /// Sends what there is room for. Whether something was sent.
    pub(super) fn retain(&mut self) -> bool {
        let mut is_busy = false;
        for _ in 0..self.retaining.len() {
            let Some(mut retaining) = self.retaining.pop_front() else {
                break;
            };
            is_busy |= self.retain_one(&mut retaining);
            if !retaining.messages.is_empty() {
                self.retaining.push_back(retaining);
            }
        }
        is_busy
    }

    fn retain_one(&mut self, retaining: &mut Retaining) -> bool {
        let now = self.station.now();
        let session = Arc::clone(&retaining.session);
        let mut state = session.state.lock();
        if state.connection != retaining.connection {
            retaining.messages.clear();
            return false;
        }
        let mut is_busy = false;
        while let Some(message) = retaining.messages.front() {
            use spica_mqtt::Message as _;
            let (waiting, bytes) = state.outbound.waiting();
            let limits = &self.station.limits;
            let is_full =
                waiting >= limits.queue_messages / 2 || bytes >= limits.queue_bytes as usize / 2;
            if is_full && waiting > 0 {
                // It says so when it has room.
                state.is_awaited = true;
                break;
            }
            let position = message.record().position;
            let (qos, _) = message.service();
            let is_expired = message.expires().is_some_and(|expires| now >= expires);
            if !is_expired {
                let pushed = state.outbound.push(Delivery {
                    message: message.clone(),
                    qos: qos.min(retaining.qos),
                    retain: true,
                    origin: Some(Origin {
                        lane: position.lane,
                        seq: position.seq,
                        apart: Some(RETAINED),
                    }),
                    ids: retaining.ids.clone(),
                });
                if pushed != Pushed::Queued {
                    break;
                }
                is_busy = true;
            }
            retaining.messages.pop_front();
        }
        drop(state);
        if is_busy {
            session.waker.wake();
        }
        is_busy
    }
}
