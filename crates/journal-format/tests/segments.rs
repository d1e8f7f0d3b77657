//! Whole segments, and the small files beside them: every flipped bit is found.

mod common;

use bytes::Bytes;
use common::{LANE, NUMBER, SECRET, record, segment};
use spica_journal_format::{
    BatchKind, CursorEntry, FooterHead, FormatError, Found, Item, Ledger, Lost, Meta, PAGE_BYTES,
    Page, Scan, Slot, State, StateSlot, TimeRange, VERSION, next_batch,
};
use spica_model::{Epoch, Record, Seq, Timestamp};

/// What a scan finds: records, ranges of bytes that are no batch, and where it ends.
fn scan(file: &[u8]) -> (Vec<Record>, u64, Vec<(u64, u64)>, u64) {
    let keys = SECRET.segment_keys(LANE, NUMBER);
    let (mut records, mut damaged, mut gaps, mut end) = (Vec::new(), 0, Vec::new(), 0);
    for found in Scan::new(Bytes::copy_from_slice(file), LANE, keys, PAGE_BYTES as u64) {
        match found {
            Found::Batch(batch) => {
                for item in batch.records() {
                    match item {
                        Item::Record(record) => records.push(record),
                        Item::Damaged { from, to, .. } => damaged += to.0 - from.0 + 1,
                    }
                }
            }
            Found::Damaged { offset, end } => gaps.push((offset, end)),
            Found::End { offset } => end = offset,
        }
    }
    (records, damaged, gaps, end)
}

#[test]
fn a_segment_says_what_it_is_and_where_everything_stands() {
    let file = segment();
    let keys = SECRET.segment_keys(LANE, NUMBER);
    let page = Page::decode(&file[..PAGE_BYTES], keys.salt).unwrap();
    let header = page.header.good().unwrap();
    assert_eq!(
        (header.number, header.first, header.epoch),
        (NUMBER, Seq(1), Epoch(3))
    );
    assert_eq!(header.secret, SECRET);
    let seal = page.seal.good().unwrap();
    let footer = &file[seal.footer_offset as usize..][..seal.footer_bytes as usize];
    let head = FooterHead::decode(footer, keys.salt).unwrap();
    let part = |(at, len): (u64, u64)| &footer[at as usize..(at + len) as usize];
    let index = head.index(part(head.index_span().unwrap())).unwrap();
    let firsts: Vec<_> = index.iter().map(|entry| entry.first.0).collect();
    assert_eq!(firsts, [1, 2, 4, 7, 11, 16, 22, 29]);
    let table = head.keys(part(head.keys_span().unwrap()), Seq(1)).unwrap();
    let keyed: Vec<_> = table.iter().map(|entry| entry.seq.0).collect();
    assert_eq!(
        keyed,
        (1..=36)
            .filter(|seq: &u64| seq.is_multiple_of(3))
            .collect::<Vec<_>>()
    );
    let (records, damaged, gaps, end) = scan(&file);
    assert_eq!(records, (1..=36).map(record).collect::<Vec<_>>());
    assert_eq!((damaged, gaps.len(), end), (0, 0, seal.data_end));
}

#[test]
fn every_flipped_bit_in_a_segment_is_found_and_nothing_damaged_is_served() {
    let file = segment();
    let keys = SECRET.segment_keys(LANE, NUMBER);
    let whole = Page::decode(&file, keys.salt).unwrap();
    let seal = whole.seal.good().unwrap();
    // Of the zeros between the parts, some will do.
    let zero = |at: &usize| file[*at] == 0 && file[at.saturating_sub(8)..*at] == [0; 8];
    for at in (0..file.len()).filter(|at| !zero(at) || at % 61 == 0) {
        let mut changed = file.clone();
        changed[at] ^= 1 << (at % 8);
        let page = Page::decode(&changed, keys.salt).unwrap();
        let (records, damaged, gaps, end) = scan(&changed);
        let at = at as u64;
        if (PAGE_BYTES as u64..seal.data_end).contains(&at) {
            let said = damaged > 0 || !gaps.is_empty() || end < seal.data_end;
            assert!(said, "byte {at}");
        } else {
            assert_eq!(
                (records.len(), damaged, gaps.len()),
                (36, 0, 0),
                "byte {at}"
            );
        }
        for found in records {
            assert_eq!(found, record(found.position.seq.0), "byte {at}");
        }
        let footer = &changed[seal.footer_offset as usize..];
        let footer_holds = FooterHead::decode(footer, keys.salt).is_some_and(|head| {
            let part = |(at, len): (u64, u64)| &footer[at as usize..(at + len) as usize];
            head.index(part(head.index_span().unwrap())).is_some()
                && head.keys(part(head.keys_span().unwrap()), Seq(1)).is_some()
        });
        assert_eq!(footer_holds, at < seal.footer_offset, "byte {at}");
        assert_eq!(page.header == whole.header, at >= 68, "byte {at}");
        assert_eq!(
            page.seal == whole.seal,
            !(2_048..2_124).contains(&at),
            "byte {at}"
        );
    }
}

