//! SUBSCRIBE and UNSUBSCRIBE.

use std::sync::Arc;
use std::time::Duration;

use spica_model::Lane;
use spica_mqtt_proto::{
    AckProperties, Packet, PacketId, QoS, Reason, ReasonCodes, RetainHandling, SubAck,
    SubscribeOptions, Version,
};
use spica_mqtt_routes::{Change, Options, RouteError};

use super::Router;
use crate::session::{ConnectionId, Session, Then};
use crate::{leaving, store};

impl Router {
    pub(super) fn subscribe(
        &mut self,
        session: &Arc<Session>,
        connection: ConnectionId,
        packet_id: PacketId,
        id: Option<u32>,
        conflate: Option<Duration>,
        filters: Vec<(String, SubscribeOptions, Result<(), Reason>)>,
    ) {
        if session.state.lock().is_gone {
            return;
        }
        let since = self.station.routed().map(|seq| seq.0);
        let (mut reasons, mut retained) = (Vec::new(), Vec::new());
        for (filter, mut asked, may) in filters {
            if conflate.is_some() {
                // What may be replaced on the way is not delivered for certain.
                asked.qos = QoS::AtMostOnce;
            }
            let options = Options {
                qos: asked.qos as u8,
                no_local: asked.no_local,
                retain_as_published: asked.retain_as_published,
                id,
                since,
            };
            let done = may.and_then(|()| {
                let mut routes = self.station.routes.write();
                routes
                    .subscribe(session.slot, &filter, &options)
                    .map_err(|error| reason(&error))
            });
            match done {
                Ok(change) => {
                    conflated(session, &filter, conflate);
                    reasons.push(Reason::granted(asked.qos));
                    let is_new = change == Change::New;
                    let is_wanted = match asked.retain_handling {
                        RetainHandling::Send => true,
                        RetainHandling::SendIfNew => is_new,
                        RetainHandling::DoNotSend => false,
                    };
                    // There are none for a shared subscription [MQTT-4.8.2-…].
                    if is_wanted && !filter.starts_with("$share/") {
                        retained.push((filter, options));
                    }
                }
                Err(reason) => {
                    self.station.metrics.subscribe_refused(reason);
                    reasons.push(reason);
                }
            }
        }
        self.answer(session, connection, packet_id, &reasons, true);
        for (filter, options) in retained {
            self.begin_retaining(session, connection, &filter, &options);
        }
    }

    pub(super) fn unsubscribe(
        &mut self,
        session: &Arc<Session>,
        connection: ConnectionId,
        packet_id: PacketId,
        filters: &[String],
    ) {
        if session.state.lock().is_gone {
            return;
        }
        let mut reasons = Vec::new();
        for filter in filters {
            if filter.starts_with("$share/") {
                self.share_again(session);
            }
            conflated(session, filter, None);
            let was_there = self
                .station
                .routes
                .write()
                .unsubscribe(session.slot, filter);
            reasons.push(if was_there {
                Reason::Success
            } else {
                Reason::NoSubscriptionExisted
            });
        }
        self.answer(session, connection, packet_id, &reasons, false);
    }

    /// Takes subscriptions away that the client may not have any more.
    pub(super) fn revoke(&mut self, session: &Arc<Session>, filters: &[String]) {
        for filter in filters {
            if filter.starts_with("$share/") {
                self.share_again(session);
            }
            let mut routes = self.station.routes.write();
            routes.unsubscribe(session.slot, filter);
        }
        let mut state = session.state.lock();
        if !state.is_gone && state.life.is_durable() {
            leaving::keep(&self.station, session, &mut state);
        }
    }

    /// Answers: at once, or when it is durable, if the session outlives its connection.
    fn answer(
        &mut self,
        session: &Arc<Session>,
        connection: ConnectionId,
        packet_id: PacketId,
        reasons: &[Reason],
        is_subscribe: bool,
    ) {
        let mut state = session.state.lock();
        if state.connection != connection {
            return;
        }
        if let Some(device) = state.device.as_ref().filter(|_| is_subscribe) {
            device.subscribed();
        }
        let bytes = encoded(state.version, packet_id, reasons, is_subscribe);
        if state.life.is_durable() {
            let record = store::record(&self.station, session, &state);
            match store::submit_session(&self.station, session, &record) {
                Some(Ok(ticket)) => {
                    let then = Then::Say(connection, bytes);
                    state.appends.wait(Lane::Critical, &ticket, then);
                }
                // What cannot be kept is not promised: the client comes again.
                _ => state.kicked = Some(Reason::ServerBusy),
            }
        } else {
            state.mail.push_back(bytes);
        }
        drop(state);
        session.waker.wake();
    }
}

/// Notes whether the subscription is conflated.
fn conflated(session: &Session, filter: &str, conflate: Option<Duration>) {
    let mut state = session.state.lock();
    match (conflate, &mut state.conflator) {
        (Some(interval), conflator) => {
            let conflator = conflator.get_or_insert_default();
            conflator.add(filter, interval);
        }
        (None, Some(conflator)) => {
            conflator.remove(filter);
        }
        (None, None) => {}
    }
}

fn encoded(
    version: Version,
    packet_id: PacketId,
    reasons: &[Reason],
    is_subscribe: bool,
) -> Box<[u8]> {
    let ack = SubAck {
        packet_id,
        properties: AckProperties::default(),
        reasons: ReasonCodes::of(reasons),
    };
    let packet = if is_subscribe {
        Packet::SubAck(ack)
    } else {
        Packet::UnsubAck(ack)
    };
    let mut bytes = Vec::new();
    if let Err(error) = packet.encode(version, &mut bytes) {
        tracing::error!(%error, "an answer to an MQTT client cannot be written: this is a fault of Spica");
    }
    bytes.into()
}

fn reason(error: &RouteError) -> Reason {
    match error {
        RouteError::Filter(_) | RouteError::Share => Reason::TopicFilterInvalid,
        RouteError::NoLocalShared => Reason::ProtocolError,
        RouteError::Bytes(_) | RouteError::Levels(_) => Reason::TopicFilterInvalid,
        _ => Reason::QuotaExceeded,
    }
}
