//! Each fault can be seen to happen, does what it says, and nothing that it must not.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};

use spica_storage::{Counters, Fault, FaultyStorage, File, Mode, Storage};

const SECTOR: usize = 512;

fn content(storage: &FaultyStorage, name: &str) -> Vec<u8> {
    let file = storage.open(name, Mode::Read).unwrap();
    let mut content = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    assert_eq!(file.read_at(&mut content, 0).unwrap(), content.len());
    content
}

fn names(storage: &FaultyStorage) -> Vec<String> {
    let files = storage.list().unwrap();
    files.into_iter().map(|file| file.name).collect()
}

/// A storage with a durable file `f` of this many sectors of ones.
fn with_ones(seed: u64, sectors: usize) -> (FaultyStorage, Box<dyn File>) {
    let storage = FaultyStorage::new(seed);
    let file = storage.create("f").unwrap();
    file.write_at(&vec![1; sectors * SECTOR], 0).unwrap();
    file.sync_data().unwrap();
    storage.sync_directory().unwrap();
    (storage, file)
}

fn os_error(outcome: io::Result<()>) -> Option<i32> {
    outcome.err().and_then(|error| error.raw_os_error())
}

const EIO: Option<i32> = Some(5);
const ENOSPC: Option<i32> = Some(28);

#[test]
fn what_was_synced_survives_every_crash() {
    for seed in 0..100 {
        let (storage, _file) = with_ones(seed, 3);
        let storage = storage.crash();
        assert_eq!(content(&storage, "f"), [1; 3 * SECTOR], "seed {seed}");
    }
}

#[test]
fn a_crash_tears_and_reorders_unsynced_writes_by_the_sector() {
    let mut seen = BTreeSet::new();
    for seed in 0..300 {
        let (storage, file) = with_ones(seed, 3);
        file.write_at(&[2; 3 * SECTOR], 0).unwrap();
        file.write_at(&[3; SECTOR], SECTOR as u64).unwrap();
        let content = content(&storage.crash(), "f");
        let sectors: Vec<u8> = content.chunks(SECTOR).map(|sector| sector[0]).collect();
        assert!(
            content
                .chunks(SECTOR)
                .all(|sector| sector.iter().all(|byte| *byte == sector[0]))
        );
        seen.insert(sectors);
    }
    assert!(seen.contains(&vec![1, 1, 1]), "all lost");
    assert!(seen.contains(&vec![2, 3, 2]), "all kept");
    assert!(seen.contains(&vec![2, 2, 2]), "the last write lost");
    assert!(seen.contains(&vec![2, 1, 1]), "torn");
    assert!(
        seen.contains(&vec![1, 3, 1]),
        "the last write alone: reordered"
    );
    assert_eq!(seen.len(), 12, "each sector is on its own: 2 * 3 * 2");
}

#[test]
fn a_crash_may_keep_a_new_length_without_its_bytes_but_never_bytes_without_their_length() {
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let (storage, file) = with_ones(seed, 1);
        file.write_at(&[2; SECTOR], SECTOR as u64).unwrap();
        let content = content(&storage.crash(), "f");
        assert_eq!(content[..SECTOR], [1; SECTOR]);
        seen.insert((content.len(), content.get(SECTOR).copied()));
    }
    let possible = [(SECTOR, None), (2 * SECTOR, Some(0)), (2 * SECTOR, Some(2))];
    assert_eq!(seen, BTreeSet::from(possible));
}

#[test]
fn a_crash_may_lose_a_cut() {
    let lens: BTreeSet<usize> = (0..100)
        .map(|seed| {
            let (storage, file) = with_ones(seed, 2);
            file.set_len(SECTOR as u64).unwrap();
            content(&storage.crash(), "f").len()
        })
        .collect();
    assert_eq!(lens, BTreeSet::from([SECTOR, 2 * SECTOR]));
}

#[test]
fn a_crash_keeps_a_first_part_of_the_changes_of_names() {
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let (storage, _file) = with_ones(seed, 1);
        storage.create("g").unwrap();
        storage.rename("g", "h").unwrap();
        storage.remove("f").unwrap();
        let storage = storage.crash();
        seen.insert(names(&storage).join(" "));
    }
    let possible = ["f", "f g", "f h", "h"].map(str::to_owned);
    assert_eq!(
        seen,
        BTreeSet::from(possible),
        "f is never lost before h is there"
    );
}

