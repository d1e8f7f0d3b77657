//! What a lane says of its retention to whoever restates, and restated records in it.
#![allow(clippy::unwrap_used, reason = "tests fail by it")]

mod common;

use common::{Bench, LANE, settings};
use futures::executor::block_on;
use spica_clock::Clock;
use spica_journal::{Followed, Journal};
use spica_model::{Record, Seq, Timestamp};
use spica_settings::{ByteSize, Span};

/// Appends copies of a record of long ago until so many segments are full of them.
fn restate(bench: &Bench, original: &Record, segments: usize) {
    let goal = bench.journal().details(LANE).segments + segments;
    while bench.journal().details(LANE).segments < goal {
        let copies = vec![original.restated(); 20];
        let ticket = bench.journal().submit(LANE, &copies).unwrap();
        block_on(ticket.durable()).unwrap();
    }
    bench.journal().settle(LANE);
}

fn first_record(bench: &Bench) -> Record {
    let first = bench.journal().status(LANE).first;
    let mut follower = bench.journal().follow(LANE, Seq(first.0 - 1)).unwrap();
    let Followed::Records(mut records) = follower.read(1).unwrap() else {
        unreachable!("a journal that begins with a record")
    };
    records.remove(0)
}

#[test]
fn what_is_about_to_be_removed_is_said_before_it_is_held_back() {
    let mut bench = Bench::new(settings());
    bench.settings.normal.retention_bytes = ByteSize::kib(64);
    bench.open();
    let journal = bench.journal().clone();
    journal.open_cursor("standing", LANE, Seq::ZERO).unwrap();
    assert_eq!(journal.retiring(LANE), Seq::ZERO);
    let mut number = 0;
    while journal.retiring(LANE) == Seq::ZERO {
        number += 1;
        bench.append(&[number]);
        journal.settle(LANE);
    }
    assert_eq!(journal.details(LANE).held_by, None, "in time");
    let retiring = journal.retiring(LANE);
    assert!(retiring < journal.status(LANE).last);
    while journal.details(LANE).held_by.is_none() {
        number += 1;
        bench.append(&[number]);
        journal.settle(LANE);
    }
    assert_eq!(journal.status(LANE).first, Seq(1), "retention waits");
    journal.advance_cursor("standing", LANE, retiring).unwrap();
    journal.settle(LANE);
    assert_eq!(journal.status(LANE).first, retiring.next());
}

#[test]
fn a_segment_of_restated_records_is_as_young_as_when_it_was_begun() {
    let mut bench = Bench::new(settings());
    bench.settings.normal.retention_age = Span::from_days(1);
    bench.open();
    bench.append(&[1]);
    let original = first_record(&bench);
    bench
        .clock
        .advance(std::time::Duration::from_secs(12 * 3_600));
    restate(&bench, &original, 3);
    assert_eq!(bench.journal().status(LANE).first, Seq(1));
    bench
        .clock
        .advance(std::time::Duration::from_secs(13 * 3_600));
    bench.journal().settle(LANE);
    let first = bench.journal().status(LANE).first;
    assert!(
        bench.journal().details(LANE).segments >= 3,
        "the copies are half a day old"
    );
    bench.close();
    bench.open();
    assert_eq!(
        bench.journal().status(LANE).first,
        first,
        "nor after a restart"
    );
    bench
        .clock
        .advance(std::time::Duration::from_secs(13 * 3_600));
    bench.append(&[2]);
    bench.journal().settle(LANE);
    assert!(
        bench.journal().status(LANE).first > first,
        "then they are old"
    );
}

#[test]
fn restated_records_are_in_no_window_of_time() {
    let mut bench = Bench::new(settings());
    bench.open();
    bench.append(&[1]);
    let original = first_record(&bench);
    restate(&bench, &original, 2);
    let copies = bench.journal().status(LANE).last;
    bench.append(&[900]);
    let old = Some(original.received);
    let new = Some(Timestamp::from_secs(999_000 + 900));
    for _ in 0..2 {
        let window = bench.journal().window(LANE, old, new).unwrap();
        assert!(window.through < copies, "{window:?} ends with its segment");
        bench.close();
        bench.open();
    }
    assert!(bench.clock.wall() > original.received);
}
