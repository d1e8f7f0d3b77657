//! One record: a frame with a checksum around the fields.

use bytes::Bytes;
use spica_model::{
    Cause, ContentType, Epoch, Key, Kind, NewRecord, Op, Position, Properties, Quality, Record,
    Restated, Seq, Timestamp, Topic,
};

use crate::secret::record_mask;
use crate::varint;

/// Shortest frame: checksum, index, length, and a body of flags, content type, a time and a topic.
pub(crate) const FRAME_BYTES_MIN: usize = 4 + 1 + 1 + BODY_BYTES_MIN;
/// Flags, content type, received time, topic of one byte with its length.
const BODY_BYTES_MIN: usize = 5;
/// Longest part of a frame before the topic's text, and the length of the properties.
pub(crate) const PREFIX_BYTES_MAX: usize = 4 + 2 * varint::MAX + 2 + 4 * varint::MAX;

mod flag {
    pub(super) const EVENT: u8 = 1;
    pub(super) const DELETE: u8 = 1 << 1;
    pub(super) const QUALITY: u8 = 3 << 2;
    pub(super) const SOURCE_TIME: u8 = 1 << 4;
    pub(super) const KEY: u8 = 1 << 5;
    pub(super) const CAUSE: u8 = 1 << 6;
    pub(super) const RESTATED: u8 = 1 << 7;
}

/// Where a record goes and what its times are relative to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) index: u32,
    pub(crate) seq: Seq,
    pub(crate) base: Timestamp,
    pub(crate) lane_key: u64,
}

const fn quality_bits(quality: Quality) -> u8 {
    match quality {
        Quality::Good => 0,
        Quality::Uncertain => 1 << 2,
        Quality::Bad => 2 << 2,
    }
}

/// The number of a content type; `OTHER` is followed by its text.
const fn content_code(content_type: &ContentType) -> u8 {
    match content_type {
        ContentType::Bytes => 0,
        ContentType::Json => 1,
        ContentType::Text => 2,
        ContentType::Cbor => 3,
        ContentType::Jpeg => 4,
        ContentType::Other(_) => OTHER,
    }
}

const OTHER: u8 = 255;
/// Turned over in the number of the content type if the record has properties: the flags are full.
const WITH_PROPERTIES: u8 = 0x40;

/// The optional parts with a one-byte length before them; their limits are below 256 bytes.
fn short_parts<'a>(record: &NewRecord<'a>) -> [Option<&'a [u8]>; 3] {
    let other = match record.content_type {
        ContentType::Other(text) => Some(text.as_str().as_bytes()),
        _ => None,
    };
    [
        other,
        record.key.map(|key| key.as_bytes().as_ref()),
        record.cause.map(|cause| cause.as_str().as_bytes()),
    ]
}

/// Whether it is a tombstone, or the copy of one.
const fn deletes(op: Op) -> bool {
    match op {
        Op::Put => false,
        Op::Delete => true,
        Op::Restate(restated) => restated.deletes,
    }
}

/// Longest form of [`Original`].
pub(crate) const ORIGINAL_BYTES_MAX: usize = 2 * varint::MAX;

/// Where the original of a copy stands, as it is written: epoch and seq. Empty if it is no copy.
struct Original {
    bytes: [u8; ORIGINAL_BYTES_MAX],
    len: usize,
}

