use super::*;

fn pair(directory: &tempfile::TempDir) -> Pair {
    Pair {
        shared: directory.path().to_owned(),
        name: PairName::new("root/s1").unwrap(),
    }
}

fn files(pair: &Pair) -> usize {
    fs::read_dir(pair.directory()).unwrap().count()
}

#[test]
fn only_what_was_read_can_be_written_over() {
    let directory = tempfile::tempdir().unwrap();
    let pair = pair(&directory);
    assert_eq!(pair.read().unwrap().revision, 0);
    assert_eq!(pair.write(Epoch(4), 0).unwrap(), Written::Yes);
    assert_eq!(pair.write(Epoch(5), 0).unwrap(), Written::Outrun);
    let entry = pair.read().unwrap();
    assert_eq!((entry.epoch, entry.revision), (Some(Epoch(4)), 1));
    assert_eq!(pair.write(Epoch(5), 1).unwrap(), Written::Yes);
    assert_eq!(files(&pair), 2);
    let first = fs::read_to_string(directory.path().join("root.s1/entry-0000000001")).unwrap();
    assert!(first.contains("\"epoch\":4"), "{first}");
}

#[test]
fn old_entries_and_what_crashes_left_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let pair = pair(&directory);
    assert_eq!(pair.write(Epoch(1), 0).unwrap(), Written::Yes);
    fs::write(pair.directory().join(".new-1-abc"), "half").unwrap();
    fs::write(pair.directory().join("notes.txt"), "an operator's").unwrap();
    for over in 1..KEPT + 9 {
        let epoch = Epoch(u32::try_from(over).unwrap() + 1);
        assert_eq!(pair.write(epoch, over).unwrap(), Written::Yes);
    }
    let mut numbers = pair.numbers(ENTRY).unwrap();
    numbers.sort_unstable();
    assert_eq!(numbers, (9..=KEPT + 9).collect::<Vec<_>>());
    assert_eq!(files(&pair), numbers.len() + 1, "only the notes are left");
}

/// A writer was stopped after it had read entry 0, and goes on when entry 1 is long gone: its number
/// is free again, but it is not the next.
#[test]
fn a_number_that_is_free_again_is_no_grant() {
    let directory = tempfile::tempdir().unwrap();
    let pair = pair(&directory);
    for over in 0..KEPT + 9 {
        let epoch = Epoch(u32::try_from(over).unwrap() + 10);
        assert_eq!(pair.write(epoch, over).unwrap(), Written::Yes);
    }
    let newest = pair.read().unwrap().epoch;
    assert!(!pair.entry(1).exists());
    assert_eq!(pair.write(Epoch(5), 0).unwrap(), Written::Outrun);
    assert_eq!(pair.read().unwrap().epoch, newest);
}
