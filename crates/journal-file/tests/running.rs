//! A journal at work: full disks, failures, retention, keys, and the threads behind them.

mod common;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{Bench, LANE, settings, submit, without};
use futures::executor::block_on;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use spica_journal::{CommitErrorKind, Followed, Journal, SubmitError};
use spica_journal_file::{FileJournal, Metrics, OpenError, Options, dump_on};
use spica_journal_format::BatchKind;
use spica_model::{Lane, Seq, Timestamp};
use spica_settings::{ByteSize, Span};
use spica_storage::{Fault, FaultyStorage, Storage};

#[test]
fn a_full_disk_leaves_the_room_that_was_prepared_and_then_fails() {
    let mut bench = Bench::new(settings());
    bench.settings.normal.prepared_segments = 2;
    bench.open();
    bench.append(&[1]);
    while bench.journal().details(LANE).prepared_segments < 2 {
        bench.journal().settle(LANE);
    }
    bench.disk().set_capacity(Some(0));
    let room = bench.journal().details(LANE).room_bytes;
    assert_eq!(room, 2 * 8_192);
    let mut last = 1;
    let error = loop {
        match bench.try_append(&[last + 1]) {
            Ok(_) => last += 1,
            Err(error) => break error,
        }
    };
    let SubmitError::Failed(error) = error else {
        panic!("{error}")
    };
    assert_eq!((error.kind, error.lane), (CommitErrorKind::NoSpace, LANE));
    assert!(last > 100, "{last} records fit in the room that was left");
    assert!(bench.try_append(&[0]).is_err(), "it stays failed");
    let said = block_on(bench.journal().failed());
    assert_eq!(said.kind, CommitErrorKind::NoSpace);
    assert!(bench.journal().status(Lane::Critical).durable == Seq::ZERO);
    bench.close();
    bench.disk().set_capacity(None);
    bench.open();
    assert_eq!(
        bench.read().0,
        without(1..=last, &[]),
        "nothing acknowledged is lost"
    );
    bench.append(&[last + 1]);
}

#[test]
fn a_failed_flush_or_write_ends_the_lane_at_once() {
    for (fault, kind) in [
        (Fault::SyncError, CommitErrorKind::Sync),
        (Fault::WriteError, CommitErrorKind::Write),
    ] {
        let mut bench = Bench::new(settings());
        bench.open();
        bench.append(&[1]);
        // The keeper has nothing left to do: the fault meets the commit thread alone.
        while bench.journal().details(LANE).prepared_segments == 0 {
            bench.journal().settle(LANE);
        }
        bench.disk().set_chance(fault, 1.0);
        let SubmitError::Failed(error) = bench.try_append(&[2]).unwrap_err() else {
            panic!()
        };
        assert_eq!(error.kind, kind);
        bench.disk().calm();
        // What the keeper had begun before it saw the failure is over after a round.
        bench.journal().settle(LANE);
        let syncs = bench.disk().counters().syncs;
        let refused = submit(bench.journal(), &[3]).unwrap_err();
        assert!(matches!(refused, SubmitError::Failed(_)));
        bench.journal().settle(LANE);
        bench.journal().close();
        assert_eq!(
            bench.disk().counters().syncs,
            syncs,
            "the file is not touched again"
        );
        bench.kill();
        let report = bench.open();
        assert!(report.last >= Seq(1), "what was acknowledged is there");
    }
}

#[test]
fn an_idle_lane_notes_that_all_of_it_was_durable() {
    let mut bench = Bench::new(settings());
    bench.settings.mark_after = Span::from_millis(1);
    bench.open();
    bench.append(&[1]);
    let marks = |bench: &Bench| {
        let name = bench.segments().pop().unwrap();
        let batches = bench.batches(&name);
        batches
            .iter()
            .filter(|(_, header)| header.kind == BatchKind::Mark)
            .count()
    };
    while marks(&bench) == 0 {
        std::thread::yield_now();
    }
    bench.append(&[2]);
    while marks(&bench) == 1 {
        std::thread::yield_now();
    }
    assert_eq!(
        bench.journal().status(LANE).last,
        Seq(2),
        "a mark takes no place"
    );
    assert_eq!(bench.read().0, [1, 2]);
}

