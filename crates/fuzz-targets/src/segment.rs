//! Fuzz target: the files of the journal. The first byte says what the rest is:
//! 0 a segment file as it is; 1 edits of a sound segment, three bytes each (offset, bits to flip);
//! 2 the body of a record whose checksum is made right; 3 a small file whose checksum is made right.

use bytes::Bytes;
use spica_journal_format::{
    Batch, BatchBuilder, BatchHeader, FooterHead, Found, Item, Ledger, Meta, PAGE_BYTES, Page,
    Scan, Secret, SegmentHeader, SegmentKeys, State, StateSlot, VERSION,
};
use spica_model::{
    ContentType, Epoch, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Timestamp, Topic,
};

const SECRET: Secret = Secret([0x5a; 16]);
const LANE: Lane = Lane::Normal;
const PLACES: u64 = 24;

/// Runs the target on one input.
///
/// # Panics
/// If reading panics, if a record is served that was not written in its place, if a change is not
/// said, or if what was read is not read again from what is written for it.
pub fn run(data: &[u8]) {
    let Some((mode, rest)) = data.split_first() else {
        return;
    };
    match mode % 4 {
        0 => file(rest),
        1 => edited(rest),
        2 => body(rest),
        _ => small(rest),
    }
}

fn keys() -> SegmentKeys {
    SECRET.segment_keys(LANE, 1)
}

fn file(bytes: &[u8]) {
    let salt = keys().salt;
    let page = Page::decode(bytes, salt);
    if let Some(seal) = page.ok().and_then(|page| page.seal.good()) {
        footer(bytes, seal.footer_offset, salt);
    }
    footer(bytes, 0, salt);
    let (records, _) = scan(bytes);
    records.iter().for_each(written_is_read);
}

fn footer(bytes: &[u8], offset: u64, salt: u64) {
    let footer = usize::try_from(offset)
        .ok()
        .and_then(|at| bytes.get(at..))
        .unwrap_or_default();
    let Some(head) = FooterHead::decode(footer, salt) else {
        return;
    };
    let part = |(at, len): (u64, u64)| {
        let at = usize::try_from(at).ok()?;
        footer.get(at..at.checked_add(usize::try_from(len).ok()?)?)
    };
    let _ = head
        .index_span()
        .and_then(part)
        .map(|bytes| head.index(bytes));
    let _ = head
        .keys_span()
        .and_then(part)
        .map(|bytes| head.keys(bytes, Seq(1)));
}

/// The records of a file, and whether anything is said to be damaged or missing.
fn scan(bytes: &[u8]) -> (Vec<Record>, bool) {
    let bytes = Bytes::copy_from_slice(bytes);
    let (mut records, mut said) = (Vec::new(), false);
    for found in Scan::new(bytes, LANE, keys(), PAGE_BYTES as u64) {
        match found {
            Found::Batch(batch) => said |= !batch_records(batch, &mut records),
            Found::Damaged { offset, end } => {
                assert!(offset < end, "damage of no bytes");
                said = true;
            }
            Found::End { .. } => {}
        }
    }
    (records, said)
}

/// Reads a batch; says whether it is whole. Its items cover its places, in order.
pub(crate) fn batch_records(batch: Batch, records: &mut Vec<Record>) -> bool {
    let header = batch.header;
    let mut next = header.first;
    let mut whole = true;
    // A header that was made up may promise billions of records.
    for item in batch.records().take(100_000) {
        next = match item {
            Item::Record(record) => {
                assert_eq!(record.position.seq, next);
                let next = next.next();
                records.push(record);
                next
            }
            Item::Damaged { from, to, .. } => {
                assert!(from == next && to >= from);
                whole = false;
                Seq(to.0.saturating_add(1))
            }
        };
    }
    whole
}

fn written_is_read(record: &Record) {
    let mut builder = BatchBuilder::default();
    builder.start(record.position.seq, record.position.epoch, Timestamp::EPOCH);
    builder.push(&record.as_new(), keys().lane_key);
    let (_, bytes) = builder.finish(keys(), 0);
    let bytes = Bytes::copy_from_slice(bytes);
    let batch = Batch::at_start_of(&bytes, LANE, keys(), 0);
    let items: Vec<_> = batch
        .map(|batch| batch.records().collect())
        .unwrap_or_default();
    assert_eq!(
        items,
        [Item::Record(record.clone())],
        "a record has two forms"
    );
}

