//! Batches: what goes in comes out, and nothing else does.
#![expect(clippy::unwrap_used, reason = "tests fail by it")]

mod common;

use common::{LANE, NUMBER, SECRET, batch, decode, read, record};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use spica_journal_format::{BatchBuilder, BatchHeader, TimeRange, record_bytes_max};
use spica_model::{
    Cause, ContentType, Epoch, Key, Kind, Op, Position, Quality, Record, Restated, Seq, Timestamp,
    Topic,
};

prop_compose! {
    fn any_record()(
        topic in "[a-zA-Z0-9/åß_-]{1,60}",
        (event, delete, quality) in (any::<bool>(), any::<bool>(), 0..3_usize),
        received in any::<i64>(),
        source in option::of(any::<i64>()),
        content in 0..6_usize,
        payload in vec(any::<u8>(), 0..600),
        key in option::of(vec(any::<u8>(), 1..=128)),
        cause in option::of("[ -~]{1,255}"),
        original in option::of((any::<u32>(), any::<u64>())),
    ) -> Record {
        let types = [
            ContentType::Bytes, ContentType::Json, ContentType::Text, ContentType::Cbor,
            ContentType::Jpeg, ContentType::parse("text/x-other; a=b").unwrap(),
        ];
        Record {
            position: Position { epoch: Epoch(3), lane: LANE, seq: Seq(0) },
            topic: Topic::new(topic).unwrap(),
            kind: if event { Kind::Event } else { Kind::State },
            op: match original {
                Some((epoch, seq)) => {
                    Op::Restate(Restated { epoch: Epoch(epoch), seq: Seq(seq), deletes: delete })
                }
                None if delete => Op::Delete,
                None => Op::Put,
            },
            quality: [Quality::Good, Quality::Uncertain, Quality::Bad][quality],
            received: Timestamp::from_micros(received),
            source_time: source.map(Timestamp::from_micros),
            content_type: types[content].clone(),
            payload: payload.into(),
            key: key.map(|key| Key::new(key).unwrap()),
            cause: cause.map(|cause| Cause::new(cause).unwrap()),
            properties: None,
        }
    }
}

fn placed(mut records: Vec<Record>, first: u64) -> Vec<Record> {
    for (seq, record) in (first..).zip(&mut records) {
        record.position.seq = Seq(seq);
    }
    records
}

proptest! {
    #[test]
    fn every_record_reads_back(records in vec(any_record(), 1..20), first in 1..u64::MAX / 2, offset: u64) {
        let records = placed(records, first);
        let (header, bytes) = batch(&records, offset);
        prop_assert_eq!(header.total_bytes(), bytes.len() as u64);
        let decoded = decode(bytes, offset).unwrap();
        prop_assert_eq!(decoded.header, header);
        prop_assert!(decoded.is_whole());
        prop_assert_eq!(read(decoded), (records, 0));
    }

    #[test]
    fn a_record_takes_no_more_than_was_said(record in any_record()) {
        let mut builder = BatchBuilder::default();
        builder.start(Seq(1), Epoch::FIRST, Timestamp::EPOCH);
        let before = builder.len();
        builder.push(&record.as_new(), 1);
        prop_assert!(builder.len() - before <= record_bytes_max(&record.as_new()));
    }

    /// Whatever is overwritten, what is served is what was written, in its place.
    #[test]
    fn overwritten_bytes_are_never_served(
        at in 0..4_000_usize,
        junk in vec(any::<u8>(), 1..300),
    ) {
        let records: Vec<_> = (100..130).map(record).collect();
        let (_, bytes) = batch(&records, 8_192);
        let mut changed = bytes.clone();
        let at = at % bytes.len();
        let end = (at + junk.len()).min(bytes.len());
        changed[at..end].copy_from_slice(&junk[..end - at]);
        let Some(decoded) = decode(changed.clone(), 8_192) else { return Ok(()) };
        let (good, damaged) = read(decoded);
        prop_assert_eq!(good.len() as u64 + damaged, 30);
        prop_assert_eq!(damaged > 0, changed != bytes);
        for record in good {
            prop_assert_eq!(&record, &records[record.position.seq.0 as usize - 100]);
        }
    }

    #[test]
    fn garbage_is_no_batch(bytes in vec(any::<u8>(), 0..200), offset: u64) {
        prop_assert!(decode(bytes, offset).is_none());
    }
}

#[test]
fn every_flipped_bit_is_found_and_costs_one_record_or_the_header() {
    let records: Vec<_> = (100..112).map(record).collect();
    let (_, bytes) = batch(&records, 4_096);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let decoded = decode(changed, 4_096);
        if bit / 8 < BatchHeader::BYTES {
            assert!(decoded.is_none(), "bit {bit} of the header");
            continue;
        }
        let decoded = decoded.expect("a good header");
        assert!(!decoded.is_whole(), "bit {bit}");
        let (good, damaged) = read(decoded);
        assert_eq!(damaged, 1, "bit {bit}");
        for record in good {
            assert_eq!(
                record,
                records[record.position.seq.0 as usize - 100],
                "bit {bit}"
            );
        }
    }
}