#[test]
fn retention_by_size_uses_files_again_and_waits_for_consumers() {
    let mut bench = Bench::new(settings());
    bench.settings.normal.retention_bytes = ByteSize::kib(24);
    bench.open();
    bench.journal().open_cursor("slow", LANE, Seq(3)).unwrap();
    bench.append_each(1..=300);
    bench.journal().settle(LANE);
    let details = bench.journal().details(LANE);
    assert_eq!(details.held_by, Some(("slow".to_owned(), Seq(3))));
    assert_eq!(
        bench.journal().status(LANE).first,
        Seq(1),
        "nothing went past the consumer"
    );
    bench
        .journal()
        .advance_cursor("slow", LANE, Seq(300))
        .unwrap();
    bench.journal().settle(LANE);
    let first = bench.journal().status(LANE).first;
    assert!(first > Seq(100), "{first}");
    assert_eq!(bench.journal().details(LANE).held_by, None);
    assert!(bench.journal().status(LANE).bytes <= 24 << 10);
    for round in 0..20 {
        bench.append_each(301 + round * 50..=350 + round * 50);
        bench
            .journal()
            .advance_cursor("slow", LANE, Seq(350 + round * 50))
            .unwrap();
        bench.journal().settle(LANE);
    }
    let listed = bench.disk().list().unwrap();
    let files = listed
        .iter()
        .filter(|file| file.name.contains(".s"))
        .count();
    assert!(files <= 6, "{listed:?}");
    let first = bench.journal().status(LANE).first.0;
    let mut late = bench.journal().follow(LANE, Seq(7)).unwrap();
    assert_eq!(
        late.read(9).unwrap(),
        Followed::Gap {
            from: Seq(8),
            to: Seq(first - 1)
        }
    );
    bench.kill();
    let report = bench.open();
    assert_eq!((report.first.0, report.last), (first, Seq(1_300)));
    assert_eq!(bench.read().0, without(first..=1_300, &[]));
}

#[test]
fn retention_that_a_crash_undid_is_done_again() {
    let mut undone = 0;
    for seed in 0..10 {
        let mut bench = Bench::new(settings());
        bench.disks[LANE.index()] = FaultyStorage::new(seed);
        bench.open();
        bench.append_each(1..=300);
        // A segment that is being prepared then would fail the lane.
        bench.prepare();
        bench.disk().set_chance(Fault::DirectorySyncError, 1.0);
        bench.clock.advance(Duration::from_secs(200 * 86_400));
        bench.journal().settle(LANE);
        let first = bench.journal().status(LANE).first;
        assert!(first > Seq(200), "{first}");
        bench.disk().calm();
        bench.crash();
        undone += u64::from(bench.segments().len() > 1);
        let report = bench.open();
        assert_eq!((report.first, report.last), (first, Seq(300)));
        assert_eq!(bench.segments().len(), 1);
    }
    assert!(undone > 0, "no crash came before the names were durable");
}

/// Followers that are slower than retention read from files that are given another life meanwhile.
#[test]
fn what_retention_takes_from_a_reader_is_a_gap_and_never_damage() {
    let mut bench = Bench::new(settings());
    bench.settings.normal.retention_bytes = ByteSize::kib(16);
    bench.settings.normal.recent_bytes = ByteSize::new(0);
    bench.settings.cursor_interval = Span::from_millis(10);
    bench.open();
    let journal = bench.journal().clone();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut gaps = 0;
                while !done.load(Ordering::SeqCst) {
                    let mut follower = journal.follow(LANE, Seq::ZERO).unwrap();
                    for _ in 0..40 {
                        match follower.read(3).unwrap() {
                            Followed::Gap { .. } => gaps += 1,
                            Followed::Damaged(damage) => panic!("{damage:?}"),
                            Followed::Records(_) | Followed::UpToDate => {}
                        }
                    }
                }
                assert!(gaps > 0, "retention took nothing");
            });
        }
        for number in 1..=4_000 {
            let ticket = submit(&journal, &[number % 1_000]).unwrap();
            block_on(ticket.durable()).unwrap();
            if number % 100 == 0 {
                journal.settle(LANE);
            }
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(journal.details(LANE).damages.is_empty());
}