#[test]
fn what_is_lost_at_the_end_is_no_damage_before_it() {
    let file = segment();
    let (.., end) = scan(&file);
    let keys = SECRET.segment_keys(LANE, NUMBER);
    let mut offsets = Vec::new();
    let mut at = PAGE_BYTES as u64;
    while let Some(found) = next_batch(&file, 0, keys, at) {
        offsets.push(found);
        at = found + 1;
    }
    assert_eq!(offsets.len(), 16);
    assert_eq!(offsets[15] + 44, end);
    // The last batch with records, whose mark is gone too: torn.
    let mut torn = file.clone();
    torn[offsets[14] as usize + 60..].fill(0);
    let (records, damaged, gaps, torn_end) = scan(&torn);
    assert_eq!(
        records.len(),
        28,
        "none of a batch of which the most is missing"
    );
    assert_eq!((damaged, gaps.len()), (8, 0), "its header stands there");
    assert_eq!(torn_end, end - 44, "with its length");
    // The same with its mark: damage.
    let marked = file[offsets[15] as usize..].to_vec();
    torn[offsets[15] as usize..].copy_from_slice(&marked);
    torn[offsets[14] as usize..offsets[14] as usize + 44].fill(0);
    let (_, _, gaps, _) = scan(&torn);
    assert_eq!(gaps, [(offsets[14], offsets[15])]);
}

#[test]
fn the_last_batch_of_a_segment_that_was_closed_says_so() {
    let file = Bytes::from(segment());
    let keys = SECRET.segment_keys(LANE, NUMBER);
    let kinds: Vec<_> = Scan::new(file, LANE, keys, PAGE_BYTES as u64)
        .filter_map(|found| match found {
            Found::Batch(batch) => Some(batch.header.kind),
            _ => None,
        })
        .collect();
    assert_eq!(kinds[..2], [BatchKind::Records, BatchKind::Mark]);
    assert_eq!(kinds.last(), Some(&BatchKind::Close));
}

#[test]
fn a_blank_page_is_told_from_a_damaged_one() {
    let blank = Page::decode(&[0; PAGE_BYTES], 1).unwrap();
    assert!(blank.is_blank());
    assert_eq!(Page::decode(&[], 1).unwrap(), blank);
    let mut file = segment();
    file[0] ^= 1;
    let page = Page::decode(&file, 1).unwrap();
    assert_eq!(page.header, Slot::Damaged);
    assert_eq!(page.seal, Slot::Damaged, "it has another salt");
}

/// Raises the version in a structure, and makes its checksum right again.
fn newer(bytes: &mut [u8], version_at: usize, checked: std::ops::Range<usize>) {
    bytes[version_at] = VERSION as u8 + 1;
    let checksum = crc32c::crc32c(&bytes[checked.clone()]);
    bytes[checked.end..checked.end + 4].copy_from_slice(&checksum.to_le_bytes());
}

#[test]
fn what_a_later_program_wrote_is_refused() {
    let found = FormatError::Newer { found: VERSION + 1 };
    let mut file = segment();
    newer(&mut file, 8, 0..64);
    assert_eq!(Page::decode(&file, 1), Err(found));
    let mut meta = meta().encode();
    let end = meta.len() - 4;
    newer(&mut meta, 8, 0..end);
    assert_eq!(Meta::decode(&meta), Err(found));
    let mut state = state().encode();
    let end = state.len() - 4;
    newer(&mut state, 8, 0..end);
    assert_eq!(State::decode(&state), Err(found));
    let mut ledger = ledger().encode();
    let end = ledger.len() - 4;
    newer(&mut ledger, 8, 0..end);
    assert_eq!(Ledger::decode(&ledger), Err(found));
    let version = format!("version {}", VERSION + 1);
    assert!(found.to_string().contains(&version), "{found}");
}

fn meta() -> Meta {
    Meta {
        secret: SECRET,
        epoch: Epoch(9),
        created: Timestamp::from_secs(5),
    }
}

fn state() -> State {
    State {
        generation: 12,
        durable: Seq(99),
        first_segment: 4,
        first: Seq(50),
        reigns: vec![(Epoch(1), Seq(1)), (Epoch(3), Seq(70))],
        cursors: vec![
            CursorEntry {
                name: "history".to_owned(),
                seq: Seq(80),
            },
            CursorEntry {
                name: "x".repeat(64),
                seq: Seq(0),
            },
        ],
    }
}

fn ledger() -> Ledger {
    let lost = |from, to| Lost {
        from: Seq(from),
        to: Seq(to),
        file: "normal/1.segment".to_owned(),
        offset: 4_096,
        repaired: Timestamp::from_secs(7),
        reason: "the checksum is wrong".to_owned(),
    };
    Ledger {
        lost: vec![lost(3, 5), lost(6, 6), lost(9, 20)],
    }
}

