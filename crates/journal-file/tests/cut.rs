//! Shortening a lane: what is behind the cut is put aside and forgotten, whatever happens meanwhile.
#![expect(clippy::unwrap_used, reason = "tests fail by it")]

mod common;

use std::sync::Arc;

use common::{Bench, LANE, settings};
use spica_clock::SharedClock;
use spica_journal::Journal;
use spica_journal_file::{
    AsideError, CutError, CutReport, Fresh, OpenError, aside_done_on, cut_after_on, read_aside_on,
    reset_lane_on,
};
use spica_journal_format::{BatchHeader, Ledger, PAGE_BYTES};
use spica_model::{Epoch, Lane, Record, Seq};
use spica_storage::{Fault, Storage};

fn cut(bench: &Bench, common: u64) -> Result<CutReport, CutError> {
    let clock: SharedClock = bench.clock.clone();
    cut_after_on(&bench.storages(), LANE, Seq(common), &clock)
}

fn fresh(first: u64, put_aside: bool) -> Fresh {
    Fresh {
        first: Seq(first),
        reigns: vec![
            (Epoch(1), Seq(1)),
            (Epoch(3), Seq(50)),
            (Epoch(4), Seq(500)),
        ],
        put_aside,
    }
}

fn reset(bench: &Bench, fresh: &Fresh) -> Result<CutReport, CutError> {
    let clock: SharedClock = bench.clock.clone();
    reset_lane_on(&bench.storages(), LANE, fresh, &clock)
}

/// What all files of what was put aside hold.
fn aside(bench: &Bench) -> Vec<Record> {
    let files = read_aside_on(&bench.storages(), LANE).unwrap();
    let records = files.iter().flat_map(|file| file.read().unwrap());
    records.map(Result::unwrap).collect()
}

/// The numbers that were appended as the payload of these records.
fn numbers(records: &[Record]) -> Vec<u64> {
    let payloads = records.iter().map(|record| &record.payload);
    payloads
        .map(|payload| std::str::from_utf8(payload).unwrap().parse().unwrap())
        .collect()
}

fn seqs(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.position.seq.0).collect()
}

/// A closed journal of some segments: numbers with keys, five to a batch, from place 1 on.
fn filled(batches: u64) -> Bench {
    let mut bench = Bench::new(settings());
    bench.open();
    for batch in 0..batches {
        let from = 1_001 + 5 * batch;
        bench.append(&(from..from + 5).collect::<Vec<_>>());
    }
    bench.prepare();
    bench.close();
    bench
}

#[test]
fn what_is_behind_the_cut_is_put_aside_and_forgotten() {
    for common in [0, 1, 5, 7, 123, 124, 125, 299] {
        let mut bench = filled(60);
        assert!(bench.segments().len() > 3);
        let report = cut(&bench, common).unwrap();
        assert_eq!((report.last, report.put_aside), (Seq(common), 300 - common));
        assert!(
            report.copies.is_empty() && report.damaged.is_empty(),
            "{report:?}"
        );
        let taken = aside(&bench);
        assert_eq!(seqs(&taken), (common + 1..=300).collect::<Vec<_>>());
        assert_eq!(
            numbers(&taken),
            (1_001 + common..=1_300).collect::<Vec<_>>()
        );
        assert!(bench.verify().is_sound(), "{}", bench.verify());
        let opened = bench.open();
        assert_eq!(opened.last, Seq(common));
        assert_eq!(bench.read().0, (1_001..=1_000 + common).collect::<Vec<_>>());
        // Its key is free again, and those before the cut are not.
        let again = bench.append(&[1_300]);
        assert_eq!(
            (again[0].position.seq, again[0].duplicate),
            (Seq(common + 1), false)
        );
        if common > 0 {
            assert!(bench.append(&[1_001])[0].duplicate);
        }
        bench.close();
        assert!(bench.verify().is_sound(), "{}", bench.verify());
    }
}

#[test]
fn a_lane_that_ends_before_the_cut_stays_as_it_is() {
    let bench = filled(4);
    let before = bench.content(&bench.segments()[0]);
    for common in [20, 21, u64::MAX] {
        let report = cut(&bench, common).unwrap();
        assert_eq!(
            (report.last, report.put_aside, report.aside),
            (Seq(20), 0, None)
        );
        assert_eq!(bench.content(&bench.segments()[0]), before);
    }
    assert!(read_aside_on(&bench.storages(), LANE).unwrap().is_empty());
}