/// The reader holds what it read ahead: a stale read of it looked like damage later.
#[test]
fn a_follower_takes_no_stale_read_for_damage() {
    let mut bench = Bench::new(settings());
    // Only the newest commit is in memory.
    bench.settings.normal.recent_bytes = ByteSize::new(1);
    bench.open();
    bench.append_each(1..=3);
    let mut follower = bench.journal().follow(LANE, Seq::ZERO).unwrap();
    bench.disk().inject(Fault::StaleRead);
    let mut seen = Vec::new();
    for more in 4..=7 {
        match follower.read(1).unwrap() {
            Followed::Records(records) => seen.push(records[0].position.seq.0),
            other => panic!("{other:?}"),
        }
        bench.append(&[more]);
    }
    assert_eq!(seen, [1, 2, 3, 4]);
    assert_eq!(bench.disk().counters().injected(Fault::StaleRead), 1);
    assert!(bench.journal().details(LANE).damages.is_empty());
}

#[test]
fn retention_by_age_keeps_the_newest_segment() {
    let mut bench = Bench::new(settings());
    bench.settings.normal.retention_age = Span::from_days(1);
    bench.open();
    bench.append_each(1..=200);
    bench.journal().settle(LANE);
    assert_eq!(bench.journal().status(LANE).first, Seq(1));
    bench.clock.advance(Duration::from_secs(2 * 86_400));
    bench.journal().settle(LANE);
    assert_eq!(bench.journal().details(LANE).segments, 1);
    assert_eq!(bench.append(&[201])[0].position.seq, Seq(201));
}

#[test]
fn keys_are_known_after_a_restart_whoever_holds_their_segment() {
    let mut bench = Bench::new(settings());
    bench.open();
    for number in 1_000..1_300 {
        bench.append(&[number]);
    }
    let assert_known = |bench: &Bench| {
        for number in [1_000, 1_050, 1_299] {
            let appended = bench.append(&[number]);
            assert!(appended[0].duplicate, "{number}");
            assert_eq!(appended[0].position.seq, Seq(number - 999));
        }
    };
    assert_known(&bench);
    bench.kill();
    bench.open();
    assert_known(&bench);
    bench.close();
    bench.open();
    assert_known(&bench);
    assert_eq!(bench.journal().details(LANE).keys, 300);
    bench.close();
    bench.settings.normal.dedup_keys = 100;
    bench.open();
    assert_eq!(bench.journal().details(LANE).keys, 100);
    assert!(bench.append(&[1_250])[0].duplicate);
    assert!(
        !bench.append(&[1_000])[0].duplicate,
        "the window is by count"
    );
    bench.close();
    bench.settings.normal.dedup_keys = 1_000;
    bench.clock.advance(Duration::from_secs(30 * 86_400));
    bench.open();
    assert_eq!(bench.journal().details(LANE).keys, 0, "and by age");
}

#[test]
fn a_queue_that_is_full_refuses_and_takes_again_when_it_moves_on() {
    let mut bench = Bench::new(settings());
    bench.settings.normal.queue_bytes = ByteSize::kib(4);
    bench.settings.normal.commit_bytes_max = ByteSize::kib(4);
    bench.open();
    let many: Vec<u64> = (1..=200).collect();
    let refused = submit(bench.journal(), &many).unwrap_err();
    assert!(
        matches!(
            refused,
            SubmitError::Full {
                limit_bytes: 4_096,
                ..
            }
        ),
        "{refused}"
    );
    assert_eq!(bench.journal().status(LANE).last, Seq::ZERO);
    bench.append(&many[..20]);
}

#[test]
fn a_commit_longer_than_a_segment_gets_a_longer_one() {
    let mut bench = Bench::new(settings());
    bench.open();
    let numbers: Vec<u64> = (1..=900).collect();
    bench.append(&[0]);
    bench.append(&numbers);
    bench.append(&[901]);
    bench.close();
    assert!(bench.verify().is_sound(), "{}", bench.verify());
    bench.open();
    assert_eq!(bench.read().0, without(0..=901, &[]));
}

