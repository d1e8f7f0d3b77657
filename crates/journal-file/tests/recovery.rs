//! What is made of the files after a crash, after damage, and after a repair.
#![expect(clippy::unwrap_used, reason = "tests fail by it")]

mod common;

use common::{Bench, LANE, settings, without};
use spica_journal::Journal;
use spica_journal_file::OpenError;
use spica_journal_format::{BatchHeader, Page, Seal};
use spica_model::{Lane, Seq};
use spica_storage::{Mode, Storage};

/// A bench with ten commits of one record in one segment, ended as the test wants.
fn ten(end: fn(&mut Bench)) -> Bench {
    let mut bench = Bench::new(settings());
    bench.open();
    bench.append_each(1..=10);
    end(&mut bench);
    bench
}

/// A bench with some full segments, closed: 1 to 200, and how many records the first three hold.
fn several() -> (Bench, Vec<String>) {
    let mut bench = Bench::new(settings());
    bench.open();
    bench.append_each(1..=200);
    while bench.journal().details(LANE).prepared_segments == 0 {
        bench.journal().settle(LANE);
    }
    bench.close();
    let segments = bench.segments();
    assert!(segments.len() >= 4, "{segments:?}");
    (bench, segments)
}

fn range_of(bench: &Bench, name: &str) -> (u64, u64) {
    let batches = bench.batches(name);
    (
        batches[0].1.first.0,
        batches[batches.len() - 1].1.next().0 - 1,
    )
}

#[test]
fn a_torn_tail_is_cut_and_said_and_does_not_come_back() {
    let mut bench = ten(Bench::kill);
    let (name, batches) = bench.newest_batches();
    bench.flip(&name, batches[9] + BatchHeader::BYTES as u64 + 9);
    let report = bench.try_open().unwrap();
    let torn = report.torn.as_ref().unwrap();
    assert_eq!((torn.offset, torn.seq), (batches[9], Seq(10)));
    assert!(report.damaged.is_empty() && !report.clean, "{report}");
    assert!(report.to_string().contains("cut"), "{report}");
    bench.kill();
    let report = bench.open();
    assert_eq!((report.torn, report.last), (None, Seq(9)));
    assert_eq!(
        bench.append(&[11])[0].position.seq,
        Seq(10),
        "its place is given anew"
    );
    assert_eq!(bench.read().0, without(1..=11, &[10]));
}

#[test]
fn a_header_that_never_reached_the_disk_is_a_torn_tail_too() {
    let mut bench = ten(Bench::kill);
    let (name, batches) = bench.newest_batches();
    bench.overwrite(&name, batches[9], &[0; 20]);
    let report = bench.try_open().unwrap();
    assert_eq!(report.torn.unwrap().seq, Seq(10));
    assert_eq!(report.last, Seq(9));
}

/// A segment whose first page and first batch are zeros looked like one that was prepared and never
/// used, and the records of its other batches were gone without a word.
#[test]
fn a_segment_that_lost_its_beginning_is_damaged_and_not_unused() {
    let wipe = |bench: &Bench| {
        let (name, batches) = bench.newest_batches();
        bench.overwrite(&name, 0, &vec![0; batches[1] as usize]);
    };
    let mut bench = ten(Bench::kill);
    wipe(&bench);
    let report = bench.try_open().unwrap();
    assert_eq!((report.torn, report.last), (None, Seq(10)));
    assert_eq!(bench.read().0, without(2..=10, &[]));
    assert_eq!(bench.read().1.len(), 1, "the first record is damaged");
    assert_eq!(bench.append(&[11])[0].position.seq, Seq(11));
    bench.close();

    // The same for a segment that follows others: without its beginning, nothing else says that it
    // was ever begun.
    let mut bench = Bench::new(settings());
    bench.open();
    let mut last = 0;
    while bench.segments().len() < 3 || bench.newest_batches().1.len() < 5 {
        last += 1;
        bench.append(&[last]);
    }
    let first = last - bench.newest_batches().1.len() as u64 + 1;
    bench.kill();
    wipe(&bench);
    let report = bench.try_open().unwrap();
    assert_eq!(report.last, Seq(last));
    let damaged: Vec<_> = report.damaged.iter().map(|d| (d.from, d.to)).collect();
    assert_eq!(damaged, [(Seq(first), Seq(first))]);
    assert_eq!(bench.read().0, without(1..=last, &[first]));
}