#[test]
fn a_batch_holds_in_its_own_place_only() {
    let records: Vec<_> = (100..103).map(record).collect();
    let (_, bytes) = batch(&records, 4_096);
    assert!(decode(bytes.clone(), 4_097).is_none(), "another offset");
    let keys = SECRET.segment_keys(LANE, NUMBER + 1);
    assert!(
        BatchHeader::decode(&bytes, keys, 4_096).is_none(),
        "another segment"
    );
    assert!(
        decode(bytes[..bytes.len() - 1].to_vec(), 4_096).is_none(),
        "cut short"
    );
    // The same records under another first place, with a header that is right.
    let moved: Vec<_> = placed(records, 200);
    let (_, other) = batch(&moved, 4_096);
    let mut mixed = other[..BatchHeader::BYTES].to_vec();
    mixed.extend_from_slice(&bytes[BatchHeader::BYTES..]);
    let (good, damaged) = read(decode(mixed, 4_096).unwrap());
    assert_eq!((good.len(), damaged), (0, 3), "records of another place");
}

#[test]
fn a_batch_that_ends_earlier_is_a_new_header_before_the_same_bytes() {
    let records: Vec<_> = (100..110).map(record).collect();
    let (_, bytes) = batch(&records, 8_192);
    let whole = decode(bytes.clone(), 8_192).unwrap();
    for kept in 1..=10 {
        let header = whole.header_up_to(Seq(99 + kept as u64)).unwrap();
        let mut shorter = header
            .encode(SECRET.segment_keys(LANE, NUMBER), 8_192)
            .to_vec();
        shorter.extend(&bytes[BatchHeader::BYTES..header.total_bytes() as usize]);
        assert_eq!(shorter, batch(&records[..kept], 8_192).1);
    }
    for outside in [99, 110] {
        assert_eq!(whole.header_up_to(Seq(outside)), None);
    }
    let mut damaged = bytes;
    let in_104 = whole.header_up_to(Seq(104)).unwrap().total_bytes() as usize - 1;
    damaged[in_104] ^= 1;
    let damaged = decode(damaged, 8_192).unwrap();
    assert_eq!(
        damaged.header_up_to(Seq(104)),
        None,
        "nothing good ends there"
    );
    assert_eq!(
        damaged.header_up_to(Seq(105)),
        whole.header_up_to(Seq(105)),
        "damage before the end stays where it is"
    );
}

#[test]
fn skipping_goes_to_the_place_or_to_the_damage_before_it() {
    let records: Vec<_> = (100..120).map(record).collect();
    let (_, mut bytes) = batch(&records, 0);
    for seq in 100..=120 {
        let mut from = decode(bytes.clone(), 0).unwrap().records();
        from.skip_to(Seq(seq));
        assert_eq!(from.next_seq(), Seq(seq));
        assert_eq!(from.count() as u64, 120 - seq);
    }
    // The first record's frame: its bytes are all wrong, the others hold.
    for byte in &mut bytes[BatchHeader::BYTES..BatchHeader::BYTES + 20] {
        *byte = !*byte;
    }
    let mut from = decode(bytes, 0).unwrap().records();
    from.skip_to(Seq(105));
    assert_eq!(from.next_seq(), Seq(105));
    assert_eq!(from.count(), 15);
}

#[test]
fn copies_are_no_part_of_the_times_of_a_batch() {
    let (old, new) = (Timestamp::from_secs(5), Timestamp::from_secs(900));
    let at = |received| Record {
        received,
        ..record(1)
    };
    let (restated, fresh) = (at(old), at(new));
    let mut builder = BatchBuilder::default();
    builder.start(Seq(1), Epoch::FIRST, old);
    builder.push(&restated.restated(), 1);
    assert_eq!(builder.received(), TimeRange::NONE);
    builder.push(&fresh.as_new(), 1);
    let (earliest, latest) = (new, new);
    assert_eq!(builder.received(), TimeRange { earliest, latest });
}

#[test]
fn a_small_record_costs_little() {
    let mut builder = BatchBuilder::default();
    let record = Record {
        topic: Topic::new("root/devices/0012345/events/man-down").unwrap(),
        payload: vec![7; 128].into(),
        key: None,
        cause: None,
        content_type: ContentType::Json,
        ..record(1)
    };
    builder.start(Seq(1), Epoch::FIRST, record.received);
    for _ in 0..1_000 {
        builder.push(&record.as_new(), 1);
    }
    let each = builder.len() / 1_000;
    assert!(
        each < 185,
        "{each} bytes for 128 of payload and 36 of topic"
    );
}
