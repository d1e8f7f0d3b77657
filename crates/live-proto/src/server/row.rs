//! Rows, as they are read.

use std::borrow::Cow;

use bytes::Bytes;
use spica_model::{
    ContentType, Epoch, Kind, Lane, Position, Quality, Seq, Timestamp, Topic, limits,
};

use crate::part::Part;
use crate::payload::{self, Form};
use crate::rows::{BINARY, MERGE, tag};
use crate::words::Word as _;
use crate::{Patch, WindowOp};

/// A row of a `data` frame. What stands in it is owned.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// The whole record.
    Full(Full),
    /// What changes the value at `base`.
    Delta {
        /// The record.
        stamp: Stamp,
        /// Where the value stands to which the patch applies.
        base: Position,
        /// What changes.
        patch: Patch,
    },
    /// The topic has no value any more.
    Deleted {
        /// The record.
        stamp: Stamp,
        /// The topic.
        topic: Topic,
    },
    /// The payload is byte for byte what it was.
    Same(Stamp),
    /// What a window computed.
    Window(Windowed),
}

/// What rows of records have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// What stands for the topic, within one engine.
    pub topic_no: u64,
    /// Where the record stands.
    pub position: Position,
    /// When the owner received it.
    pub received: Timestamp,
    /// When its source says it happened.
    pub source: Option<Timestamp>,
    /// How far it can be trusted.
    pub quality: Quality,
}

/// A whole record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    /// The record's place and times.
    pub stamp: Stamp,
    /// The topic.
    pub topic: Topic,
    /// How the topic's records relate.
    pub kind: Kind,
    /// What the payload is; bytes, if it is not what it claims to be.
    pub content_type: ContentType,
    /// The payload. JSON came on one line in a JSON frame, and is else what it was.
    pub payload: Bytes,
}

/// What a window computed for a topic.
#[derive(Debug, Clone, PartialEq)]
pub struct Windowed {
    /// What stands for the topic, within one engine.
    pub topic_no: u64,
    /// The topic.
    pub topic: Topic,
    /// Of the last record in it.
    pub position: Position,
    /// When that was received.
    pub received: Timestamp,
    /// What was asked for; not a number where the result is beyond all numbers.
    pub results: Vec<(WindowOp, f64)>,
    /// When the first value was received.
    pub from: Timestamp,
    /// When the last value was received.
    pub to: Timestamp,
}

/// Reads a row; `None` if it is none of those we know.
pub(super) fn read(row: Part<'_>) -> Option<Row> {
    let items = row.items()?;
    let (kind, rest) = items.split_first()?;
    match kind.u64()? {
        tag::FULL => full(rest.try_into().ok()?).map(Row::Full),
        tag::DELTA => delta(rest.try_into().ok()?),
        tag::DELETED => deleted(rest.try_into().ok()?),
        tag::SAME => stamp(rest.try_into().ok()?).map(Row::Same),
        tag::WINDOW => window(rest.try_into().ok()?).map(Row::Window),
        _ => None,
    }
}

fn full(row: [Part<'_>; 11]) -> Option<Full> {
    let [no, topic_of, a, b, c, d, e, f, kind, content, value] = row;
    let content_type = content_type(content)?;
    Some(Full {
        stamp: stamp([no, a, b, c, d, e, f])?,
        topic: topic(topic_of)?,
        kind: match kind.u64()? {
            0 => Kind::State,
            1 => Kind::Event,
            _ => return None,
        },
        payload: payload(&content_type, value)?,
        content_type,
    })
}

fn delta(row: [Part<'_>; 12]) -> Option<Row> {
    let [no, a, b, c, d, e, f, lane, epoch, number, method, patch] = row;
    Some(Row::Delta {
        stamp: stamp([no, a, b, c, d, e, f])?,
        base: position([lane, epoch, number])?,
        patch: match method.u64()? {
            MERGE => Patch::Merge(patch.json_text()?.into_owned()),
            BINARY => Patch::Binary(patch.bytes()?.into()),
            _ => return None,
        },
    })
}

fn deleted(row: [Part<'_>; 8]) -> Option<Row> {
    let [no, topic_of, a, b, c, d, e, f] = row;
    Some(Row::Deleted {
        stamp: stamp([no, a, b, c, d, e, f])?,
        topic: topic(topic_of)?,
    })
}

fn window(row: [Part<'_>; 9]) -> Option<Windowed> {
    let [no, topic_of, a, b, c, received, results, from, to] = row;
    Some(Windowed {
        topic_no: no.u64()?,
        topic: topic(topic_of)?,
        position: position([a, b, c])?,
        received: time(received)?,
        results: results
            .entries()?
            .into_iter()
            .map(result)
            .collect::<Option<_>>()?,
        from: time(from)?,
        to: time(to)?,
    })
}

fn result((op, part): (Cow<'_, str>, Part<'_>)) -> Option<(WindowOp, f64)> {
    let number = if part.is_null() {
        f64::NAN
    } else {
        part.f64()?
    };
    Some((WindowOp::read(&op)?, number))
}

fn stamp(items: [Part<'_>; 7]) -> Option<Stamp> {
    let [no, lane, epoch, number, received, source, quality] = items;
    Some(Stamp {
        topic_no: no.u64()?,
        position: position([lane, epoch, number])?,
        received: time(received)?,
        source: if source.is_null() {
            None
        } else {
            Some(time(source)?)
        },
        quality: match quality.u64()? {
            0 => Quality::Good,
            1 => Quality::Uncertain,
            2 => Quality::Bad,
            _ => return None,
        },
    })
}

fn position([lane, epoch, number]: [Part<'_>; 3]) -> Option<Position> {
    let lane = usize::try_from(lane.u64()?).ok()?;
    Some(Position {
        epoch: Epoch(epoch.u32()?),
        lane: *Lane::ALL.get(lane)?,
        seq: Seq(number.u64()?),
    })
}

fn time(part: Part<'_>) -> Option<Timestamp> {
    part.i64().map(Timestamp::from_micros)
}

fn topic(part: Part<'_>) -> Option<Topic> {
    Topic::new(part.text()?.into_owned()).ok()
}

fn content_type(part: Part<'_>) -> Option<ContentType> {
    match part.u64() {
        Some(payload::JSON) => Some(ContentType::Json),
        Some(payload::TEXT) => Some(ContentType::Text),
        Some(payload::BYTES) => Some(ContentType::Bytes),
        Some(_) => None,
        None => ContentType::parse(&part.text()?).ok(),
    }
}

fn payload(content_type: &ContentType, part: Part<'_>) -> Option<Bytes> {
    let bytes = match Form::of(content_type) {
        Form::Json => part.json_text()?.into_owned().into_bytes(),
        Form::Text => part.text()?.into_owned().into_bytes(),
        Form::Bytes => part.bytes()?,
    };
    (bytes.len() <= limits::PAYLOAD_BYTES).then(|| bytes.into())
}
