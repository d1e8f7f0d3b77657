//! What a journal refuses, and what it opens in spite of missing pieces beside the segments.

mod common;

use common::{Bench, LANE, settings, without};
use spica_journal::Journal;
use spica_journal_file::OpenError;
use spica_journal_format::{Page, SegmentHeader, VERSION};
use spica_model::Seq;
use spica_storage::Storage;

/// A bench with ten commits of one record in one segment, ended as the test wants.
fn ten(end: fn(&mut Bench)) -> Bench {
    let mut bench = Bench::new(settings());
    bench.open();
    bench.append_each(1..=10);
    end(&mut bench);
    bench
}

#[test]
fn what_a_later_version_wrote_is_refused_and_left_alone() {
    let mut bench = ten(Bench::close);
    let (name, _) = bench.newest_batches();
    let header = Page::decode(&bench.content(&name), 0)
        .unwrap()
        .header
        .good()
        .unwrap();
    let page = SegmentHeader {
        version: VERSION + 1,
        ..header
    }
    .page();
    bench.overwrite(&name, 0, &page);
    let before = bench.content(&name);
    let error = bench.try_open().unwrap_err();
    let OpenError::Newer {
        found, supported, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!((*found, *supported), (VERSION + 1, VERSION));
    assert_eq!(bench.content(&name), before);
}

#[test]
fn a_segment_of_another_journal_is_refused() {
    let mut bench = ten(Bench::close);
    let other = ten(Bench::close);
    let (name, _) = other.newest_batches();
    bench.overwrite(&name, 0, &other.content(&name));
    let error = bench.try_open().unwrap_err();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
}

#[test]
fn without_its_state_a_lane_opens_and_says_that_cursors_are_lost() {
    let mut bench = ten(|_| ());
    bench.journal().open_cursor("a", LANE, Seq(3)).unwrap();
    bench.close();
    bench.disk().remove("state").unwrap();
    let report = bench.try_open().unwrap();
    assert!(report.notes[0].what.contains("consumers"), "{report}");
    assert!(bench.journal().cursors().is_empty());
    assert_eq!(bench.read().0, without(1..=10, &[]));
}

#[test]
fn one_damaged_slot_of_the_state_falls_back_to_the_other() {
    let mut bench = ten(|_| ());
    bench.journal().open_cursor("a", LANE, Seq(3)).unwrap();
    bench.journal().open_cursor("b", LANE, Seq(4)).unwrap();
    bench.kill();
    for slot in 0..2 {
        bench.flip("state", slot * 32 * 1_024 + 30);
        bench.open();
        let names: Vec<_> = bench
            .journal()
            .cursors()
            .into_iter()
            .map(|cursor| cursor.name)
            .collect();
        assert!(names.contains(&"a".to_owned()), "{names:?}");
        bench.kill();
    }
}

#[test]
fn an_older_epoch_is_refused_and_a_newer_one_is_kept() {
    let mut bench = ten(|_| ());
    bench.journal().raise_epoch(spica_model::Epoch(5)).unwrap();
    assert_eq!(bench.append(&[11])[0].position.to_string(), "5/normal/11");
    assert!(bench.journal().raise_epoch(spica_model::Epoch(5)).is_err());
    bench.kill();
    let options = |epoch| spica_journal_file::Options {
        settings: settings(),
        epoch: Some(spica_model::Epoch(epoch)),
        ..Default::default()
    };
    let error = bench.try_open_with(options(4)).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::OldEpoch {
                asked: 4,
                newest: 5
            }
        ),
        "{error}"
    );
    bench.try_open_with(options(7)).unwrap();
    assert_eq!(bench.append(&[12])[0].position.to_string(), "7/normal/12");
    bench.close();
    bench.open();
    let mut follower = bench.journal().follow(LANE, Seq(9)).unwrap();
    let spica_journal::Followed::Records(records) = follower.read(9).unwrap() else {
        panic!()
    };
    let positions: Vec<_> = records
        .iter()
        .map(|record| record.position.to_string())
        .collect();
    assert_eq!(positions, ["1/normal/10", "5/normal/11", "7/normal/12"]);
}

/// A name that can be seen is not durable when the flush of the directory failed and the process,
/// not the machine, was then restarted.
#[test]
fn a_segment_whose_name_was_not_durable_is_made_so_before_it_is_used() {
    for seed in 0..10 {
        let mut bench = Bench::new(settings());
        bench.disks[LANE.index()] = spica_storage::FaultyStorage::new(seed);
        // After those of meta, of the opening and of the state comes that of the first segment.
        bench
            .disk()
            .inject_after(spica_storage::Fault::DirectorySyncError, 3);
        let refused = bench.try_open().is_err() || bench.try_append(&[1]).is_err();
        assert!(refused, "the fault came elsewhere");
        let listed = bench.disk().list().unwrap();
        assert!(
            listed.iter().any(|file| file.name.ends_with(".segment")),
            "{listed:?}"
        );
        bench.kill();
        bench.open();
        let last = bench.journal().status(LANE).last.0;
        bench.append(&[2]);
        bench.crash();
        bench.open();
        assert_eq!(
            bench.journal().status(LANE).last,
            Seq(last + 1),
            "seed {seed}"
        );
    }
}
