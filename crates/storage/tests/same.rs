//! Both storages keep the promises of the port, and do the same for the same calls.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::{self, ErrorKind};

use proptest::prelude::*;
use spica_storage::{FaultyStorage, File, FileInfo, Mode, OsStorage, Storage};

/// Runs a check on the real storage and on the one in memory.
fn on_both(check: impl Fn(&dyn Storage)) {
    let directory = tempfile::tempdir().unwrap();
    check(&OsStorage::open_exclusive(directory.path()).unwrap());
    check(&FaultyStorage::new(1));
}

fn content(file: &dyn File) -> Vec<u8> {
    let mut content = vec![0; usize::try_from(file.len().unwrap()).unwrap() + 1];
    let read = file.read_at(&mut content, 0).unwrap();
    content.truncate(read);
    content
}

fn kind<T>(outcome: io::Result<T>) -> Option<ErrorKind> {
    outcome.err().map(|error| error.kind())
}

fn info(name: &str, len: u64) -> FileInfo {
    let name = name.to_owned();
    FileInfo { name, len }
}

#[test]
fn files_hold_what_was_written() {
    on_both(|storage| {
        let file = storage.create("a").unwrap();
        file.write_at(b"hello", 3).unwrap();
        assert_eq!(content(&*file), b"\0\0\0hello");
        file.write_at(b"J", 3).unwrap();
        assert_eq!(file.len().unwrap(), 8, "overwriting adds nothing");
        file.write_at(b"", 100).unwrap();
        assert_eq!(file.len().unwrap(), 8, "nothing written adds nothing");
        let mut some = [9; 4];
        assert_eq!(file.read_at(&mut some, 6).unwrap(), 2);
        assert_eq!(some, *b"lo\x09\x09", "only what was read is touched");
        assert_eq!(file.read_at(&mut some, 8).unwrap(), 0);
        assert_eq!(file.read_at(&mut some, 1_000).unwrap(), 0);
        file.sync_data().unwrap();
        file.sync_all().unwrap();
        assert_eq!(
            content(&*storage.open("a", Mode::Read).unwrap()),
            b"\0\0\0Jello"
        );
    });
}

#[test]
fn lengths_change_as_told() {
    on_both(|storage| {
        let file = storage.create("a").unwrap();
        file.write_at(b"hello", 0).unwrap();
        file.set_len(2).unwrap();
        file.set_len(4).unwrap();
        assert_eq!(
            content(&*file),
            b"he\0\0",
            "what was cut does not come back"
        );
        file.allocate(3).unwrap();
        assert_eq!(file.len().unwrap(), 4, "allocating never cuts");
        file.allocate(6).unwrap();
        assert_eq!(content(&*file), b"he\0\0\0\0");
        file.allocate(0).unwrap();
        assert_eq!(file.len().unwrap(), 6);
    });
}

#[test]
fn a_file_opened_to_read_refuses_changes() {
    on_both(|storage| {
        storage.create("a").unwrap().write_at(b"x", 0).unwrap();
        let file = storage.open("a", Mode::Read).unwrap();
        assert!(file.write_at(b"y", 0).is_err());
        assert!(file.set_len(0).is_err());
        assert!(file.allocate(9).is_err());
        assert_eq!(content(&*file), b"x");
        file.sync_data().unwrap();
    });
}

#[test]
fn names_are_found_taken_replaced_and_removed() {
    on_both(|storage| {
        assert_eq!(
            kind(storage.open("a", Mode::Write)),
            Some(ErrorKind::NotFound)
        );
        let first = storage.create("b").unwrap();
        first.write_at(b"first", 0).unwrap();
        assert_eq!(kind(storage.create("b")), Some(ErrorKind::AlreadyExists));
        storage.create("a").unwrap();
        assert_eq!(storage.list().unwrap(), [info("a", 0), info("b", 5)]);
        storage.rename("b", "a").unwrap();
        storage.rename("a", "a").unwrap();
        assert_eq!(storage.list().unwrap(), [info("a", 5)]);
        assert_eq!(content(&*storage.open("a", Mode::Read).unwrap()), b"first");
        storage.remove("a").unwrap();
        storage.sync_directory().unwrap();
        assert_eq!(storage.list().unwrap(), []);
        for outcome in [storage.remove("a"), storage.rename("a", "c")] {
            assert_eq!(kind(outcome), Some(ErrorKind::NotFound));
        }
        first.write_at(b"!", 5).unwrap();
        assert_eq!(
            content(&*first),
            b"first!",
            "an open file outlives its name"
        );
    });
}

