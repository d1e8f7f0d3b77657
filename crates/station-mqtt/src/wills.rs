//! Publishing what clients leave behind.

use std::sync::Arc;

use bytes::Bytes;
use spica_journal::SubmitError;
use spica_mqtt::Will;
use spica_mqtt_proto::{Publish, PublishProperties, QoS, UserProperties};

use crate::arrived::Arrived;
use crate::entry::{Entry, submit};
use crate::fan_out::{Fast, fan_out};
use crate::link::Route;
use crate::session::Session;
use crate::station::Station;

/// Publishes a will. It was checked when it came that it may be. While the journal has no room, it is
/// tried again.
pub(crate) fn publish(station: &Arc<Station>, session: &Arc<Session>, will: Box<Will>) {
    station.metrics.wills.inc();
    if let Err(SubmitError::Full { .. }) = try_publish(station, session, &will) {
        let (station, session) = (Arc::clone(station), Arc::clone(session));
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
                let tried = try_publish(&station, &session, &will);
                if !matches!(tried, Err(SubmitError::Full { .. })) {
                    return;
                }
            }
        });
    }
}

fn try_publish(station: &Station, session: &Session, will: &Will) -> Result<(), SubmitError> {
    let mut user = Vec::new();
    for (name, value) in &will.user {
        // They came in a packet, so they fit into one.
        let _ = UserProperties::push(&mut user, name, value);
    }
    let publish = Publish {
        dup: false,
        qos: will.qos,
        retain: will.retain,
        topic: &will.topic,
        packet_id: None,
        properties: PublishProperties {
            payload_is_utf8: will.payload_is_utf8,
            expiry: will.expiry_secs,
            content_type: will.content_type.as_deref(),
            response_topic: will.response_topic.as_deref(),
            correlation: will.correlation.as_ref().map(Bytes::as_ref),
            user: UserProperties::of(&user),
            ..PublishProperties::default()
        },
        payload: &will.payload,
    };
    let rule = station.access.rule(&will.topic);
    let Ok(route) = Route::of(station, &will.topic, rule) else {
        return Ok(());
    };
    let lane = route.lane_of(&publish);
    let Route {
        topic,
        is_state,
        keeps_qos0,
        ..
    } = route;
    let Ok(arrived) = Arrived::of(&publish, topic, is_state) else {
        return Ok(());
    };
    if will.qos == QoS::AtMostOnce {
        fan_out(station, session, &[Fast::new(&publish, &will.topic, lane)]);
        if !keeps_qos0 {
            return Ok(());
        }
    }
    let cause = session.cause.clone();
    let entry = Entry::publish(arrived, publish.payload, cause, station.now());
    submit(&*station.journal, lane, &[entry]).map(drop)
}