#[test]
fn epochs_and_cursors_behind_the_cut_go_with_it() {
    let mut bench = Bench::new(settings());
    bench.open();
    bench.append_each(1..=10);
    bench.journal().raise_epoch(Epoch(4)).unwrap();
    bench.append_each(11..=20);
    bench.journal().raise_epoch(Epoch(6)).unwrap();
    bench.append_each(21..=30);
    for (name, seq) in [("before", 5), ("behind", 25)] {
        bench.journal().open_cursor(name, LANE, Seq(seq)).unwrap();
    }
    bench.close();
    let report = cut(&bench, 15).unwrap();
    assert_eq!(report.aside.as_deref(), Some("aside-4-16-30"));
    let taken = aside(&bench);
    let epochs: Vec<_> = taken.iter().map(|record| record.position.epoch.0).collect();
    assert_eq!(epochs, [[4; 5].as_slice(), &[6; 10]].concat());
    bench.open();
    let cursors = bench.journal().cursors();
    let places: Vec<_> = cursors
        .iter()
        .map(|cursor| (cursor.name.as_str(), cursor.seq.0))
        .collect();
    assert_eq!(places, [("before", 5), ("behind", 15)]);
    let history = bench.journal().history(LANE);
    let known: Vec<_> = history
        .reigns
        .iter()
        .filter(|(_, first)| *first <= Seq(15))
        .collect();
    assert_eq!(known, [&(Epoch(1), Seq(1)), &(Epoch(4), Seq(11))]);
    assert_eq!(history.reigns.last(), Some(&(Epoch(6), Seq(16))));
    assert_eq!(bench.journal().epoch(), Epoch(6), "it is never begun again");
    bench.append(&[31]);
    assert_eq!(bench.read().0, [(1..=15).collect(), vec![31]].concat());
}

#[test]
fn a_second_cut_at_the_same_places_keeps_what_the_first_has_put_aside() {
    let mut bench = filled(4);
    cut(&bench, 15).unwrap();
    let name = "aside-1-16-20";
    aside_done_on(bench.disk(), name).unwrap();
    aside_done_on(bench.disk(), name).unwrap();
    assert!(aside(&bench).is_empty());
    for again in 1..3 {
        bench.open();
        bench.append(&[16, 17, 18, 19, 20]);
        bench.close();
        let report = cut(&bench, 15).unwrap();
        assert_eq!(report.aside, Some(format!("{name}-{again}")));
    }
    assert_eq!(aside(&bench).len(), 10);
    let error = aside_done_on(bench.disk(), "meta").unwrap_err();
    assert!(matches!(error, AsideError::Unknown { .. }), "{error}");
    let error = aside_done_on(bench.disk(), "aside-9-1-1").unwrap_err();
    assert!(matches!(error, AsideError::Unknown { .. }), "{error}");
}

#[test]
fn a_lane_can_begin_anew_before_or_behind_where_it_was() {
    for (first, put_aside) in [(1, true), (7, true), (301, false), (4_000, false)] {
        let mut bench = filled(60);
        let report = reset(&bench, &fresh(first, put_aside)).unwrap();
        assert_eq!(report.last, Seq(first - 1));
        let taken = if put_aside { 300 } else { 0 };
        assert_eq!(report.put_aside, taken);
        assert_eq!(aside(&bench).len() as u64, taken);
        assert!(bench.verify().is_sound(), "{}", bench.verify());
        for _ in 0..2 {
            // The second time, with segments that were prepared.
            bench.open();
            let status = bench.journal().status(LANE);
            assert_eq!((status.first, status.last), (Seq(first), Seq(first - 1)));
            assert_eq!(bench.read().0, Vec::<u64>::new());
            bench.journal().settle(LANE);
            bench.kill();
        }
        bench.open();
        let known: Vec<_> = bench.journal().history(LANE).reigns;
        let said = [
            (Epoch(1), Seq(1)),
            (Epoch(3), Seq(50)),
            (Epoch(4), Seq(500)),
        ];
        let expected = said.iter().filter(|(_, begun)| begun.0 < first).count();
        assert_eq!(known[..expected], said[..expected], "{known:?}");
        let placed = bench.append(&[1_001]);
        assert_eq!(
            (placed[0].position.seq, placed[0].duplicate),
            (Seq(first), false)
        );
        bench.close();
        assert!(bench.verify().is_sound(), "{}", bench.verify());
        bench.open();
        assert_eq!(bench.journal().status(LANE).first, Seq(first));
        assert_eq!(bench.read().0, [1_001]);
    }
    let error = reset(&filled(1), &fresh(0, true)).unwrap_err();
    assert!(matches!(error, CutError::First), "{error}");
}

