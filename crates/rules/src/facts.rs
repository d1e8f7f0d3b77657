//! What expressions know of a record.

use std::str;

use bytes::Bytes;
use rhai::{Array, Dynamic, Map, Scope};
use spica_model::{Kind, Op, Property, Record, Topic};

use crate::draft::HOPS;
use crate::value::from_json;

/// Longest payload that expressions see; a longer one is `()` for them.
const PAYLOAD_BYTES: usize = 256 << 10;

/// The facts of a record, with the names that `docs/rules.md` lists.
pub(crate) fn scope(
    record: &Record,
    below: &Topic,
    previous: Option<&Bytes>,
    now_hops: u8,
) -> Scope<'static> {
    let levels: Array = below.levels().map(|it| it.to_owned().into()).collect();
    let service = service(record);
    let mut scope = Scope::new();
    scope.push_constant("topic", below.as_str().to_owned());
    scope.push_constant("levels", levels);
    scope.push_constant_dynamic("payload", payload(&record.payload));
    scope.push_constant_dynamic("previous", previous.map_or(Dynamic::UNIT, payload));
    scope.push_constant("quality", record.quality.as_str());
    scope.push_constant("lane", record.position.lane.as_str());
    scope.push_constant("retained", record.kind == Kind::State);
    scope.push_constant("deleted", record.op == Op::Delete);
    scope.push_constant("received", seconds(record.received.as_micros()));
    let happened = record.source_time.map(|time| seconds(time.as_micros()));
    scope.push_constant_dynamic("happened", happened.map_or(Dynamic::UNIT, Dynamic::from));
    scope.push_constant("content_type", record.content_type.to_string());
    let cause = record.cause.as_ref().map(|it| it.as_str().to_owned());
    scope.push_constant_dynamic("cause", cause.map_or(Dynamic::UNIT, Dynamic::from));
    scope.push_constant_dynamic("qos", service.map_or(Dynamic::UNIT, Dynamic::from));
    scope.push_constant("user", user(record));
    scope.push_constant("size", whole(record.payload.len()));
    scope.push_constant("hops", i64::from(now_hops));
    scope
}

/// How many rules a record has come through.
pub(crate) fn hops(record: &Record) -> u8 {
    let said = properties(record).find_map(|property| match property {
        Property::User { name: HOPS, value } => Some(value),
        _ => None,
    });
    // Whoever writes nonsense there does not get around the guard.
    said.map_or(0, |text| text.parse().unwrap_or(u8::MAX))
}

pub(crate) fn properties(record: &Record) -> impl Iterator<Item = Property<'_>> {
    record.properties.iter().flatten()
}

fn service(record: &Record) -> Option<i64> {
    properties(record).find_map(|property| match property {
        Property::Service { qos, .. } => Some(i64::from(qos)),
        _ => None,
    })
}

/// User properties by name; of several with one name, the last.
fn user(record: &Record) -> Map {
    let pairs = properties(record).filter_map(|property| match property {
        Property::User { name, value } => Some((name.into(), value.to_owned().into())),
        _ => None,
    });
    pairs.collect()
}

/// JSON if it is JSON, else text if it is text.
fn payload(bytes: &Bytes) -> Dynamic {
    if bytes.is_empty() || bytes.len() > PAYLOAD_BYTES {
        return Dynamic::UNIT;
    }
    if let Ok(json) = serde_json::from_slice(bytes) {
        return from_json(json);
    }
    str::from_utf8(bytes).map_or(Dynamic::UNIT, |text| text.to_owned().into())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "microseconds of this century are exact in 53 bits"
)]
fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

fn whole(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