#[test]
fn a_crash_after_a_directory_sync_keeps_all_names() {
    for seed in 0..50 {
        let (storage, _file) = with_ones(seed, 1);
        storage.rename("f", "g").unwrap();
        storage.sync_directory().unwrap();
        let storage = storage.crash();
        assert_eq!(names(&storage), ["g"]);
        assert_eq!(content(&storage, "g"), [1; SECTOR]);
    }
}

#[test]
fn a_killed_process_loses_nothing_that_it_wrote() {
    let (storage, file) = with_ones(1, 1);
    file.write_at(&[2; SECTOR], 0).unwrap();
    storage.create("g").unwrap();
    let storage = storage.kill();
    assert_eq!(content(&storage, "f"), [2; SECTOR]);
    assert_eq!(names(&storage), ["f", "g"]);
    assert_eq!(storage.counters().kills, 1);
}

#[test]
fn handles_of_an_ended_life_do_nothing() {
    let (before, file) = with_ones(1, 1);
    let after = before.crash();
    assert!(file.write_at(&[2], 0).is_err());
    assert!(file.read_at(&mut [0], 0).is_err());
    assert!(file.sync_data().is_err());
    assert!(before.list().is_err());
    assert!(before.create("g").is_err());
    drop(file);
    assert_eq!(content(&after, "f"), [1; SECTOR]);
    assert_eq!(after.counters().crashes, 1);
}

#[test]
fn reads_and_writes_fail_when_told() {
    let (storage, file) = with_ones(1, 4);
    storage.inject(Fault::ReadError);
    assert_eq!(os_error(file.read_at(&mut [0], 0).map(|_| ())), EIO);
    assert!(file.read_at(&mut [0], 0).is_ok());
    storage.inject_after(Fault::WriteError, 1);
    assert!(file.write_at(&[2; 4 * SECTOR], 0).is_ok());
    assert_eq!(os_error(file.write_at(&[3; 4 * SECTOR], 0)), EIO);
    let written = content(&storage, "f")
        .iter()
        .filter(|byte| **byte == 3)
        .count();
    assert!(written < 4 * SECTOR, "at most a part is written: {written}");
    assert_eq!(storage.counters().injected(Fault::ReadError), 1);
    assert_eq!(storage.counters().injected(Fault::WriteError), 1);
    assert_eq!(storage.counters().injected_in_all(), 2);
}

#[test]
fn a_fault_can_be_meant_for_one_file() {
    let (storage, file) = with_ones(1, 1);
    let other = storage.create("g").unwrap();
    storage.inject_on("g", Fault::SyncError);
    assert!(file.sync_data().is_ok());
    assert_eq!(os_error(other.sync_data()), EIO);
}

#[test]
fn a_failed_sync_loses_writes_that_look_written() {
    let mut survived = BTreeSet::new();
    for seed in 0..50 {
        let (storage, file) = with_ones(seed, 1);
        file.write_at(&[2; SECTOR], 0).unwrap();
        storage.inject(Fault::SyncError);
        assert_eq!(os_error(file.sync_all()), EIO);
        assert_eq!(
            content(&storage, "f"),
            [2; SECTOR],
            "the cache shows it still"
        );
        assert!(
            file.sync_all().is_ok(),
            "the second sync finds nothing to do"
        );
        survived.insert(content(&storage.crash(), "f")[0]);
    }
    assert_eq!(
        survived,
        BTreeSet::from([1, 2]),
        "and the write may be gone"
    );
}

#[test]
fn a_failed_directory_sync_leaves_names_in_doubt() {
    let mut survived = BTreeSet::new();
    for seed in 0..50 {
        let (storage, _file) = with_ones(seed, 1);
        storage.create("g").unwrap();
        storage.inject(Fault::DirectorySyncError);
        assert_eq!(os_error(storage.sync_directory()), EIO);
        survived.insert(names(&storage.crash()).len());
    }
    assert_eq!(survived, BTreeSet::from([1, 2]));
}