#[test]
fn the_same_damage_after_a_mark_is_damage() {
    for (name, offset) in [("header", 5), ("record", BatchHeader::BYTES as u64 + 9)] {
        let mut bench = ten(Bench::close);
        let (segment, batches) = bench.newest_batches();
        bench.flip(&segment, batches[9] + offset);
        let report = bench.try_open().unwrap();
        assert_eq!((report.torn, report.last), (None, Seq(10)), "{name}");
        let damaged = &report.damaged[0];
        assert_eq!((damaged.from, damaged.to), (Seq(10), Seq(10)), "{name}");
        assert!(damaged.file.ends_with(&segment));
        assert!(damaged.offset >= batches[9], "{name}");
        let (numbers, damages) = bench.read();
        assert_eq!((numbers, damages.len()), (without(1..=9, &[]), 1), "{name}");
        assert_eq!(
            bench.append(&[11])[0].position.seq,
            Seq(11),
            "its place stays taken"
        );
        bench.close();
        let report = bench.try_open().unwrap();
        assert!(
            report.damaged.is_empty(),
            "the segment is sealed now, and trusted"
        );
        assert_eq!(bench.read().0, without(1..=11, &[10]), "{name}");
        assert_eq!(
            bench.verify().lanes[1].found.damaged.len(),
            1,
            "verified, it is found again"
        );
    }
}

#[test]
fn what_the_state_proves_is_damaged_and_not_torn() {
    let mut bench = ten(|bench| {
        bench.journal().settle(LANE);
        bench.kill();
    });
    let (segment, batches) = bench.newest_batches();
    bench.flip(&segment, batches[9] + BatchHeader::BYTES as u64 + 9);
    let report = bench.try_open().unwrap();
    assert_eq!((report.torn, report.last), (None, Seq(10)));
    assert_eq!(
        (report.damaged[0].from, report.damaged[0].to),
        (Seq(10), Seq(10))
    );
}

#[test]
fn damage_in_the_middle_costs_what_it_hits_and_no_more() {
    for (name, offset) in [("header", 5), ("record", BatchHeader::BYTES as u64 + 9)] {
        let mut bench = ten(Bench::kill);
        let (segment, batches) = bench.newest_batches();
        bench.flip(&segment, batches[4] + offset);
        let report = bench.try_open().unwrap();
        assert_eq!(
            (report.damaged[0].from, report.damaged[0].to),
            (Seq(5), Seq(5)),
            "{name}"
        );
        assert_eq!(bench.read().0, without(1..=10, &[5]), "{name}");
        assert_eq!(bench.journal().details(LANE).damages.len(), 1);
        let before = bench.content(&segment);
        bench.append(&[11]);
        assert_eq!(
            bench.content(&segment)[4_096..6_000],
            before[4_096..6_000],
            "nothing is cut"
        );
    }
}

#[test]
fn a_sector_of_zeros_hides_no_batch_after_it() {
    let mut bench = ten(Bench::kill);
    let (segment, batches) = bench.newest_batches();
    let at = batches[3] + 10;
    bench.overwrite(&segment, at, &[0; 150]);
    let report = bench.try_open().unwrap();
    let hit: Vec<u64> = (4..=10)
        .filter(|n| batches[*n as usize - 1] < at + 150)
        .collect();
    assert!(hit.len() >= 2);
    let damaged = &report.damaged;
    assert_eq!(
        (damaged.len(), damaged[0].from, damaged[0].to.0),
        (1, Seq(4), hit[hit.len() - 1])
    );
    assert_eq!(bench.read().0, without(1..=10, &hit));
}

