//! A journal that follows another one, and what may be acknowledged while it does.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by it")]

mod common;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use common::{Bench, LANE, settings, submit};
use futures::executor::block_on;
use spica_journal::{Journal as _, SubmitError};
use spica_journal_file::{Acknowledge, CopyError, FileJournal, Tailed};
use spica_journal_format::Batch;
use spica_model::{ContentType, Epoch, Kind, Lane, NewRecord, Op, Quality, Seq, Timestamp, Topic};

fn is_pending(future: impl Future) -> bool {
    matches!(
        pin!(future).poll(&mut Context::from_waker(Waker::noop())),
        Poll::Pending
    )
}

/// Two journals, the second one following the first.
fn pair() -> (Bench, Bench) {
    let (mut active, mut passive) = (Bench::new(settings()), Bench::new(settings()));
    active.open();
    passive.open();
    passive.journal().take_own(false);
    (active, passive)
}

/// Copies what the passive lacks; how many batches it took.
fn copy(from: &FileJournal, to: &FileJournal) -> usize {
    let mut tail = from.tail(LANE, to.history(LANE).last);
    let mut batches = 0;
    loop {
        match tail.read().unwrap() {
            Tailed::Batch(batch) => {
                let header = batch.header;
                let body = batch.body().clone();
                let batch = Batch::of_partner(header, body, LANE, from.lane_key(LANE));
                to.copy(LANE, batch).unwrap();
                let last = Seq(header.next().0 - 1);
                block_on(to.durable_here(LANE).reached(last)).unwrap();
                // What may be read follows a moment later.
                block_on(to.watermark(LANE).reached(last)).unwrap();
                batches += 1;
            }
            Tailed::UpToDate => return batches,
            other => panic!("{other:?}"),
        }
    }
}

fn numbers(bench: &Bench) -> Vec<u64> {
    bench.read().0
}

#[test]
fn a_follower_holds_the_same_records_at_the_same_places_from_memory_and_from_disk() {
    let (mut active, mut passive) = pair();
    // Several segments: the older ones are read from disk after it was opened again.
    active.append_each(1..=400);
    active.close();
    active.open();
    active.append(&[401, 402, 403]);
    assert!(copy(active.journal(), passive.journal()) > 2);
    assert_eq!(numbers(&passive), numbers(&active));
    assert_eq!(
        passive.journal().history(LANE).reigns,
        active.journal().history(LANE).reigns
    );
    passive.close();
    let report = passive.open();
    assert_eq!((report.last, report.damaged.len()), (Seq(403), 0));
    assert_eq!(numbers(&passive), numbers(&active));
}

#[test]
fn what_must_be_on_both_waits_for_the_partner_and_no_longer() {
    let (active, _) = pair();
    let journal = active.journal();
    journal.set_acknowledge(Acknowledge::Both);
    let [first, ticket] = [1, 2].map(|number| submit(journal, &[number]).unwrap());
    block_on(journal.durable_here(LANE).reached(Seq(2))).unwrap();
    assert!(is_pending(first.durable()));
    assert!(numbers(&active).is_empty(), "nor is it shown");
    journal.partner_has(LANE, Seq(1));
    block_on(first.durable()).unwrap();
    assert!(is_pending(ticket.durable()));
    assert_eq!(numbers(&active), [1]);
    journal.partner_has(LANE, Seq(2));
    block_on(ticket.durable()).unwrap();
    // The partner has come back with less: what was acknowledged stays so.
    journal.partner_has(LANE, Seq(0));
    assert_eq!(numbers(&active), [1, 2]);
    let ticket = submit(journal, &[3]).unwrap();
    block_on(journal.durable_here(LANE).reached(Seq(3))).unwrap();
    assert!(is_pending(ticket.durable()));
    journal.set_acknowledge(Acknowledge::Alone);
    block_on(ticket.durable()).unwrap();
    journal.set_acknowledge(Acknowledge::Never);
    let ticket = submit(journal, &[4]).unwrap();
    block_on(journal.durable_here(LANE).reached(Seq(4))).unwrap();
    assert!(is_pending(ticket.durable()));
}

#[test]
fn what_waits_for_the_partner_counts_against_the_limit_of_the_queue() {
    let mut settings = settings();
    settings.normal.queue_bytes = spica_settings::ByteSize::kib(4);
    settings.normal.commit_bytes_max = spica_settings::ByteSize::kib(4);
    let mut active = Bench::new(settings);
    active.open();
    active.journal().set_acknowledge(Acknowledge::Both);
    let mut placed = 0;
    let refused = loop {
        match submit(active.journal(), &[placed]) {
            Ok(ticket) => placed = ticket.waits_for().0,
            Err(error) => break error,
        }
        block_on(active.journal().durable_here(LANE).reached(Seq(placed))).unwrap();
    };
    assert!(matches!(refused, SubmitError::Full { .. }), "{refused}");
    active.journal().partner_has(LANE, Seq(placed));
    active.append_alone(placed);
}