/// A sound segment, and where its batches end.
fn sound() -> (Vec<u8>, usize) {
    let header = SegmentHeader {
        version: VERSION,
        lane: LANE,
        fresh: true,
        epoch: Epoch::FIRST,
        secret: SECRET,
        number: 1,
        first: Seq(1),
        created: Timestamp::EPOCH,
        file_bytes: 8_192,
    };
    let mut file = header.page();
    let mut builder = BatchBuilder::default();
    for first in (1..PLACES).step_by(4) {
        builder.start(Seq(first), Epoch::FIRST, Timestamp::EPOCH);
        for number in first..first + 4 {
            with_record(number, |record| builder.push(record, keys().lane_key));
        }
        let (_, bytes) = builder.finish(keys(), file.len() as u64);
        file.extend_from_slice(bytes);
    }
    let end = file.len();
    file.resize(8_192, 0);
    (file, end)
}

fn with_record<T>(number: u64, with: impl FnOnce(&NewRecord<'_>) -> T) -> Option<T> {
    let topic = Topic::new(format!("root/t/{number}")).ok()?;
    let payload = vec![number as u8; number as usize];
    Some(with(&NewRecord {
        topic: &topic,
        kind: Kind::Event,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::from_secs(number as u32),
        source_time: None,
        content_type: &ContentType::Bytes,
        payload: &payload,
        key: None,
        cause: None,
        properties: None,
    }))
}

fn edited(edits: &[u8]) {
    let (whole, end) = sound();
    let mut file = whole.clone();
    for edit in edits.as_chunks::<3>().0 {
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % file.len();
        file[at] ^= edit[2];
    }
    let (records, said) = scan(&file);
    let (written, _) = scan(&whole);
    for record in &records {
        assert!(written.contains(record), "{record:?} was never written");
    }
    let changed = file[PAGE_BYTES..end] != whole[PAGE_BYTES..end];
    let told = said || records.len() < written.len();
    assert_eq!(told, changed, "a change that nobody says");
}

fn body(body: &[u8]) {
    let mut builder = BatchBuilder::default();
    builder.start(Seq(1), Epoch::FIRST, Timestamp::EPOCH);
    let keys = keys();
    if with_record(1, |record| builder.push(record, keys.lane_key)).is_none() {
        return;
    }
    let (header, bytes) = builder.finish(keys, 0);
    let frame = &bytes[BatchHeader::BYTES..];
    // Frame: checksum 4, index 1, length 1, body. The mask of the place is in the checksum.
    let stored = u32::from_le_bytes([frame[0], frame[1], frame[2], frame[3]]);
    let mask = stored ^ crc32c::crc32c(&frame[6..]);
    let body = &body[..body.len().min(127)];
    let mut made = (crc32c::crc32c(body) ^ mask).to_le_bytes().to_vec();
    made.extend_from_slice(&[0, body.len() as u8]);
    made.extend_from_slice(body);
    let header = BatchHeader {
        body_bytes: made.len() as u32,
        ..header
    };
    let batch = Batch::new(header, 0, Bytes::from(made), LANE, keys);
    let mut records = Vec::new();
    batch_records(batch, &mut records);
    records.iter().for_each(written_is_read);
}

fn small(bytes: &[u8]) {
    let mut bytes = bytes.to_vec();
    bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
    if let Ok(meta) = Meta::decode(&bytes) {
        assert_eq!(Meta::decode(&meta.encode()), Ok(meta));
    }
    if let Ok(ledger) = Ledger::decode(&bytes) {
        assert_eq!(Ledger::decode(&ledger.encode()), Ok(ledger));
    }
    if let Ok(StateSlot::Good(state)) = State::decode(&bytes)
        && state.cursors.len() <= State::CURSORS_MAX
        && state.reigns.len() <= State::REIGNS_MAX
    {
        assert_eq!(State::decode(&state.encode()), Ok(StateSlot::Good(state)));
    }
}
