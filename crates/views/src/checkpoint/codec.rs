//! How records look in a checkpoint. Little-endian throughout.
//!
//! A row: `u32` crc32c of the topic and all that follows, then each record of the topic:
//!
//! | field | bytes |
//! |---|---|
//! | length of the rest of the record | 4 |
//! | lane (0 critical, 1 normal), kind, op, quality, as in the order of their definition (an op of 2 or 3 is a restated put or delete) | 4 |
//! | epoch, sequence | 4 + 8 |
//! | received, source time (`i64::MIN`: none), in microseconds | 8 + 8 |
//! | lengths of content type, key and cause (0: none) | 3 |
//! | length of the properties (0: none) | 2 |
//! | content type, key, cause, properties | |
//! | epoch, sequence of the original, if it is restated | 4 + 8 |
//! | payload | |

use bytes::{Buf, BufMut, Bytes};
use spica_model::{
    Cause, ContentType, Epoch, Key, Kind, Lane, Op, Position, Properties, Quality, Record,
    Restated, Seq, Timestamp, Topic,
};

const NO_SOURCE_TIME: i64 = i64::MIN;
const KINDS: [Kind; 2] = [Kind::State, Kind::Event];
const QUALITIES: [Quality; 3] = [Quality::Good, Quality::Uncertain, Quality::Bad];

/// Bytes of a record before its texts and payload.
const FIXED_BYTES: usize = 4 + 4 + 8 + 8 + 8 + 3 + 2;
/// Bytes of the place of a copy's original.
const ORIGINAL_BYTES: usize = 4 + 8;

/// The row of a topic.
pub(super) fn encode<'a>(topic: &Topic, records: impl IntoIterator<Item = &'a Record>) -> Vec<u8> {
    let mut row = vec![0; 4];
    for record in records {
        encode_record(&mut row, record);
    }
    let sum = checksum(topic, &row[4..]);
    row[..4].copy_from_slice(&sum.to_le_bytes());
    row
}

/// The records of a row, or `None` if it is damaged.
pub(super) fn decode(topic: &Topic, mut row: Bytes) -> Option<Vec<Record>> {
    let sum = row.try_get_u32_le().ok()?;
    if sum != checksum(topic, &row) {
        return None;
    }
    let mut records = Vec::with_capacity(1);
    while row.has_remaining() {
        let len = usize::try_from(row.try_get_u32_le().ok()?).ok()?;
        if len > row.len() {
            return None;
        }
        records.push(decode_record(topic, row.split_to(len))?);
    }
    Some(records)
}

/// How far a lane is folded in, with the record that stands there.
pub(super) fn encode_mark(mark: &super::Mark) -> Vec<u8> {
    let mut row = mark.seq.0.to_le_bytes().to_vec();
    if let Some(record) = &mark.last {
        let topic = record.topic.as_bytes();
        row.put_u16_le(u16::try_from(topic.len()).unwrap_or(u16::MAX));
        row.extend_from_slice(topic);
        row.extend_from_slice(&encode(&record.topic, [record]));
    }
    let sum = crc32c::crc32c(&row);
    row.put_u32_le(sum);
    row
}

/// The inverse of [`encode_mark`], or `None` if the bytes are damaged.
pub(super) fn decode_mark(mut row: Bytes) -> Option<super::Mark> {
    let mut sum = row.split_off(row.len().checked_sub(4)?);
    if sum.get_u32_le() != crc32c::crc32c(&row) {
        return None;
    }
    let seq = Seq(row.try_get_u64_le().ok()?);
    if !row.has_remaining() {
        return Some(super::Mark { seq, last: None });
    }
    let len = usize::from(row.try_get_u16_le().ok()?);
    if len > row.len() {
        return None;
    }
    let topic = Topic::from_bytes(row.split_to(len)).ok()?;
    let last = decode(&topic, row)?.pop();
    Some(super::Mark { seq, last })
}

fn checksum(topic: &Topic, records: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(topic.as_bytes()), records)
}

