//! Records and segments to test with.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, reason = "tests fail by it")]

use bytes::Bytes;
use spica_journal_format::{
    Batch, BatchBuilder, BatchHeader, BatchKind, Footer, IndexEntry, Item, KeyEntry, PAGE_BYTES,
    Seal, Secret, SegmentHeader, TimeRange, VERSION,
};
use spica_model::{
    Cause, ContentType, Epoch, Key, Kind, Lane, Op, Position, Properties, Property, Quality,
    Record, Seq, Timestamp, Topic,
};

pub(crate) const SECRET: Secret = Secret(*b"a secret of test");
pub(crate) const LANE: Lane = Lane::Critical;
pub(crate) const NUMBER: u64 = 7;

/// The record with this number: every field has many values over the numbers.
pub(crate) fn record(number: u64) -> Record {
    let key = (number.is_multiple_of(3)).then(|| Key::new(number.to_le_bytes().to_vec()).unwrap());
    let other = ContentType::parse("application/vnd.test+cbor").unwrap();
    let types = [
        ContentType::Bytes,
        ContentType::Json,
        ContentType::Jpeg,
        other,
    ];
    Record {
        position: Position {
            epoch: Epoch(3),
            lane: LANE,
            seq: Seq(number),
        },
        topic: Topic::new(format!("root/devices/{:07}/events", number * 31 % 97)).unwrap(),
        kind: if number.is_multiple_of(2) {
            Kind::State
        } else {
            Kind::Event
        },
        op: if number.is_multiple_of(11) {
            Op::Delete
        } else {
            Op::Put
        },
        quality: [Quality::Good, Quality::Uncertain, Quality::Bad][number as usize % 3],
        received: Timestamp::from_micros(1_795_323_683_000_000 + number as i64 * 7_919),
        source_time: (!number.is_multiple_of(4)).then(|| Timestamp::from_secs(number as u32)),
        content_type: types[number as usize % 4].clone(),
        payload: Bytes::from(vec![number as u8; (number * 37 % 200) as usize]),
        key,
        cause: (number.is_multiple_of(5))
            .then(|| Cause::new(format!("record:3/normal/{number}")).unwrap()),
        properties: (number % 7 == 2)
            .then(|| Properties::new([Property::Expiry(number as u32), Property::Text]).unwrap())
            .flatten(),
    }
}

/// A batch of these records as it stands at `offset`.
pub(crate) fn batch(records: &[Record], offset: u64) -> (BatchHeader, Vec<u8>) {
    let first = &records[0];
    let mut builder = BatchBuilder::default();
    builder.start(first.position.seq, first.position.epoch, first.received);
    for record in records {
        builder.push(&record.as_new(), SECRET.lane_key(LANE));
    }
    let (header, bytes) = builder.finish(SECRET.segment_keys(LANE, NUMBER), offset);
    (header, bytes.to_vec())
}

pub(crate) fn decode(bytes: Vec<u8>, offset: u64) -> Option<Batch> {
    let keys = SECRET.segment_keys(LANE, NUMBER);
    Batch::at_start_of(&Bytes::from(bytes), LANE, keys, offset)
}

/// The good records of a batch, and how many were said to be damaged; asserts that together they
/// are all of them, in order.
pub(crate) fn read(batch: Batch) -> (Vec<Record>, u64) {
    let header = batch.header;
    let (mut good, mut damaged, mut next) = (Vec::new(), 0, header.first);
    for item in batch.records() {
        match item {
            Item::Record(record) => {
                assert_eq!(record.position.seq, next);
                next = next.next();
                good.push(record);
            }
            Item::Damaged { from, to, .. } => {
                assert_eq!(from, next);
                damaged += to.0 - from.0 + 1;
                next = to.next();
            }
        }
    }
    assert_eq!(next, header.next());
    (good, damaged)
}

/// Between which times the records were received.
fn times(records: &[Record]) -> TimeRange {
    let mut times = TimeRange::NONE;
    for record in records {
        times.add(record.received);
    }
    times
}

/// A sealed segment of records 1 to 40, in batches of 1, 2, 3, …, with marks between them.
pub(crate) fn segment() -> Vec<u8> {
    let keys = SECRET.segment_keys(LANE, NUMBER);
    let file_bytes = 16 << 10;
    let header = SegmentHeader {
        version: VERSION,
        lane: LANE,
        fresh: true,
        epoch: Epoch(3),
        secret: SECRET,
        number: NUMBER,
        first: Seq(1),
        created: record(1).received,
        file_bytes,
    };
    let mut file = header.page();
    let mut footer = Footer::default();
    let mut next = 1;
    for size in 1..=8 {
        let records: Vec<_> = (next..next + size).map(record).collect();
        let offset = file.len() as u64;
        let (header, bytes) = batch(&records, offset);
        file.extend_from_slice(&bytes);
        footer.index.push(IndexEntry {
            first: header.first,
            offset,
            received: times(&records),
        });
        footer.keys.extend(records.iter().filter_map(|record| {
            let hash = SECRET.hash_key(record.key.as_ref()?.as_bytes());
            Some(KeyEntry::new(hash, record.position.seq, record.received))
        }));
        next += size;
        let mark = BatchHeader {
            kind: if size == 8 {
                BatchKind::Close
            } else {
                BatchKind::Mark
            },
            body_bytes: 0,
            count: 0,
            first: Seq(next),
            epoch: Epoch(3),
            base: Timestamp::EPOCH,
        };
        file.extend_from_slice(&mark.encode(keys, file.len() as u64));
    }
    let data_end = file.len() as u64;
    let footer = footer.encode(keys.salt, Seq(1));
    let seal = Seal {
        data_end,
        last: Seq(next - 1),
        records: next - 1,
        footer_offset: file_bytes - footer.len() as u64,
        footer_bytes: footer.len() as u64,
        received: times(&(1..next).map(record).collect::<Vec<_>>()),
    };
    file.resize(file_bytes as usize - footer.len(), 0);
    file.extend_from_slice(&footer);
    let at = Seal::OFFSET as usize;
    let seal = seal.encode(keys.salt);
    file[at..at + seal.len()].copy_from_slice(&seal);
    assert!(at + seal.len() <= PAGE_BYTES);
    file
}