impl Original {
    fn of(op: Op) -> Self {
        let (mut bytes, mut len) = ([0; ORIGINAL_BYTES_MAX], 0);
        if let Op::Restate(original) = op {
            len += varint::put(&mut bytes, u64::from(original.epoch.0));
            len += varint::put(&mut bytes[len..], original.seq.0);
        }
        Self { bytes, len }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

fn flags(record: &NewRecord<'_>) -> u8 {
    let mut flags = quality_bits(record.quality);
    for (set, bit) in [
        (record.kind == Kind::Event, flag::EVENT),
        (deletes(record.op), flag::DELETE),
        (matches!(record.op, Op::Restate(_)), flag::RESTATED),
        (record.source_time.is_some(), flag::SOURCE_TIME),
        (record.key.is_some(), flag::KEY),
        (record.cause.is_some(), flag::CAUSE),
    ] {
        flags |= if set { bit } else { 0 };
    }
    flags
}

/// Appends the frame of `record` to `out`.
pub(crate) fn encode(out: &mut Vec<u8>, record: &NewRecord<'_>, place: Place) {
    let received = varint::zigzag(delta(place.base, record.received));
    let source = record
        .source_time
        .map(|time| varint::zigzag(delta(record.received, time)));
    let topic = record.topic.as_bytes();
    let shorts = short_parts(record);
    let shorts_len: usize = shorts.iter().flatten().map(|part| 1 + part.len()).sum();
    let times_len = varint::len(received) + source.map_or(0, varint::len);
    let topic_len = varint::len(topic.len() as u64) + topic.len();
    let original = Original::of(record.op);
    let properties = record.properties.map(|it| it.as_bytes().as_ref());
    let properties_len = properties.map_or(0, |it| varint::len(it.len() as u64) + it.len());
    let body_len = 2
        + times_len
        + topic_len
        + original.len
        + shorts_len
        + properties_len
        + record.payload.len();

    let mut prefix = [0; PREFIX_BYTES_MAX];
    let mut at = 4;
    at += varint::put(&mut prefix[at..], u64::from(place.index));
    at += varint::put(&mut prefix[at..], body_len as u64);
    let body_at = out.len() + at;
    prefix[at] = flags(record);
    prefix[at + 1] = content_code(record.content_type) ^ properties.map_or(0, |_| WITH_PROPERTIES);
    at += 2;
    at += varint::put(&mut prefix[at..], received);
    if let Some(source) = source {
        at += varint::put(&mut prefix[at..], source);
    }
    at += varint::put(&mut prefix[at..], topic.len() as u64);

    out.reserve(at + body_len);
    let frame_at = out.len();
    out.extend_from_slice(&prefix[..at]);
    out.extend_from_slice(topic);
    out.extend_from_slice(original.as_bytes());
    for part in shorts.into_iter().flatten() {
        out.push(part.len() as u8);
        out.extend_from_slice(part);
    }
    if let Some(properties) = properties {
        let mut length = [0; varint::MAX];
        let length_len = varint::put(&mut length, properties.len() as u64);
        out.extend_from_slice(&length[..length_len]);
        out.extend_from_slice(properties);
    }
    out.extend_from_slice(record.payload);
    let checksum = crc32c::crc32c(&out[body_at..]) ^ record_mask(place.lane_key, place.seq);
    out[frame_at..frame_at + 4].copy_from_slice(&checksum.to_le_bytes());
}

/// `to - from` in microseconds, modulo 2^64: the inverse of adding it likewise.
const fn delta(from: Timestamp, to: Timestamp) -> i64 {
    to.as_micros().wrapping_sub(from.as_micros())
}

const fn shifted(from: Timestamp, delta: i64) -> Timestamp {
    Timestamp::from_micros(from.as_micros().wrapping_add(delta))
}

/// A frame whose checksum is good.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) index: u32,
    pub(crate) body_at: usize,
    pub(crate) end: usize,
}

/// What a frame at the start of `bytes` claims of itself; nothing is proven yet.
pub(crate) fn claimed(bytes: &[u8]) -> Option<Frame> {
    let (index, index_len) = varint::get(bytes.get(4..)?)?;
    let len_at = 4 + index_len;
    let (body_len, len_len) = varint::get(&bytes[len_at..])?;
    let body_at = len_at + len_len;
    let body_len = usize::try_from(body_len).ok()?;
    let end = body_at.checked_add(body_len)?;
    let plausible = body_len >= BODY_BYTES_MIN && end <= bytes.len();
    plausible.then_some(Frame {
        index: u32::try_from(index).ok()?,
        body_at,
        end,
    })
}

/// Whether the checksum of a claimed frame holds at the place `seq`.
pub(crate) fn holds(bytes: &[u8], frame: Frame, lane_key: u64, seq: Seq) -> bool {
    let Some(stored) = bytes.first_chunk::<4>() else {
        return false;
    };
    let checksum = crc32c::crc32c(&bytes[frame.body_at..frame.end]) ^ record_mask(lane_key, seq);
    checksum == u32::from_le_bytes(*stored)
}

/// Reads the fields of a body whose checksum was good. `None` if they make no record all the same:
/// another program than this crate wrote them.
pub(crate) fn decode(body: &Bytes, base: Timestamp, position: Position) -> Option<Record> {
    let mut parts = Parts { body, at: 2 };
    let (&flags, &code) = (body.first()?, body.get(1)?);
    let received = shifted(base, varint::unzigzag(parts.varint()?));
    let source_time = if flags & flag::SOURCE_TIME != 0 {
        Some(shifted(received, varint::unzigzag(parts.varint()?)))
    } else {
        None
    };
    let topic_len = usize::try_from(parts.varint()?).ok()?;
    let topic = Topic::from_bytes(parts.bytes(topic_len)?).ok()?;
    let op = op(flags, &mut parts)?;
    let has_properties = !matches!(code, 0..=4 | OTHER);
    let code = if has_properties {
        code ^ WITH_PROPERTIES
    } else {
        code
    };
    let content_type = content_type(code, &mut parts)?;
    let key = match flags & flag::KEY {
        0 => None,
        _ => Some(Key::new(parts.short()?).ok()?),
    };
    let cause = match flags & flag::CAUSE {
        0 => None,
        _ => Some(Cause::from_bytes(parts.short()?).ok()?),
    };
    let properties = if has_properties {
        let length = usize::try_from(parts.varint()?).ok()?;
        Some(Properties::from_bytes(parts.bytes(length)?).ok()?)
    } else {
        None
    };
    Some(Record {
        position,
        topic,
        kind: if flags & flag::EVENT != 0 {
            Kind::Event
        } else {
            Kind::State
        },
        op,
        quality: quality(flags)?,
        received,
        source_time,
        content_type,
        payload: body.slice(parts.at..),
        key,
        cause,
        properties,
    })
}

fn op(flags: u8, parts: &mut Parts<'_>) -> Option<Op> {
    let deletes = flags & flag::DELETE != 0;
    if flags & flag::RESTATED == 0 {
        return Some(if deletes { Op::Delete } else { Op::Put });
    }
    Some(Op::Restate(Restated {
        epoch: Epoch(u32::try_from(parts.varint()?).ok()?),
        seq: Seq(parts.varint()?),
        deletes,
    }))
}

const fn quality(flags: u8) -> Option<Quality> {
    match (flags & flag::QUALITY) >> 2 {
        0 => Some(Quality::Good),
        1 => Some(Quality::Uncertain),
        2 => Some(Quality::Bad),
        _ => None,
    }
}

fn content_type(code: u8, parts: &mut Parts<'_>) -> Option<ContentType> {
    Some(match code {
        0 => ContentType::Bytes,
        1 => ContentType::Json,
        2 => ContentType::Text,
        3 => ContentType::Cbor,
        4 => ContentType::Jpeg,
        OTHER => ContentType::other(parts.short()?).ok()?,
        _ => return None,
    })
}

/// Reads variable parts of a body as slices of the shared buffer.
struct Parts<'a> {
    body: &'a Bytes,
    at: usize,
}

impl Parts<'_> {
    fn varint(&mut self) -> Option<u64> {
        let (value, len) = varint::get(self.body.get(self.at..)?)?;
        self.at += len;
        Some(value)
    }

    fn bytes(&mut self, len: usize) -> Option<Bytes> {
        let end = self
            .at
            .checked_add(len)
            .filter(|end| *end <= self.body.len())?;
        let part = self.body.slice(self.at..end);
        self.at = end;
        Some(part)
    }

    fn short(&mut self) -> Option<Bytes> {
        let len = *self.body.get(self.at)?;
        self.at += 1;
        self.bytes(usize::from(len))
    }
}
