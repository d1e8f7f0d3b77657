//! Values of metrics.

use spica_model::Kind;

use super::{Delivery, Edge, Turn};
use crate::birth::{Birth, Known};
use crate::payload::{BD_SEQ, Metric, Payload};
use crate::quality::quality;
use crate::topics::Subject;
use crate::value::timestamp;

impl Edge {
    /// Says what the values of a message are; asks for a birth if some cannot be told.
    pub(super) fn values(
        &mut self,
        turn: &mut Turn<'_>,
        delivery: &Delivery,
        payload: &Payload<'_>,
    ) {
        let device = delivery.device.as_deref();
        let birth = match device {
            None => self.node.as_ref(),
            Some(device) => self.devices.get(device),
        };
        let Some(birth) = birth else {
            turn.shared.counts.unborn += 1;
            if !self.is_cut {
                self.ask(turn, delivery.position, delivery.received);
            }
            return;
        };
        let unknown = values_of(turn, delivery, birth, payload);
        turn.shared.counts.unknown += unknown;
        // What was left out of a birth will be left out of the next one.
        if unknown > 0 && birth.refused == 0 {
            self.ask(turn, delivery.position, delivery.received);
        }
    }
}

/// How many values are of metrics that are not in the birth.
fn values_of(
    turn: &mut Turn<'_>,
    delivery: &Delivery,
    birth: &Birth,
    payload: &Payload<'_>,
) -> u64 {
    let mut unknown = 0;
    for (at, metric) in payload.metrics.iter().enumerate() {
        match birth.find(metric) {
            Some((_, known)) if known.is_transient || metric.is_transient => {
                turn.shared.counts.transient += 1;
            }
            Some((name, known)) => {
                let time = metric.timestamp.or(payload.timestamp);
                let metric = Metric {
                    timestamp: time,
                    ..*metric
                };
                value(turn, delivery, at, (name, known), &metric);
            }
            None if metric.name == Some(BD_SEQ) => {}
            None => unknown += 1,
        }
    }
    unknown
}

fn value(
    turn: &mut Turn<'_>,
    delivery: &Delivery,
    at: usize,
    (name, known): (&str, &Known),
    metric: &Metric<'_>,
) {
    let mut payload = Vec::new();
    if metric.write_json(known.datatype, &mut payload).is_err() {
        turn.shared.counts.unsupported += 1;
        return;
    }
    let subject = Subject {
        id: turn.id,
        device: delivery.device.as_deref(),
    };
    let topic = if metric.is_historical {
        // As long as that of the metric, which is one.
        match turn.shared.topics.past(subject, name) {
            Ok(topic) => topic,
            Err(_) => return,
        }
    } else {
        known.topic.clone()
    };
    let counts = &mut turn.shared.counts;
    let counter = if metric.is_historical {
        &mut counts.historical
    } else {
        &mut counts.values
    };
    *counter += 1;
    turn.put(topic, delivery.position, &format!("v{at}"), |draft| {
        if metric.is_historical {
            draft.kind = Kind::Event;
        }
        draft.quality = quality(metric.quality);
        draft.source_time = metric.timestamp.and_then(timestamp);
        draft.payload = payload;
    });
}