#[test]
fn a_full_disk_takes_what_fits_and_what_was_reserved() {
    let storage = FaultyStorage::new(1);
    storage.set_capacity(Some(3 * 4_096));
    let reserved = storage.create("reserved").unwrap();
    reserved.allocate(2 * 4_096).unwrap();
    assert_eq!(storage.free_bytes().unwrap(), 4_096);
    let file = storage.create("f").unwrap();
    assert_eq!(os_error(file.allocate(4_097)), ENOSPC);
    assert_eq!(
        file.len().unwrap(),
        0,
        "a reservation is whole or not at all"
    );
    let error = file.write_at(&[1; 5_000], 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 4_096, "what fits is written");
    assert_eq!(os_error(file.write_at(&[1], 4_096)), ENOSPC);
    reserved.write_at(&[1; 2 * 4_096], 0).unwrap();
    assert_eq!(os_error(reserved.write_at(&[1], 2 * 4_096)), ENOSPC);
    storage.remove("f").unwrap();
    storage.sync_directory().unwrap();
    assert_eq!(
        storage.free_bytes().unwrap(),
        0,
        "an open file keeps its space"
    );
    drop(file);
    assert_eq!(storage.free_bytes().unwrap(), 4_096);
    reserved.set_len(0).unwrap();
    assert_eq!(storage.free_bytes().unwrap(), 3 * 4_096);
    storage.set_capacity(None);
    reserved.write_at(&[1; 9 * 4_096], 0).unwrap();
}

#[test]
fn files_are_bounded_because_they_are_in_memory() {
    let (_storage, file) = with_ones(1, 1);
    let kind = |outcome: io::Result<()>| outcome.unwrap_err().kind();
    assert_eq!(kind(file.set_len((1 << 28) + 1)), ErrorKind::FileTooLarge);
    assert_eq!(kind(file.write_at(&[1], 1 << 28)), ErrorKind::FileTooLarge);
    assert_eq!(kind(file.allocate(u64::MAX)), ErrorKind::FileTooLarge);
    assert_eq!(file.len().unwrap(), SECTOR as u64);
}

#[test]
fn a_lack_of_space_can_be_told() {
    let (storage, file) = with_ones(1, 1);
    storage.inject(Fault::NoSpace);
    assert_eq!(os_error(file.write_at(&[2; SECTOR], 0)), ENOSPC);
    storage.inject(Fault::NoSpace);
    assert_eq!(os_error(file.allocate(9 * 4_096)), ENOSPC);
    assert!(file.allocate(9 * 4_096).is_ok());
}

#[test]
fn a_bit_flips_where_told_and_stays_flipped() {
    let (storage, _file) = with_ones(1, 1);
    storage.flip_bit("f", 7, 2).unwrap();
    assert_eq!(content(&storage, "f")[6..9], [1, 5, 1]);
    let storage = storage.crash();
    assert_eq!(content(&storage, "f")[6..9], [1, 5, 1]);
    assert!(storage.flip_bit("f", SECTOR as u64, 0).is_err());
    assert!(storage.flip_bit("g", 0, 0).is_err());
}

#[test]
fn bits_rot_anywhere_for_good() {
    let (storage, file) = with_ones(1, 2);
    let flipped = storage.rot().unwrap();
    let mut expected = vec![1; 2 * SECTOR];
    expected[usize::try_from(flipped.offset).unwrap()] ^= 1 << flipped.bit;
    assert_eq!(content(&storage, "f"), expected);
    storage.inject(Fault::BitRot);
    let mut last = [0; 10];
    file.read_at(&mut last, 2 * SECTOR as u64 - 10).unwrap();
    let flipped_bits: u32 = last.iter().map(|byte| (byte ^ 1).count_ones()).sum();
    assert_eq!(flipped_bits, 1, "in what is read");
    expected[2 * SECTOR - 10..].copy_from_slice(&last);
    assert_eq!(content(&storage.crash(), "f"), expected, "and it stays so");
    assert_eq!(FaultyStorage::new(1).rot(), None, "nothing is there to rot");
}

#[test]
fn a_torn_write_shows_once_the_cache_is_gone() {
    let mut kept = BTreeSet::new();
    for seed in 0..50 {
        let (storage, file) = with_ones(seed, 3);
        storage.inject(Fault::TornWrite);
        file.write_at(&[2; 3 * SECTOR], 0).unwrap();
        file.sync_data().unwrap();
        assert_eq!(
            content(&storage, "f"),
            [2; 3 * SECTOR],
            "the cache hides it"
        );
        storage.drop_caches();
        let content = content(&storage, "f");
        let new = content.iter().filter(|byte| **byte == 2).count();
        assert!(
            content[..new].iter().all(|byte| *byte == 2),
            "the first part"
        );
        kept.insert(new);
    }
    assert_eq!(kept, BTreeSet::from([0, SECTOR, 2 * SECTOR]));
}

