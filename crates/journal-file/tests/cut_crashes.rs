//! Shortening lanes of all kinds, at any place, with a fault at any operation: what is left, what was
//! put aside and how the lane goes on are always the same. `SPICA_SEED` picks one seed.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by it")]

mod common;

use common::{Bench, LANE, settings};
use spica_clock::SharedClock;
use spica_journal::Journal;
use spica_journal_file::{CutReport, OpenError, cut_after_on, read_aside_on};
use spica_model::{Epoch, Seq};
use spica_settings::ByteSize;
use spica_storage::{Fault, FaultyStorage};

const FAULTS: [Fault; 5] = [
    Fault::PowerCut,
    Fault::WriteError,
    Fault::SyncError,
    Fault::DirectorySyncError,
    Fault::NoSpace,
];

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// What a lane holds: the numbers of its records and their epochs, from `first` on.
#[derive(Debug, Clone)]
struct Model {
    first: u64,
    records: Vec<(u64, u32)>,
}

impl Model {
    fn last(&self) -> u64 {
        self.first + self.records.len() as u64 - 1
    }

    /// What stays and what is put aside by a cut after `common`.
    fn cut(&self, common: u64) -> (Self, Vec<(u64, u32)>) {
        let stay = (common + 1).saturating_sub(self.first) as usize;
        let (stay, aside) = self.records.split_at(stay.min(self.records.len()));
        let first = self.first.min(common + 1);
        let records = stay.to_vec();
        (Self { first, records }, aside.to_vec())
    }

    fn numbers(&self) -> Vec<u64> {
        self.records.iter().map(|(number, _)| *number).collect()
    }
}

/// The number of the record at `seq`: every second one has a key of its own.
const fn number(seq: u64) -> u64 {
    if seq.is_multiple_of(2) {
        1_000 + seq
    } else {
        seq
    }
}

/// A journal with batches of some sizes, some epochs, and, every second time, a beginning that
/// retention has taken and segments that had a life before. It was closed, or not.
fn journal(random: &mut Random) -> (Bench, Model) {
    let mut settings = settings();
    if random.chance(2) {
        settings.normal.retention_bytes = ByteSize::kib(40);
    }
    let mut bench = Bench::new(settings);
    bench.open();
    let (mut next, mut epoch, mut records) = (1, 1, Vec::new());
    let end = 50 + random.below(600);
    while next < end {
        match random.below(20) {
            0 => {
                epoch += 1 + random.below(3) as u32;
                bench.journal().raise_epoch(Epoch(epoch)).unwrap();
            }
            1 => bench.journal().settle(LANE),
            _ => {
                let count = 1 + random.below(12);
                let batch: Vec<_> = (next..next + count).map(number).collect();
                bench.append(&batch);
                records.extend(batch.into_iter().map(|number| (number, epoch)));
                next += count;
            }
        }
    }
    let open = bench.journal().open_cursor("c", LANE, Seq(end / 2));
    open.unwrap();
    bench.journal().settle(LANE);
    let first = bench.journal().status(LANE).first.0;
    records.drain(..first as usize - 1);
    if random.chance(2) {
        bench.close();
    } else {
        bench.kill();
    }
    (bench, Model { first, records })
}

fn cut(bench: &Bench, common: u64) -> Result<CutReport, String> {
    let clock: SharedClock = bench.clock.clone();
    cut_after_on(&bench.storages(), LANE, Seq(common), &clock).map_err(|error| error.to_string())
}

fn aside(bench: &Bench) -> Vec<(u64, u32)> {
    let files = read_aside_on(&bench.storages(), LANE).unwrap();
    let records = files.iter().flat_map(|file| file.read().unwrap());
    let payload = |record: spica_model::Record| {
        let number = std::str::from_utf8(&record.payload).unwrap();
        (number.parse().unwrap(), record.position.epoch.0)
    };
    records.map(|record| payload(record.unwrap())).collect()
}

