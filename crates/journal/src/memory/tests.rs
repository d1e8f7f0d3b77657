use std::sync::Arc;

use futures::executor::block_on;
use spica_model::{
    ContentType, Key, Kind, Lane, NewRecord, Op, Quality, Seq, Timestamp, Topic, limits,
};

use super::{Limits, MemoryJournal};
use crate::contract::{self, Harness};
use crate::{CommitErrorKind, Followed, Journal, SubmitError, Ticket};

#[derive(Default)]
struct InMemory {
    journal: Option<Arc<MemoryJournal>>,
}

impl InMemory {
    fn journal(&self) -> &MemoryJournal {
        self.journal.as_ref().unwrap()
    }
}

impl Harness for InMemory {
    fn fresh(&mut self) -> Arc<dyn Journal> {
        let journal = MemoryJournal::new();
        self.journal = Some(Arc::clone(&journal));
        journal
    }

    fn hold(&mut self, _: &Arc<dyn Journal>, lane: Lane) -> bool {
        self.journal().hold(lane);
        true
    }

    fn release(&mut self, _: &Arc<dyn Journal>, lane: Lane) {
        self.journal().release(lane);
    }

    fn trim(&mut self, _: &Arc<dyn Journal>, lane: Lane, through: Seq) -> bool {
        self.journal().trim(lane, through);
        true
    }

    fn fail(&mut self, _: &Arc<dyn Journal>, lane: Lane) -> bool {
        self.journal().fail(lane, CommitErrorKind::Sync);
        true
    }

    fn cursor_limit(&self) -> Option<usize> {
        Some(Limits::default().cursors)
    }
}

#[test]
fn it_keeps_the_contract() {
    let not_here = contract::all(&mut InMemory::default());
    let of_the_disk = [
        "append::survives_reopening",
        "follow::survives_reopening",
        "cursors::survive_reopening",
    ];
    assert_eq!(not_here, of_the_disk);
}

/// Submits one record per payload, with the key if there is one.
fn submit(
    journal: &MemoryJournal,
    lane: Lane,
    key: Option<&str>,
    payloads: &[&[u8]],
) -> Result<Ticket, SubmitError> {
    let topic = Topic::new("root/t").unwrap();
    let key = key.map(|key| Key::new(key.as_bytes().to_vec()).unwrap());
    let record = |payload| NewRecord {
        topic: &topic,
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::EPOCH,
        source_time: None,
        content_type: &ContentType::Bytes,
        payload,
        key: key.as_ref(),
        cause: None,
        properties: None,
    };
    let records: Vec<_> = payloads.iter().copied().map(record).collect();
    journal.submit(lane, &records)
}

#[test]
fn a_manual_journal_commits_when_told_and_as_far_as_told() {
    let journal = MemoryJournal::manual();
    let first = submit(&journal, Lane::Normal, None, &[b"1", b"2"]).unwrap();
    let second = submit(&journal, Lane::Normal, None, &[b"3"]).unwrap();
    journal.commit_to(Lane::Normal, Seq(2));
    assert!(first.is_durable());
    assert!(!second.is_durable());
    journal.commit();
    assert!(second.is_durable());
    journal.commit_to(Lane::Normal, Seq(9));
    let durable = journal.status(Lane::Normal).durable;
    assert_eq!(durable, Seq(3), "only what was placed can be durable");
}

#[test]
fn a_commit_makes_room_in_the_queue() {
    let journal = MemoryJournal::with(Limits {
        queue_bytes: limits::PAYLOAD_BYTES,
        ..Limits::default()
    });
    journal.hold(Lane::Normal);
    let big = vec![0; limits::PAYLOAD_BYTES];
    submit(&journal, Lane::Normal, None, &[&big]).unwrap();
    let refusal = submit(&journal, Lane::Normal, None, &[b"x"]).unwrap_err();
    assert!(matches!(refusal, SubmitError::Full { .. }));
    assert!(submit(&journal, Lane::Normal, None, &[]).is_ok());
    journal.commit();
    assert!(submit(&journal, Lane::Normal, None, &[b"x"]).is_ok());
}

#[test]
fn the_oldest_keys_are_forgotten() {
    let journal = MemoryJournal::with(Limits {
        keys: 2,
        ..Limits::default()
    });
    let is_known = |key| {
        let ticket = submit(&journal, Lane::Normal, Some(key), &[b"x"]).unwrap();
        ticket.only().duplicate
    };
    assert_eq!(
        ["a", "b", "b", "c", "b", "a"].map(is_known),
        [false, false, true, false, true, false]
    );
}

#[test]
fn a_closed_journal_says_so() {
    let journal = MemoryJournal::manual();
    let ticket = submit(&journal, Lane::Critical, None, &[b"x"]).unwrap();
    journal.close();
    journal.commit();
    let error = block_on(ticket.durable()).unwrap_err();
    assert_eq!(error.kind, CommitErrorKind::Closed);
    let refusal = submit(&journal, Lane::Normal, None, &[b"x"]).unwrap_err();
    assert!(matches!(refusal, SubmitError::Closed));
}

#[test]
fn damage_is_said_and_passed_over() {
    let journal = MemoryJournal::new();
    submit(&journal, Lane::Normal, None, &[b"1", b"2", b"3", b"4"]).unwrap();
    journal.damage(Lane::Normal, Seq(2), Seq(3));
    let mut follower = journal.follow(Lane::Normal, Seq::ZERO).unwrap();
    let mut seen = Vec::new();
    loop {
        match follower.read(9).unwrap() {
            Followed::Records(records) => seen.push((records[0].position.seq.0, records.len())),
            Followed::Damaged(damage) => seen.push((damage.from.0 * 100, damage.to.0 as usize)),
            Followed::Gap { .. } => panic!("nothing was removed"),
            Followed::UpToDate => break,
        }
    }
    assert_eq!(seen, [(1, 1), (200, 3), (4, 1)]);
}

#[test]
fn bytes_are_given_back_by_retention() {
    let journal = MemoryJournal::new();
    submit(&journal, Lane::Normal, None, &[&[0; 1_000], &[0; 1_000]]).unwrap();
    let before = journal.status(Lane::Normal).bytes;
    assert_eq!(journal.trim(Lane::Normal, Seq(1)), Seq(1));
    assert_eq!(journal.status(Lane::Normal).bytes, before / 2);
    assert_eq!(
        journal.trim(Lane::Normal, Seq(9)),
        Seq(2),
        "no more than there is"
    );
    assert_eq!(journal.status(Lane::Normal).bytes, 0);
}