#[test]
fn a_misdirected_write_lands_elsewhere() {
    let mut landed = BTreeSet::new();
    for seed in 0..50 {
        let (storage, file) = with_ones(seed, 3);
        storage.inject(Fault::MisdirectedWrite);
        file.write_at(&[2; SECTOR], SECTOR as u64).unwrap();
        file.sync_data().unwrap();
        let content = content(&storage.crash(), "f");
        assert_eq!(content.len(), 3 * SECTOR);
        assert_eq!(
            content[SECTOR..2 * SECTOR],
            [1; SECTOR],
            "not where it should"
        );
        landed.insert(
            content
                .chunks(SECTOR)
                .position(|sector| *sector == [2; SECTOR]),
        );
    }
    assert_eq!(landed, BTreeSet::from([None, Some(0), Some(2)]));
}

#[test]
fn a_stale_read_shows_what_was_before_the_last_sync() {
    let (storage, file) = with_ones(1, 2);
    file.write_at(&[2; SECTOR], 100).unwrap();
    file.sync_data().unwrap();
    let mut read = vec![0; 2 * SECTOR];
    storage.inject(Fault::StaleRead);
    file.read_at(&mut read, 0).unwrap();
    assert_eq!(read, [1; 2 * SECTOR]);
    file.read_at(&mut read, 0).unwrap();
    assert_eq!(
        read[100..100 + SECTOR],
        [2; SECTOR],
        "the next read is right"
    );
    storage.inject(Fault::StaleRead);
    file.read_at(&mut read[..50], 0).unwrap();
    assert_eq!(
        storage.counters().injected(Fault::StaleRead),
        1,
        "nothing was stale there"
    );
}

#[test]
fn a_power_cut_ends_everything_until_the_crash() {
    let (storage, file) = with_ones(1, 1);
    storage.inject_after(Fault::PowerCut, 1);
    file.write_at(&[2; SECTOR], 0).unwrap();
    assert!(file.sync_data().is_err());
    assert!(file.read_at(&mut [0], 0).is_err());
    assert!(storage.list().is_err());
    let storage = storage.crash();
    assert!([1, 2].contains(&content(&storage, "f")[0]));
    assert_eq!(storage.counters().injected(Fault::PowerCut), 1);
}

#[test]
fn duplicates_go_their_own_ways() {
    let (storage, file) = with_ones(1, 1);
    let copy = storage.duplicate();
    file.write_at(&[2], 0).unwrap();
    copy.flip_bit("f", 1, 0).unwrap();
    assert_eq!(content(&storage, "f")[..2], [2, 1]);
    assert_eq!(content(&copy, "f")[..2], [1, 0]);
}

#[test]
fn chances_are_forgotten_when_calm() {
    let (storage, file) = with_ones(1, 1);
    storage.set_chance(Fault::ReadError, 1.0);
    storage.inject(Fault::SyncError);
    assert!(file.read_at(&mut [0], 0).is_err());
    storage.calm();
    assert!(file.read_at(&mut [0], 0).is_ok());
    assert!(file.sync_data().is_ok());
}

/// A long random history with all faults, as its final content and counters.
fn history(seed: u64) -> (Vec<u8>, Counters) {
    let mut storage = FaultyStorage::new(seed);
    for fault in Fault::ALL {
        storage.set_chance(fault, 0.02);
    }
    for step in 0..2_000u64 {
        if step % 50 == 49 {
            storage = storage.crash();
        }
        let file = storage
            .open("f", Mode::Write)
            .or_else(|_| storage.create("f"));
        let Ok(file) = file else { continue };
        // Whatever fails here is meant to: the counters tell.
        let _ = file.write_at(&[step as u8; 700], step * 37 % 5_000);
        let _ = file.read_at(&mut [0; 900], step * 91 % 5_000);
        let _ = file.sync_data().and_then(|()| storage.sync_directory());
    }
    storage.calm();
    let storage = storage.crash();
    (content(&storage, "f"), storage.counters())
}

#[test]
fn a_seed_tells_the_whole_story() {
    let (content, counters) = history(7);
    for fault in Fault::ALL {
        assert!(counters.injected(fault) > 0, "{fault:?} never happened");
    }
    assert_eq!(history(7), (content, counters));
    assert_ne!(history(8).1, counters);
}
