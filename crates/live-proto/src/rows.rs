//! Rows as they are written: once per record and encoding, for all sessions that see it. One row is
//! one array; [`data_frame`](crate::data_frame) puts rows into a frame.

use spica_model::{Kind, Op, Position, Quality, Record, Restated, Timestamp, Topic};

use crate::payload::Shown;
use crate::write::Writer;
use crate::{Encoding, Patch, WindowOp};

/// The first element of a row: which kind of row it is.
pub(crate) mod tag {
    pub(crate) const FULL: u64 = 0;
    pub(crate) const DELTA: u64 = 1;
    pub(crate) const DELETED: u64 = 2;
    pub(crate) const SAME: u64 = 3;
    pub(crate) const WINDOW: u64 = 4;
}

/// `method` of a delta: JSON merge patch.
pub(crate) const MERGE: u64 = 0;
/// `method` of a delta: binary.
pub(crate) const BINARY: u64 = 1;

/// What a window computed for a topic.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    /// The topic.
    pub topic: &'a Topic,
    /// Of the last record in it.
    pub position: Position,
    /// When that was received.
    pub received: Timestamp,
    /// What was asked for; what is no number (a sum beyond all numbers) is written as null.
    pub results: &'a [(WindowOp, f64)],
    /// When the first value was received.
    pub from: Timestamp,
    /// When the last value was received.
    pub to: Timestamp,
}

/// Appends a row with the whole record to `out`; of a tombstone, or the copy of one, a
/// [`deleted`] row.
pub fn full(encoding: Encoding, topic_no: u64, record: &Record, out: &mut Vec<u8>) {
    if deletes(record.op) {
        return deleted(encoding, topic_no, record, out);
    }
    let mut to = Writer::new(encoding, out);
    to.array(12);
    to.u64(tag::FULL);
    to.u64(topic_no);
    to.text(record.topic.as_str());
    stamp(record, &mut to);
    to.u64(u64::from(record.kind == Kind::Event));
    Shown::of(&record.content_type, &record.payload).write(&record.content_type, &mut to);
    to.end_array();
}

/// Appends a row that says that the topic has no value any more.
pub fn deleted(encoding: Encoding, topic_no: u64, record: &Record, out: &mut Vec<u8>) {
    let mut to = Writer::new(encoding, out);
    to.array(9);
    to.u64(tag::DELETED);
    to.u64(topic_no);
    to.text(record.topic.as_str());
    stamp(record, &mut to);
    to.end_array();
}

/// Appends a row that says that the payload is byte for byte what it was.
pub fn same(encoding: Encoding, topic_no: u64, record: &Record, out: &mut Vec<u8>) {
    let mut to = Writer::new(encoding, out);
    to.array(8);
    to.u64(tag::SAME);
    to.u64(topic_no);
    stamp(record, &mut to);
    to.end_array();
}

/// Appends a row with what changes the payload at `base` into that of `record`.
pub fn delta(
    encoding: Encoding,
    topic_no: u64,
    record: &Record,
    base: Position,
    patch: &Patch,
    out: &mut Vec<u8>,
) {
    let mut to = Writer::new(encoding, out);
    to.array(13);
    to.u64(tag::DELTA);
    to.u64(topic_no);
    stamp(record, &mut to);
    place(base, &mut to);
    match patch {
        Patch::Merge(json) => {
            to.u64(MERGE);
            to.json_text(json);
        }
        Patch::Binary(bytes) => {
            to.u64(BINARY);
            to.bytes(bytes);
        }
    }
    to.end_array();
}

/// Appends a row with what a window computed.
pub fn window(encoding: Encoding, topic_no: u64, window: &Window<'_>, out: &mut Vec<u8>) {
    let mut to = Writer::new(encoding, out);
    to.array(10);
    to.u64(tag::WINDOW);
    to.u64(topic_no);
    to.text(window.topic.as_str());
    place(window.position, &mut to);
    to.i64(window.received.as_micros());
    to.map(window.results.len());
    for (op, result) in window.results {
        to.key(op.as_str());
        to.f64(*result);
    }
    to.end_map();
    to.i64(window.from.as_micros());
    to.i64(window.to.as_micros());
    to.end_array();
}

const fn deletes(op: Op) -> bool {
    matches!(op, Op::Delete | Op::Restate(Restated { deletes: true, .. }))
}

/// `lane, epoch, number, received, source or null, q`.
fn stamp(record: &Record, to: &mut Writer<'_>) {
    place(record.position, to);
    to.i64(record.received.as_micros());
    match record.source_time {
        Some(time) => to.i64(time.as_micros()),
        None => to.null(),
    }
    to.u64(match record.quality {
        Quality::Good => 0,
        Quality::Uncertain => 1,
        Quality::Bad => 2,
    });
}

/// `lane, epoch, number`.
fn place(position: Position, to: &mut Writer<'_>) {
    to.u64(position.lane.index() as u64);
    to.u64(u64::from(position.epoch.0));
    to.u64(position.seq.0);
}