#[test]
fn followers_go_from_disk_to_memory_without_a_hole() {
    let mut bench = Bench::new(settings());
    bench.settings.normal.recent_bytes = ByteSize::new(0);
    bench.open();
    let journal = bench.journal().clone();
    std::thread::scope(|scope| {
        for after in [0, 0] {
            let mut follower = journal.follow(LANE, Seq(after)).unwrap();
            scope.spawn(move || {
                let mut next = 1;
                while next <= 1_500 {
                    match follower.read(64).unwrap() {
                        Followed::Records(records) => {
                            for record in records {
                                assert_eq!(record.position.seq, Seq(next));
                                next += 1;
                            }
                        }
                        Followed::UpToDate => block_on(follower.more()).unwrap(),
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
        for number in 1..=1_500 {
            let ticket = submit(&journal, &[number]).unwrap();
            if number % 50 == 0 {
                block_on(ticket.durable()).unwrap();
            }
        }
    });
}

#[test]
fn closing_ends_every_wait_and_takes_nothing_more() {
    let mut bench = Bench::new(settings());
    bench.open();
    bench.append(&[1]);
    let journal = bench.journal().clone();
    let follower = journal.follow(LANE, Seq(1)).unwrap();
    let more = follower.more();
    let waiting = std::thread::spawn(move || block_on(more));
    bench.close();
    assert_eq!(
        waiting.join().unwrap().unwrap_err().kind,
        CommitErrorKind::Closed
    );
    assert!(matches!(submit(&journal, &[2]), Err(SubmitError::Closed)));
    journal.close();
    assert_eq!(block_on(journal.failed()).kind, CommitErrorKind::Closed);
    let report = bench.open();
    assert!(report.clean, "{report}");
}

#[test]
fn what_is_counted_can_be_scraped() {
    let mut bench = Bench::new(settings());
    let metrics = Metrics::new();
    let mut registry = Registry::default();
    metrics.register(&mut registry);
    let options = Options {
        settings: settings(),
        metrics,
        ..Options::default()
    };
    bench.try_open_with(options).unwrap();
    bench.append(&[1_001, 1_001, 1_002]);
    bench.close();
    let mut text = String::new();
    encode(&mut text, &registry).unwrap();
    for line in [
        "journal_records_total{lane=\"normal\"} 2",
        "journal_duplicates_total{lane=\"normal\"} 1",
        "journal_commits_total{lane=\"critical\"} 0",
        "journal_keys{lane=\"normal\"} 2",
        "journal_commit_seconds_count{lane=\"normal\"} 1",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[test]
fn a_range_can_be_dumped_from_a_journal_that_is_closed() {
    let mut bench = Bench::new(settings());
    bench.open();
    bench.append_each(1..=200);
    bench.close();
    let name = bench.segments()[1].clone();
    let (offset, header) = bench.batches(&name)[5];
    bench.flip(&name, offset + 60);
    let bad = header.first.0;
    let mut found = Vec::new();
    let range = Seq(bad - 2)..=Seq(bad + 2);
    dump_on(&bench.storages(), LANE, range, &mut |dumped| {
        found.push(match dumped {
            spica_journal_file::Dumped::Record(record) => record.position.seq.0.to_string(),
            spica_journal_file::Dumped::Missing { from, to } => format!("no {from} to {to}"),
        });
        std::ops::ControlFlow::Continue(())
    })
    .unwrap();
    let expected = [
        (bad - 2).to_string(),
        (bad - 1).to_string(),
        format!("no {bad} to {bad}"),
        (bad + 1).to_string(),
        (bad + 2).to_string(),
    ];
    assert_eq!(found, expected);
}

#[test]
fn on_a_real_disk_it_opens_closes_and_is_locked() {
    let dir = tempfile::tempdir().unwrap();
    let clock = || std::sync::Arc::new(spica_clock::SystemClock);
    let options = || Options {
        settings: settings(),
        ..Options::default()
    };
    let (journal, _) = FileJournal::open(options(), dir.path(), clock()).unwrap();
    let ticket = submit(&journal, &[1, 2, 3]).unwrap();
    block_on(ticket.durable()).unwrap();
    let locked = FileJournal::open(options(), dir.path(), clock())
        .err()
        .unwrap();
    assert!(matches!(locked, OpenError::Storage(_)), "{locked}");
    let later = Some(Timestamp::from_secs(999_004));
    let window = journal.window(LANE, later, None).unwrap();
    assert_eq!((window.after, window.through), (Seq(3), Seq(3)));
    journal.close();
    drop(journal);
    let verified = spica_journal_file::verify(dir.path()).unwrap();
    assert!(verified.is_sound(), "{verified}");
    let (journal, report) = FileJournal::open(options(), dir.path(), clock()).unwrap();
    assert!(report.is_sound() && report.lanes[1].clean);
    assert_eq!(report.lanes[1].last, Seq(3));
    drop(journal);
    let missing = spica_journal_file::verify(&dir.path().join("elsewhere")).unwrap_err();
    assert!(matches!(missing, OpenError::Io { .. }), "{missing}");
    assert!(
        !dir.path().join("elsewhere").exists(),
        "a look creates nothing"
    );
}