#[test]
fn a_passive_takes_nothing_of_its_own_and_an_active_no_copies() {
    let (active, passive) = pair();
    assert!(matches!(
        submit(passive.journal(), &[1]),
        Err(SubmitError::Passive)
    ));
    active.append(&[1]);
    let batch = batch_after(active.journal(), 0);
    assert!(matches!(
        active.journal().copy(LANE, batch),
        Err(CopyError::Leading)
    ));
}

#[test]
fn a_hole_damage_and_an_old_epoch_are_refused_and_repetition_is_not() {
    let (active, passive) = pair();
    active.append(&[1]);
    active.append(&[2]);
    let (first, second) = (
        batch_after(active.journal(), 0),
        batch_after(active.journal(), 1),
    );
    let to = passive.journal();
    assert!(matches!(
        to.copy(LANE, second.clone()),
        Err(CopyError::Hole {
            expected: Seq(1),
            first: Seq(2)
        })
    ));
    to.copy(LANE, first.clone()).unwrap();
    to.copy(LANE, first).unwrap();
    let mut bytes = second.body().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let key = active.journal().lane_key(LANE);
    let bent = Batch::of_partner(second.header, bytes.into(), LANE, key);
    assert!(matches!(
        to.copy(LANE, bent),
        Err(CopyError::Damaged { seq: Seq(2) })
    ));
    to.copy(LANE, second).unwrap();
    block_on(to.durable_here(LANE).reached(Seq(2))).unwrap();
    // The passive takes over; its old active goes on in its own epoch.
    to.raise_epoch(Epoch(3)).unwrap();
    to.take_own(true);
    passive.append(&[3]);
    to.take_own(false);
    active.append(&[103]);
    active.append(&[104]);
    let late = batch_after(active.journal(), 3);
    assert!(matches!(
        to.copy(LANE, late),
        Err(CopyError::OldEpoch {
            epoch: 1,
            newest: 3
        })
    ));
}

#[test]
fn a_follower_that_takes_over_knows_the_keys_and_the_reigns() {
    let (active, mut passive) = pair();
    // Numbers from 1000 on have a key.
    let placed = active.append(&[1_007])[0];
    active.journal().raise_epoch(Epoch(2)).unwrap();
    active.append(&[8]);
    copy(active.journal(), passive.journal());
    assert_eq!(passive.journal().epoch(), Epoch(2));
    passive.journal().raise_epoch(Epoch(3)).unwrap();
    passive.journal().take_own(true);
    let again = passive.append(&[2_007])[0];
    assert!(again.duplicate);
    assert_eq!(again.position.seq, placed.position.seq);
    assert_eq!(again.position.epoch, Epoch(1));
    passive.append(&[9]);
    let reigns = [(Epoch(1), Seq(1)), (Epoch(2), Seq(2)), (Epoch(3), Seq(3))];
    assert_eq!(passive.journal().history(LANE).reigns, reigns);
    passive.close();
    passive.open();
    assert_eq!(passive.journal().history(LANE).reigns, reigns);
    assert_eq!(passive.journal().history(Lane::Critical).last, Seq(0));
}

fn batch_after(journal: &FileJournal, after: u64) -> Batch {
    let Tailed::Batch(batch) = journal.tail(LANE, Seq(after)).read().unwrap() else {
        panic!("no batch after {after}")
    };
    Batch::of_partner(
        batch.header,
        batch.body().clone(),
        LANE,
        journal.lane_key(LANE),
    )
}

trait Alone {
    fn append_alone(&self, number: u64);
}

impl Alone for Bench {
    fn append_alone(&self, number: u64) {
        self.journal().set_acknowledge(Acknowledge::Alone);
        self.append(&[number]);
    }
}

#[test]
fn records_are_placed_directly_behind_what_was_seen_or_not_at_all() {
    let mut bench = Bench::new(settings());
    bench.open();
    block_on(submit(bench.journal(), &[1]).unwrap().durable()).unwrap();
    let topic = Topic::new("root/a").unwrap();
    let record = NewRecord {
        topic: &topic,
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::from_secs(1),
        source_time: None,
        content_type: &ContentType::Bytes,
        payload: b"again",
        key: None,
        cause: None,
        properties: None,
    };
    let journal = bench.journal();
    let after = |last: u64| {
        let placed = journal.submit_after(LANE, Seq(last), std::slice::from_ref(&record));
        placed.unwrap().map(|ticket| ticket.only().position.seq)
    };
    assert_eq!(after(0), None);
    assert_eq!(after(2), None);
    assert_eq!(after(1), Some(Seq(2)));
    assert_eq!(after(1), None);
    assert_eq!(journal.status(LANE).last, Seq(2));
}