fn encode_record(row: &mut Vec<u8>, record: &Record) {
    let content_type = record.content_type.as_str().as_bytes();
    let key = record.key.as_ref().map_or(&[][..], |key| key.as_bytes());
    let cause = record.cause.as_ref().map_or("", Cause::as_str).as_bytes();
    let texts = [content_type, key, cause];
    let properties = record.properties.as_ref();
    let properties = properties.map_or(&[][..], |it| it.as_bytes());
    let original = record.is_restated().then_some(record.origin());
    let original_len = original.map_or(0, |_| ORIGINAL_BYTES);
    let texts_len = texts.map(<[u8]>::len).iter().sum::<usize>();
    let len = FIXED_BYTES + texts_len + properties.len() + original_len + record.payload.len();
    row.put_u32_le(u32::try_from(len).unwrap_or(u32::MAX));
    row.put_u8(byte(record.position.lane.index()));
    row.put_u8(byte(record.kind as usize));
    row.put_u8(op_code(record.op));
    row.put_u8(byte(record.quality as usize));
    row.put_u32_le(record.position.epoch.0);
    row.put_u64_le(record.position.seq.0);
    row.put_i64_le(record.received.as_micros());
    row.put_i64_le(
        record
            .source_time
            .map_or(NO_SOURCE_TIME, Timestamp::as_micros),
    );
    for text in texts {
        row.put_u8(byte(text.len()));
    }
    // Its limit is below 65,536.
    row.put_u16_le(u16::try_from(properties.len()).unwrap_or(u16::MAX));
    for text in texts {
        row.extend_from_slice(text);
    }
    row.extend_from_slice(properties);
    if let Some(original) = original {
        row.put_u32_le(original.epoch.0);
        row.put_u64_le(original.seq.0);
    }
    row.extend_from_slice(&record.payload);
}

const fn op_code(op: Op) -> u8 {
    match op {
        Op::Put => 0,
        Op::Delete => 1,
        Op::Restate(Restated { deletes: false, .. }) => 2,
        Op::Restate(Restated { deletes: true, .. }) => 3,
    }
}

/// Reads what an op says beyond its code.
fn decode_op(code: u8, from: &mut Bytes) -> Option<Op> {
    Some(match code {
        0 => Op::Put,
        1 => Op::Delete,
        2 | 3 => Op::Restate(Restated {
            epoch: Epoch(from.try_get_u32_le().ok()?),
            seq: Seq(from.try_get_u64_le().ok()?),
            deletes: code == 3,
        }),
        _ => return None,
    })
}

/// A number that the limits of records keep below 256.
fn byte(number: usize) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn decode_record(topic: &Topic, mut from: Bytes) -> Option<Record> {
    if from.len() < FIXED_BYTES {
        return None;
    }
    let lane = *Lane::ALL.get(usize::from(from.get_u8()))?;
    let kind = *KINDS.get(usize::from(from.get_u8()))?;
    let op = from.get_u8();
    let quality = *QUALITIES.get(usize::from(from.get_u8()))?;
    let position = Position {
        epoch: Epoch(from.get_u32_le()),
        lane,
        seq: Seq(from.get_u64_le()),
    };
    let received = Timestamp::from_micros(from.get_i64_le());
    let source_time = Some(from.get_i64_le()).filter(|micros| *micros != NO_SOURCE_TIME);
    let lengths = [from.get_u8(), from.get_u8(), from.get_u8()].map(usize::from);
    let properties_len = usize::from(from.get_u16_le());
    if lengths.iter().sum::<usize>() + properties_len > from.len() {
        return None;
    }
    let [content_type, key, cause] = lengths.map(|len| from.split_to(len));
    let properties = from.split_to(properties_len);
    let op = decode_op(op, &mut from)?;
    Some(Record {
        position,
        topic: topic.clone(),
        kind,
        op,
        quality,
        received,
        source_time: source_time.map(Timestamp::from_micros),
        content_type: ContentType::parse(std::str::from_utf8(&content_type).ok()?).ok()?,
        payload: from,
        key: some(key).map(Key::new).transpose().ok()?,
        cause: some(cause).map(Cause::from_bytes).transpose().ok()?,
        properties: some(properties)
            .map(Properties::from_bytes)
            .transpose()
            .ok()?,
    })
}

fn some(bytes: Bytes) -> Option<Bytes> {
    Some(bytes).filter(|bytes| !bytes.is_empty())
}