/// The same disks once more, and a bench on them.
fn duplicate(bench: &Bench) -> Bench {
    let mut copy = Bench::new(bench.settings.clone());
    copy.disks = bench.disks.each_ref().map(FaultyStorage::duplicate);
    copy
}

/// Opens the lane, which must hold this.
fn check_open(bench: &mut Bench, model: &Model) {
    let report = bench.open();
    assert_eq!(report.last.0, model.last());
    let status = bench.journal().status(LANE);
    assert_eq!(status.first.0, model.first);
    assert_eq!(bench.read().0, model.numbers());
}

/// What must be so after a cut, whatever happened: also when the lane goes on, over the places and
/// the segments that were cut, and ends without a word.
fn check(bench: &mut Bench, model: &Model, put_aside: &[(u64, u32)], random: &mut Random) {
    let verified = bench.verify();
    assert!(verified.is_sound(), "{verified}");
    assert_eq!(aside(bench), put_aside);
    check_open(bench, model);
    for (name, known) in bench.journal().cursors().iter().zip(["c"]) {
        assert_eq!(name.name, known);
        assert!(name.seq.0 <= model.last().max(model.first - 1));
    }
    let epoch = bench.journal().epoch().0;
    let mut model = model.clone();
    let keyed = |number: &&(u64, u32)| number.0 >= 1_000;
    if let Some((kept, _)) = model.records.iter().rev().find(keyed) {
        assert!(bench.append(&[*kept])[0].duplicate);
    }
    // A retry of what was cut is a new fact, and so is what comes after it.
    for (number, _) in put_aside {
        if random.chance(3) {
            let appended = bench.append(&[*number]);
            assert!(!appended[0].duplicate, "{number}");
            model.records.push((*number, epoch));
            assert_eq!(appended[0].position.seq.0, model.last());
        }
        if random.chance(4) {
            bench.journal().settle(LANE);
        }
    }
    bench.journal().settle(LANE);
    let first = bench.journal().status(LANE).first.0;
    model.records.drain(..(first - model.first) as usize);
    model.first = first;
    match random.below(3) {
        0 => bench.close(),
        1 => bench.kill(),
        _ => bench.crash(),
    }
    let verified = bench.verify();
    assert!(verified.is_sound(), "{verified}");
    check_open(bench, &model);
    bench.close();
}

fn seeds(default: std::ops::Range<u64>) -> Vec<u64> {
    let picked = std::env::var("SPICA_SEED").ok();
    picked.map_or_else(|| default.collect(), |seed| vec![seed.parse().unwrap()])
}

#[test]
fn any_lane_can_be_cut_anywhere() {
    for seed in seeds(0..25) {
        let mut random = Random(seed);
        let (mut bench, model) = journal(&mut random);
        let common = random.below(model.last() + 1);
        println!(
            "seed {seed}: {} to {}, cut after {common}",
            model.first,
            model.last()
        );
        let (stays, put_aside) = model.cut(common);
        let report = cut(&bench, common).unwrap();
        assert_eq!(
            (report.last.0, report.put_aside),
            (common, put_aside.len() as u64)
        );
        check(&mut bench, &stays, &put_aside, &mut random);
    }
}

#[test]
fn a_fault_at_any_operation_changes_nothing_of_the_result() {
    for seed in seeds(100..104) {
        let mut random = Random(seed);
        let (bench, model) = journal(&mut random);
        let common = random.below(model.last());
        let (stays, put_aside) = model.cut(common);
        println!(
            "seed {seed}: {} to {}, cut after {common}",
            model.first,
            model.last()
        );
        for fault in FAULTS {
            let mut struck = 0;
            while strike(&bench, fault, struck, common, |mut left| {
                println!("seed {seed}: cut after {common}, {fault:?} after {struck}");
                peek(&mut left, &model, &stays, &mut random);
                let report = cut(&left, common).unwrap();
                assert_eq!(report.last.0, common);
                check(&mut left, &stays, &put_aside, &mut random);
            }) {
                struck += 1;
            }
            assert!(struck > 0, "{fault:?}");
        }
    }
}