#[test]
fn only_plain_names_are_accepted() {
    on_both(|storage| {
        storage.create("x").unwrap();
        let long = "n".repeat(256);
        for bad in ["", ".", "..", "a/b", "/a", "a\0", "lock", &long] {
            let outcomes = [
                kind(storage.create(bad)),
                kind(storage.open(bad, Mode::Read)),
                kind(storage.rename("x", bad)),
                kind(storage.rename(bad, "x")),
                kind(storage.remove(bad)),
            ];
            assert_eq!(outcomes, [Some(ErrorKind::InvalidInput); 5], "{bad:?}");
        }
        assert_eq!(storage.list().unwrap(), [info("x", 0)]);
        storage.create(&long[1..]).unwrap();
    });
}

#[derive(Debug, Clone)]
enum Call {
    Create(usize),
    Open(usize),
    Rename(usize, usize),
    Remove(usize),
    Read(u64, usize),
    Write(u64, usize),
    SetLen(u64),
    Allocate(u64),
    Sync,
    SyncDirectory,
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let name = 0..NAMES.len();
    let offset = prop_oneof![0u64..20, 500u64..520, 4_000u64..9_000];
    let len = prop_oneof![0usize..20, 500usize..5_000];
    let call = prop_oneof![
        name.clone().prop_map(Call::Create),
        name.clone().prop_map(Call::Open),
        (name.clone(), name.clone()).prop_map(|(from, to)| Call::Rename(from, to)),
        name.prop_map(Call::Remove),
        (offset.clone(), len.clone()).prop_map(|(offset, len)| Call::Read(offset, len)),
        (offset.clone(), len).prop_map(|(offset, len)| Call::Write(offset, len)),
        offset.clone().prop_map(Call::SetLen),
        offset.prop_map(Call::Allocate),
        Just(Call::Sync),
        Just(Call::SyncDirectory),
    ];
    proptest::collection::vec(call, 1..60)
}

const NAMES: [&str; 3] = ["a", "b", "c"];

/// What a caller sees of a call.
#[derive(Debug, PartialEq)]
struct Seen {
    outcome: Result<Vec<u8>, ErrorKind>,
    files: Vec<FileInfo>,
}

/// Makes all calls; those on a file go to the one opened last.
fn run(storage: &dyn Storage, calls: &[Call]) -> Vec<Seen> {
    let mut file = storage.create("first").unwrap();
    let mut step = |(index, call): (usize, &Call)| {
        let outcome = match *call {
            Call::Create(name) => storage.create(NAMES[name]).map(|created| {
                file = created;
                Vec::new()
            }),
            Call::Open(name) => storage.open(NAMES[name], Mode::Write).map(|opened| {
                file = opened;
                content(&*file)
            }),
            Call::Rename(from, to) => storage.rename(NAMES[from], NAMES[to]).map(|()| Vec::new()),
            Call::Remove(name) => storage.remove(NAMES[name]).map(|()| Vec::new()),
            Call::Read(offset, len) => {
                let mut buf = vec![0; len];
                file.read_at(&mut buf, offset)
                    .map(|read| buf[..read].to_vec())
            }
            Call::Write(offset, len) => {
                let byte = u8::try_from(index + 1).unwrap();
                file.write_at(&vec![byte; len], offset)
                    .map(|()| content(&*file))
            }
            Call::SetLen(len) => file.set_len(len).map(|()| content(&*file)),
            Call::Allocate(len) => file.allocate(len).map(|()| content(&*file)),
            Call::Sync => file.sync_data().map(|()| content(&*file)),
            Call::SyncDirectory => storage.sync_directory().map(|()| Vec::new()),
        };
        Seen {
            outcome: outcome.map_err(|error| error.kind()),
            files: storage.list().unwrap(),
        }
    };
    calls.iter().enumerate().map(&mut step).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Without faults nobody can tell the disk in memory from the real one.
    #[test]
    fn the_same_calls_have_the_same_effects(calls in calls()) {
        let directory = tempfile::tempdir().unwrap();
        let real = run(&OsStorage::open(directory.path()).unwrap(), &calls);
        let memory = run(&FaultyStorage::new(1), &calls);
        for (index, (real, memory)) in real.iter().zip(&memory).enumerate() {
            prop_assert_eq!(real, memory, "call {}: {:?}", index, calls[index]);
        }
    }
}