#[test]
fn damage_in_a_sealed_segment_is_found_behind_the_scenes_and_when_it_is_read() {
    let (mut bench, segments) = several();
    let (offset, header) = bench.batches(&segments[1])[3];
    bench.flip(&segments[1], offset + BatchHeader::BYTES as u64 + 12);
    bench.settings.verify_rate = spica_settings::ByteSize::gib(1);
    bench.open();
    while bench.journal().details(LANE).damages.is_empty() {
        bench.journal().settle(LANE);
    }
    let found = bench.journal().details(LANE).damages;
    assert_eq!((found[0].from, found[0].to), (header.first, header.first));
    let (numbers, damages) = bench.read();
    assert_eq!(numbers, without(1..=200, &[header.first.0]));
    assert_eq!(
        (damages[0].from, damages[0].offset),
        (header.first, offset + 44)
    );
    assert_eq!(
        bench.journal().details(LANE).damages.len(),
        1,
        "the same damage counts once"
    );
}

#[test]
fn damaged_footers_seals_and_headers_lose_no_record() {
    let (mut bench, segments) = several();
    let page = Page::decode(&bench.content(&segments[0]), bench.keys(&segments[0]).salt).unwrap();
    bench.flip(&segments[0], page.seal.good().unwrap().footer_offset + 50);
    bench.flip(&segments[1], Seal::OFFSET + 20);
    bench.overwrite(&segments[2], 0, &[0; 4_096]);
    let verified = bench.verify();
    assert!(!verified.is_sound());
    assert_eq!(verified.lanes[1].found.notes.len(), 3, "{verified}");
    let report = bench.try_open().unwrap();
    assert!(report.damaged.is_empty(), "{report}");
    assert_eq!(
        report.notes.len(),
        2,
        "a footer is not looked at to open\n{report}"
    );
    assert_eq!(bench.read(), (without(1..=200, &[]), Vec::new()));
}

#[test]
fn a_missing_segment_in_the_middle_is_damage() {
    let (mut bench, segments) = several();
    let (first, last) = range_of(&bench, &segments[1]);
    bench.disk().remove(&segments[1]).unwrap();
    let report = bench.try_open().unwrap();
    let damaged = &report.damaged[0];
    assert_eq!((damaged.from.0, damaged.to.0), (first, last));
    assert!(damaged.file.ends_with(&segments[1]), "{damaged:?}");
    let missing: Vec<_> = (first..=last).collect();
    let (numbers, damages) = bench.read();
    assert_eq!(numbers, without(1..=200, &missing));
    assert_eq!((damages[0].from.0, damages[0].to.0), (first, last));
    assert_eq!(bench.append(&[201])[0].position.seq, Seq(201));
}

#[test]
fn a_missing_segment_at_the_front_is_damage_unless_retention_took_it() {
    let (mut bench, segments) = several();
    let (_, last) = range_of(&bench, &segments[0]);
    bench.disk().remove(&segments[0]).unwrap();
    let report = bench.try_open().unwrap();
    assert_eq!(
        (report.damaged[0].from.0, report.damaged[0].to.0),
        (1, last),
        "{report}"
    );
}

#[test]
fn a_segment_that_was_cut_short_is_damage_from_there_on() {
    let (mut bench, segments) = several();
    let batches = bench.batches(&segments[1]);
    let (first_lost, last) = (batches[10].1.first.0, range_of(&bench, &segments[1]).1);
    let file = bench.disk().open(&segments[1], Mode::Write).unwrap();
    file.set_len(batches[10].0 + 5).unwrap();
    drop(file);
    let report = bench.try_open().unwrap();
    assert_eq!(
        (report.damaged[0].from.0, report.damaged[0].to.0),
        (first_lost, last),
        "{report}"
    );
    let missing: Vec<_> = (first_lost..=last).collect();
    assert_eq!(bench.read().0, without(1..=200, &missing));
}