/// Whatever bytes are wrong: what can be read is in the lane or put aside, and where something is
/// missing there is a copy of its segment.
#[test]
fn a_cut_of_a_damaged_lane_loses_nothing_that_can_be_read() {
    let (mut lost_in_all, mut refused) = (0, 0);
    for seed in seeds(200..280) {
        let mut random = Random(seed);
        let (mut bench, model) = journal(&mut random);
        let segments = bench.segments();
        for _ in 0..1 + random.below(4) {
            let name = &segments[random.below(segments.len() as u64) as usize];
            let len = bench.content(name).len() as u64;
            let offset = random.below(len);
            if random.chance(3) {
                bench.overwrite(name, offset, &vec![0xa5; (len - offset) as usize]);
            } else {
                bench.flip(name, offset);
            }
        }
        refused += u64::from(bench.verify().lanes[LANE.index()].refusal.is_some());
        let common = random.below(model.last());
        println!(
            "seed {seed}: {} to {}, cut after {common}",
            model.first,
            model.last()
        );
        let report = cut(&bench, common).unwrap();
        assert!(report.last.0 <= common);
        let (stays, expected) = model.cut(report.last.0);
        let put_aside = aside(&bench);
        assert_eq!(put_aside.len() as u64, report.put_aside);
        let lost = expected.len() - put_aside.len();
        let mut of_expected = expected.into_iter();
        for record in put_aside {
            assert!(of_expected.any(|expected| expected == record), "{record:?}");
        }
        assert!(lost == 0 || !report.copies.is_empty(), "{lost}: {report:?}");
        lost_in_all += lost;
        let opened = bench.try_open().unwrap();
        assert_eq!(opened.last, report.last);
        let (read, damages) = bench.read();
        let damaged: u64 = damages.iter().map(|lost| lost.to.0 - lost.from.0 + 1).sum();
        assert_eq!(read.len() as u64 + damaged, stays.records.len() as u64);
        let mut of_stays = stays.numbers().into_iter();
        for number in read {
            assert!(of_stays.any(|stays| stays == number), "{number}");
        }
        assert_eq!(bench.append(&[999])[0].position.seq, report.last.next());
        bench.close();
    }
    println!("{lost_in_all} records lost behind cuts, {refused} lanes refused");
    assert!(lost_in_all > 0 && refused > 0);
}

/// Cuts a copy of the lane with a fault after `skip` operations, and ends the process or the machine;
/// false if it did not happen any more.
fn strike(bench: &Bench, fault: Fault, skip: u64, common: u64, then: impl FnOnce(Bench)) -> bool {
    let mut copy = duplicate(bench);
    copy.disk().inject_after(fault, skip);
    let done = cut(&copy, common);
    if copy.disk().counters().injected(fault) == bench.disk().counters().injected(fault) {
        done.unwrap();
        return false;
    }
    done.unwrap_err();
    copy.disk().calm();
    if fault == Fault::PowerCut || skip.is_multiple_of(2) {
        copy.crash();
    } else {
        copy.kill();
    }
    then(copy);
    true
}

/// Before it is cut again, a lane may be looked at or opened: it is as it was, or as it is to be.
fn peek(bench: &mut Bench, before: &Model, after: &Model, random: &mut Random) {
    let verified = bench.verify();
    let lane = &verified.lanes[LANE.index()];
    match &lane.refusal {
        None => assert!(verified.is_sound(), "{verified}"),
        Some(OpenError::CutUnfinished { .. }) => {}
        Some(other) => panic!("{other}"),
    }
    if random.chance(3) {
        return;
    }
    let last = bench.open().last.0;
    assert!([before.last(), after.last()].contains(&last), "{last}");
    let unfinished = lane.refusal.is_some();
    assert!(!unfinished || last == after.last());
    if random.chance(2) {
        bench.close();
    } else {
        bench.kill();
    }
}