#[test]
fn the_small_files_read_back_and_their_flipped_bits_are_found() {
    let (meta, state, ledger) = (meta(), state(), ledger());
    assert_eq!(Meta::decode(&meta.encode()), Ok(meta));
    assert_eq!(Ledger::decode(&ledger.encode()), Ok(ledger.clone()));
    let mut slot = state.encode();
    slot.resize(State::SLOT_BYTES, 0);
    assert_eq!(State::decode(&slot), Ok(StateSlot::Good(state.clone())));
    assert_eq!(State::decode(&[0; 64]), Ok(StateSlot::Blank));
    for bit in 0..meta.encode().len() * 8 {
        assert!(
            Meta::decode(&flipped(meta.encode(), bit)).is_err(),
            "bit {bit} of meta"
        );
    }
    for bit in 0..state.encode().len() * 8 {
        let decoded = State::decode(&flipped(state.encode(), bit));
        assert_eq!(decoded, Ok(StateSlot::Damaged), "bit {bit} of state");
    }
    for bit in 0..ledger.encode().len() * 8 {
        assert!(
            Ledger::decode(&flipped(ledger.encode(), bit)).is_err(),
            "bit {bit} of lost"
        );
    }
}

fn flipped(mut bytes: Vec<u8>, bit: usize) -> Vec<u8> {
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

#[test]
fn a_full_state_fits_its_slot() {
    let cursor = |seq| CursorEntry {
        name: "n".repeat(64),
        seq: Seq(seq),
    };
    let state = State {
        reigns: (0..1_000).map(|n| (Epoch(n), Seq(1))).collect(),
        cursors: (0..1_000).map(cursor).collect(),
        ..state()
    };
    let bytes = state.encode();
    assert!(bytes.len() <= State::SLOT_BYTES, "{}", bytes.len());
    let Ok(StateSlot::Good(kept)) = State::decode(&bytes) else {
        panic!("unreadable")
    };
    assert_eq!(kept.cursors.len(), State::CURSORS_MAX);
    assert_eq!(
        kept.reigns.last(),
        Some(&(Epoch(999), Seq(1))),
        "the newest reigns are kept"
    );
}

#[test]
fn a_ledger_covers_what_its_ranges_cover_together() {
    let ledger = ledger();
    for (from, to, covered) in [
        (3, 6, true),
        (4, 5, true),
        (2, 3, false),
        (6, 9, false),
        (9, 21, false),
    ] {
        assert_eq!(ledger.covers(Seq(from), Seq(to)), covered, "{from} to {to}");
    }
    assert_eq!(ledger.last(), Seq(20));
    assert_eq!(ledger.holding(Seq(6)).map(|lost| lost.to), Some(Seq(6)));
}

/// Segments as each version wrote them, byte by byte: what is on disks today must stay readable. The
/// file of the present version is written once with `SPICA_WRITE_SAMPLES=1`; a later version gets one
/// of its own.
#[test]
fn every_version_stays_readable() {
    let path = |version| {
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");
        format!("{data}/v{version}.segment")
    };
    if std::env::var_os("SPICA_WRITE_SAMPLES").is_some() {
        std::fs::write(path(VERSION), segment()).unwrap();
    }
    let salt = SECRET.segment_keys(LANE, NUMBER).salt;
    for version in 1..=VERSION {
        let file = std::fs::read(path(version)).unwrap();
        let (records, damaged, gaps, _) = scan(&file);
        let mut written: Vec<_> = (1..=36).map(record).collect();
        if version < 3 {
            written.iter_mut().for_each(|it| it.properties = None);
        }
        assert_eq!(records, written);
        assert_eq!((damaged, gaps.len()), (0, 0));
        let page = Page::decode(&file, salt).unwrap();
        assert_eq!(page.header.good().unwrap().version, version);
        let seal = page.seal.good().unwrap();
        let footer = &file[seal.footer_offset as usize..][..seal.footer_bytes as usize];
        let head = FooterHead::decode(footer, salt).unwrap();
        let part = |(at, len): (u64, u64)| &footer[at as usize..(at + len) as usize];
        let index = head.index(part(head.index_span().unwrap())).unwrap();
        let keys = head.keys(part(head.keys_span().unwrap()), Seq(1)).unwrap();
        assert_eq!((index[2].first, keys[1].seq), (Seq(4), Seq(6)));
        // What version 1 did not know may be anything.
        let fourth = TimeRange {
            earliest: record(4).received,
            latest: record(6).received,
        };
        let (earliest, of_batch) = if version == 1 {
            (TimeRange::ANY.earliest, TimeRange::ANY)
        } else {
            (record(1).received, fourth)
        };
        assert_eq!(index[2].received, of_batch);
        let latest = record(36).received;
        assert_eq!(seal.received, TimeRange { earliest, latest });
    }
}
