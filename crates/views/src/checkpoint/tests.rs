//! The bytes of rows and marks, and what follows a write that failed.

use bytes::Bytes;
use proptest::prelude::*;
use redb::TableDefinition;
use spica_model::{
    Cause, ContentType, Epoch, Key, Kind, Lane, Op, Position, Properties, Quality, Record,
    Restated, Seq, Timestamp, Topic,
};
use spica_state::{Change, Limits};

use super::codec::{decode, decode_mark, encode, encode_mark};
use super::{Job, Mark, Store};

prop_compose! {
    fn records()(
        (lane, kind, quality) in (0usize..2, any::<bool>(), 0usize..3),
        (deletes, original) in (any::<bool>(), any::<Option<(u32, u64)>>()),
        (epoch, seq) in (any::<u32>(), any::<u64>()),
        (received, source_time) in (any::<i64>(), any::<Option<u32>>()),
        content_type in prop::sample::select(vec!["application/json", "image/png; q=1"]),
        payload in any::<Vec<u8>>(),
        key in prop::option::of(prop::collection::vec(any::<u8>(), 1..=128)),
        cause in prop::option::of("[a-z\u{e9}]{1,127}"),
        properties in prop::option::of(prop::collection::vec(any::<u8>(), 1..=600)),
    ) -> Record {
        Record {
            position: Position { epoch: Epoch(epoch), lane: Lane::ALL[lane], seq: Seq(seq) },
            topic: topic(),
            kind: if kind { Kind::State } else { Kind::Event },
            op: match original {
                Some((epoch, seq)) => {
                    Op::Restate(Restated { epoch: Epoch(epoch), seq: Seq(seq), deletes })
                }
                None if deletes => Op::Delete,
                None => Op::Put,
            },
            quality: [Quality::Good, Quality::Uncertain, Quality::Bad][quality],
            received: Timestamp::from_micros(received),
            source_time: source_time.map(Timestamp::from_secs),
            content_type: ContentType::parse(content_type).unwrap(),
            payload: payload.into(),
            key: key.map(|key| Key::new(key).unwrap()),
            cause: cause.map(|cause| Cause::new(cause).unwrap()),
            properties: properties.map(|it| Properties::from_bytes(it).unwrap()),
        }
    }
}

fn topic() -> Topic {
    Topic::new("root/a").unwrap()
}

proptest! {
    #[test]
    fn rows_read_back(records in prop::collection::vec(records(), 1..3)) {
        let row = Bytes::from(encode(&topic(), &records));
        prop_assert_eq!(decode(&topic(), row.clone()), Some(records));
        let elsewhere = Topic::new("root/b").unwrap();
        prop_assert_eq!(decode(&elsewhere, row), None, "a row belongs to its topic");
    }

    #[test]
    fn a_changed_bit_is_found(record in records(), at: prop::sample::Index, bit in 0u8..8) {
        let mut row = encode(&topic(), [&record]);
        let at = at.index(row.len());
        row[at] ^= 1 << bit;
        prop_assert_eq!(decode(&topic(), row.into()), None);
    }

    #[test]
    fn no_bytes_crash_the_reader(mut row: Vec<u8>) {
        // With a checksum that is right, so that the rest is looked at.
        if row.len() > 4 {
            let sum = crc32c::crc32c_append(crc32c::crc32c(topic().as_bytes()), &row[4..]);
            row[..4].copy_from_slice(&sum.to_le_bytes());
        }
        let _ = decode(&topic(), row.clone().into());
        let sum = crc32c::crc32c(&row);
        row.extend_from_slice(&sum.to_le_bytes());
        let _ = decode_mark(row.into());
    }

    #[test]
    fn marks_read_back(seq: u64, last in prop::option::of(records())) {
        let mark = Mark { seq: Seq(seq), last };
        let row = encode_mark(&mark);
        prop_assert_eq!(decode_mark(row.clone().into()), Some(mark));
        prop_assert_eq!(decode_mark(Bytes::from(row).slice(1..)), None);
    }
}

fn job(seq: u64, topics: &[&str]) -> Job {
    let change = |name: &&str| {
        let topic = Topic::new(*name).unwrap();
        let record = Record {
            position: Position {
                epoch: Epoch::FIRST,
                lane: Lane::Normal,
                seq: Seq(seq),
            },
            topic: topic.clone(),
            kind: Kind::State,
            op: Op::Put,
            quality: Quality::Good,
            received: Timestamp::EPOCH,
            source_time: None,
            content_type: ContentType::Bytes,
            payload: Bytes::new(),
            key: None,
            cause: None,
            properties: None,
        };
        let records = vec![record];
        Change { topic, records }
    };
    let mark = Mark {
        seq: Seq(seq),
        last: None,
    };
    Job {
        changes: topics.iter().map(change).collect(),
        marks: [Mark::default(), mark],
    }
}

#[test]
fn after_a_failed_write_a_new_file_with_everything_takes_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("views.redb");
    // A table of another type in the way lets the write fail.
    let database = redb::Database::create(&path).unwrap();
    let writing = database.begin_write().unwrap();
    let meta = TableDefinition::<u64, u64>::new("meta");
    writing.open_table(meta).unwrap();
    writing.commit().unwrap();
    drop(database);

    let store = Store::open(&path).unwrap();
    assert!(!store.wants_everything());
    assert!(store.save(&job(1, &["a"])).is_err());
    assert!(store.wants_everything());
    assert!(store.load(Limits::default()).is_err());

    let away = dir.path().with_added_extension("away");
    std::fs::rename(dir.path(), &away).unwrap();
    assert!(store.save(&job(1, &["a"])).is_err(), "no directory");
    std::fs::rename(&away, dir.path()).unwrap();

    store.save(&job(2, &["a", "b"])).unwrap();
    assert!(!store.wants_everything());
    store.save(&job(3, &["c"])).unwrap();
    drop(store);
    let loaded = Store::open(&path).unwrap().load(Limits::default()).unwrap();
    assert_eq!((loaded.tree.topics(), loaded.marks[1].seq), (3, Seq(3)));
}