#[test]
fn a_lane_whose_end_is_lost_can_be_opened_after_a_cut() {
    let mut bench = filled(4);
    let (name, batches) = bench.newest_batches();
    bench.flip(&name, batches[3]);
    for (offset, header) in bench.batches(&name) {
        if header.count == 0 {
            bench.flip(&name, offset);
        }
    }
    let error = bench.try_open().unwrap_err();
    assert!(matches!(error, OpenError::TailDamaged { .. }), "{error}");
    let damaged = bench.content(&name);
    let report = cut(&bench, 18).unwrap();
    assert_eq!((report.last, report.put_aside), (Seq(15), 0));
    assert_eq!(report.copies.len(), 1, "{report:?}");
    assert_eq!(
        bench.content(&name.replace(".segment", ".1.damaged")),
        damaged
    );
    assert!(bench.verify().is_sound(), "{}", bench.verify());
    bench.open();
    assert_eq!(bench.append(&[1_016])[0].position.seq, Seq(16));
}

#[test]
fn a_lane_whose_newest_segment_is_missing_can_be_opened_after_a_cut() {
    let mut bench = filled(60);
    let newest = bench.segments().pop().unwrap();
    let first = bench.batches(&newest)[0].1.first.0;
    bench.disk().remove(&newest).unwrap();
    bench.disk().sync_directory().unwrap();
    let error = bench.try_open().unwrap_err();
    assert!(matches!(error, OpenError::SegmentMissing { .. }), "{error}");
    let report = cut(&bench, 1_000).unwrap();
    assert_eq!((report.last, report.put_aside), (Seq(first - 1), 0));
    assert!(bench.verify().is_sound(), "{}", bench.verify());
    bench.open();
    assert_eq!(bench.append(&[1_999])[0].position.seq, Seq(first));
}

#[test]
fn damage_behind_the_cut_is_kept_and_what_is_around_it_is_put_aside() {
    let mut bench = filled(60);
    let segments = bench.segments();
    let (second, third) = (&segments[1], &segments[2]);
    let batches = bench.batches(second);
    // A record of the second segment's third batch, and the header of a batch of the third one.
    let (offset, header) = batches[2];
    bench.flip(second, offset + BatchHeader::BYTES as u64 + 9);
    let (lost_at, lost) = bench.batches(third)[1];
    bench.flip(third, lost_at);
    let kept = [bench.content(second), bench.content(third)];
    let common = header.first.0 - 1;
    let report = cut(&bench, common).unwrap();
    assert_eq!(report.last, Seq(common), "just before the damage");
    assert_eq!(report.put_aside, 300 - common - 6);
    assert_eq!(
        (report.copies.len(), report.damaged.len()),
        (2, 2),
        "{report:?}"
    );
    for (name, content) in [second, third].into_iter().zip(kept) {
        assert_eq!(
            bench.content(&name.replace(".segment", ".1.damaged")),
            content
        );
    }
    let missing = [
        header.first.0..header.first.0 + 1,
        lost.first.0..lost.next().0,
    ];
    let expected = (common + 1..=300).filter(|seq| !missing.iter().any(|lost| lost.contains(seq)));
    assert_eq!(seqs(&aside(&bench)), expected.collect::<Vec<_>>());
    assert!(bench.verify().is_sound(), "{}", bench.verify());
    bench.open();
    assert_eq!(bench.journal().status(LANE).last, Seq(common));
}

#[test]
fn a_cut_at_a_record_that_cannot_be_read_goes_back_to_one_that_can() {
    let bench = filled(4);
    let (name, batches) = bench.newest_batches();
    bench.flip(&name, batches[2] + BatchHeader::BYTES as u64 + 9);
    let report = cut(&bench, 11).unwrap();
    assert_eq!((report.last, report.put_aside), (Seq(10), 9));
    assert!(bench.verify().is_sound(), "{}", bench.verify());
    // And with nothing before it, to the beginning of the lane.
    let mut bench = filled(4);
    bench.flip(&name, PAGE_BYTES as u64 + BatchHeader::BYTES as u64 + 9);
    let report = cut(&bench, 1).unwrap();
    assert_eq!((report.last, report.put_aside), (Seq(0), 19));
    assert_eq!(bench.open().last, Seq(0));
}