#[test]
fn a_lost_end_refuses_to_open_until_it_is_given_up() {
    let mut bench = Bench::new(settings());
    bench.open();
    bench.append_each(1..=10);
    bench.journal().settle(LANE);
    bench.kill();
    let (name, batches) = bench.newest_batches();
    bench.flip(&name, batches[9] + 5);
    let error = bench.try_open().unwrap_err();
    let OpenError::TailDamaged {
        recovered,
        known,
        offset,
        ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!((*recovered, *known, *offset), (Seq(9), Seq(10), batches[9]));
    assert!(
        error.to_string().contains("spica journal repair"),
        "{error}"
    );
    assert!(bench.verify().lanes[1].refusal.is_some());

    let before = bench.content(&name);
    let report = bench.repair();
    assert!(report.after.is_sound(), "{report}");
    assert_eq!(report.given_up[0].from, Seq(10));
    assert_eq!(bench.content(&name), before, "a repair changes no segment");
    let report = bench.open();
    assert_eq!(report.given_up.len(), 1);
    let lost_to = report.given_up[0].to;
    assert!(lost_to > Seq(1 << 32));
    assert_eq!(bench.append(&[11])[0].position.seq, lost_to.next());
    let (numbers, damages) = bench.read();
    assert_eq!(numbers, without(1..=11, &[10]));
    assert_eq!((damages[0].from, damages[0].to), (Seq(10), lost_to));
    assert!(
        damages[0].reason.contains("given up by a repair"),
        "{damages:?}"
    );
    bench.close();
    assert_eq!(bench.open().last, lost_to.next(), "it stays so");
    assert_eq!(bench.repair_says_nothing_more(), 1);
}

impl Bench {
    /// Repairs a second time; returns how many copies of segments there are.
    fn repair_says_nothing_more(&mut self) -> usize {
        self.close();
        let report = self.repair();
        assert!(
            report.given_up.is_empty() && report.copies.is_empty(),
            "{report}"
        );
        let listed = self.disk().list().unwrap();
        listed
            .iter()
            .filter(|file| file.name.ends_with(".damaged"))
            .count()
    }
}

#[test]
fn a_missing_newest_segment_refuses_to_open_until_it_is_given_up() {
    let (mut bench, segments) = several();
    let newest = &segments[segments.len() - 1];
    let (first, _) = range_of(&bench, newest);
    bench.disk().remove(newest).unwrap();
    let error = bench.try_open().unwrap_err();
    let OpenError::SegmentMissing {
        file,
        recovered,
        lane,
    } = &error
    else {
        panic!("{error}")
    };
    assert!(file.ends_with(newest));
    assert_eq!((recovered.0, *lane), (first - 1, LANE));
    let report = bench.repair();
    assert!(report.after.is_sound(), "{report}");
    bench.open();
    let place = bench.append(&[1])[0].position.seq;
    assert!(place > Seq(1 << 32));
    bench.close();
    bench.open();
    assert_eq!(bench.journal().status(LANE).last, place);
}

#[test]
fn damaged_records_can_be_given_up_and_a_copy_is_kept() {
    let mut bench = ten(Bench::close);
    let (name, batches) = bench.newest_batches();
    bench.flip(&name, batches[4] + BatchHeader::BYTES as u64 + 9);
    let damaged = bench.content(&name);
    let report = bench.repair();
    assert!(report.after.is_sound(), "{report}");
    assert_eq!((report.given_up.len(), report.copies.len()), (1, 1));
    let copy = name.replace(".segment", ".damaged");
    assert!(report.copies[0].ends_with(&copy));
    assert_eq!(bench.content(&copy), damaged);
    let opened = bench.open();
    assert_eq!(
        (opened.given_up[0].from, opened.given_up[0].to),
        (Seq(5), Seq(5))
    );
    let (numbers, damages) = bench.read();
    assert_eq!(
        numbers,
        without(1..=10, &[5]),
        "the others are still served"
    );
    assert!(damages[0].reason.contains("given up"));
}

#[test]
fn either_copy_of_meta_will_do_and_without_both_the_segments_have_it() {
    let mut bench = Bench::new(settings());
    bench.open();
    bench.append(&[1_001, 1_002]);
    bench.close();
    bench.flip("meta", 20);
    bench.disks[Lane::Critical.index()]
        .remove("meta.new")
        .unwrap_err();
    bench.open();
    bench.close();
    assert_eq!(bench.content("meta").len(), 44, "it is good again");
    bench.flip("meta", 20);
    bench.disks[Lane::Critical.index()].remove("meta").unwrap();
    let error = bench.try_open().unwrap_err();
    assert!(matches!(error, OpenError::MetaLost { .. }), "{error}");
    assert!(
        error.to_string().contains("spica journal repair"),
        "{error}"
    );
    let report = bench.repair();
    assert!(report.meta_restored && report.after.is_sound(), "{report}");
    bench.open();
    assert!(bench.append(&[1_002])[0].duplicate, "keys are still known");
}