#[test]
fn what_a_repair_gave_up_behind_the_cut_leaves_the_ledger() {
    let bench = filled(60);
    let segments = bench.segments();
    for name in &segments[1..3] {
        let (offset, _) = bench.batches(name)[1];
        bench.flip(name, offset);
    }
    assert_eq!(bench.repair().given_up.len(), 2);
    let common = bench.batches(&segments[2])[0].1.first.0;
    let report = cut(&bench, common).unwrap();
    assert_eq!(report.last, Seq(common));
    let ledger = Ledger::decode(&bench.content("lost")).unwrap();
    assert_eq!(ledger.lost.len(), 1);
    // The number of the third segment stays; the copies of both are still there.
    let verified = bench.verify();
    assert!(verified.is_sound(), "{verified}");
    assert_eq!(verified.lanes[LANE.index()].found.given_up.len(), 1);
    let copies = [segments[1].clone(), segments[2].clone()];
    for name in copies {
        bench.content(&name.replace(".segment", ".damaged"));
    }
    // A cut before it gives the number again: the copy that a repair made must not stand for what
    // the next segment of this number will hold.
    cut(&bench, 3).unwrap();
    for name in &segments[1..3] {
        let old = name.replace(".segment", ".damaged");
        let listed = bench.disk().list().unwrap();
        assert!(listed.iter().all(|file| file.name != old), "{listed:?}");
        assert!(
            listed
                .iter()
                .any(|file| file.name.starts_with(&name[..20]) && file.name.ends_with(".damaged"))
        );
    }
}

#[test]
fn a_damaged_file_of_what_was_put_aside_says_so_and_the_rest_is_read() {
    let bench = filled(60);
    let name = cut(&bench, 7).unwrap().aside.unwrap();
    bench.flip(&name, PAGE_BYTES as u64 + BatchHeader::BYTES as u64 + 9);
    let files = read_aside_on(&bench.storages(), LANE).unwrap();
    let read: Vec<_> = files[0].read().unwrap().collect();
    let errors: Vec<_> = read.iter().filter_map(|item| item.as_ref().err()).collect();
    assert!(
        matches!(
            errors[..],
            [
                AsideError::Damaged { .. },
                AsideError::Short {
                    written: 293,
                    read: 292,
                    ..
                }
            ]
        ),
        "{errors:?}"
    );
    // Header and seal are only a help.
    bench.flip(&name, 20);
    bench.flip(&name, 2_050);
    let files = read_aside_on(&bench.storages(), LANE).unwrap();
    assert_eq!((files[0].records, files[0].when), (None, None));
    let good = files[0].read().unwrap().filter(Result::is_ok);
    assert_eq!(good.count(), 292);
}

#[test]
fn a_cut_that_was_begun_is_said_and_the_next_opening_finishes_it() {
    let mut bench = filled(60);
    // The plan is certain; nothing of it is done.
    let before = bench.disk().counters().directory_syncs;
    let undisturbed = {
        let copy = bench.disk().duplicate();
        let storages: [Arc<dyn Storage>; 2] = [bench.storages()[0].clone(), Arc::new(copy.clone())];
        let clock: SharedClock = bench.clock.clone();
        cut_after_on(&storages, LANE, Seq(100), &clock).unwrap();
        copy.counters().directory_syncs - before
    };
    assert!(undisturbed >= 4);
    bench.disk().inject_after(Fault::DirectorySyncError, 1);
    let error = cut(&bench, 100).unwrap_err();
    assert!(
        matches!(error, CutError::Journal(OpenError::Io { .. })),
        "{error}"
    );
    let verified = bench.verify();
    let refusal = verified.lanes[LANE.index()].refusal.as_ref().unwrap();
    assert!(
        matches!(refusal, OpenError::CutUnfinished { .. }),
        "{refusal}"
    );
    assert_eq!(bench.open().last, Seq(100));
    assert_eq!(aside(&bench).len(), 200);
    bench.close();
    assert!(bench.verify().is_sound(), "{}", bench.verify());
}

#[test]
fn a_damaged_plan_is_refused() {
    let mut bench = filled(60);
    bench.disk().inject_after(Fault::DirectorySyncError, 1);
    cut(&bench, 100).unwrap_err();
    bench.flip("cut", 30);
    let error = bench.try_open().unwrap_err();
    assert!(matches!(error, OpenError::CutDamaged { .. }), "{error}");
}

#[test]
fn the_other_lane_is_not_touched() {
    let bench = filled(4);
    let other = &bench.disks[Lane::Critical.index()];
    let before = other.counters();
    cut(&bench, 3).unwrap();
    let after = other.counters();
    assert_eq!(
        (after.writes, after.name_changes),
        (before.writes, before.name_changes)
    );
}
