//! Reading in order, from anywhere, into the live tail.

use std::future::Future;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};

use spica_model::{Lane, Seq};

use super::samples::{
    NEVER, Sample, append, append_numbers, follow, next_records, numbers, read_all, submit, wait,
};
use super::{Checked, Harness};
use crate::{FollowError, Followed, Follower, Journal, READ_BYTES};

pub(super) fn reads_from_zero(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    append_numbers(&journal, lane, 1..=10);
    let mut follower = follow(&journal, lane, Seq::ZERO);
    let mut read = Vec::new();
    while read.len() < 10 {
        assert_eq!(follower.after(), Seq(read.len() as u64));
        let records = next_records(&mut *follower, 3);
        assert!(
            (1..=3).contains(&records.len()),
            "at least one, at most as told"
        );
        read.extend(numbers(&records));
    }
    assert_eq!(read, (1..=10).collect::<Vec<_>>());
    assert_eq!(follower.read(3).unwrap(), Followed::UpToDate);
    assert_eq!(follower.after(), Seq(10));
    Checked::Yes
}

pub(super) fn reads_from_anywhere(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Critical;
    append_numbers(&journal, lane, 1..=10);
    for after in 0..=10 {
        let read = numbers(&read_all(&journal, lane, Seq(after)));
        assert_eq!(read, (after + 1..=10).collect::<Vec<_>>());
    }
    Checked::Yes
}

pub(super) fn refuses_the_future(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    append_numbers(&journal, Lane::Normal, 1..=3);
    match journal.follow(Lane::Normal, Seq(4)).err() {
        Some(FollowError::Beyond {
            lane,
            after,
            durable,
        }) => assert_eq!((lane, after, durable), (Lane::Normal, Seq(4), Seq(3))),
        other => panic!("a place in the future is another history, not {other:?}"),
    }
    assert!(journal.follow(Lane::Critical, Seq(1)).is_err());
    Checked::Yes
}

/// A waker that says so.
struct Signal(mpsc::Sender<()>);

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        // A check that has ended listens no more.
        let _ = self.0.send(());
    }
}

pub(super) fn is_woken(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    append_numbers(&journal, lane, 1..=1);
    let mut follower = follow(&journal, lane, Seq::ZERO);
    let ready = wait(follower.more());
    assert!(ready.is_ok(), "there is something already");
    assert_eq!(next_records(&mut *follower, 9).len(), 1);
    let (woken, wakes) = mpsc::channel();
    let waker = Waker::from(Arc::new(Signal(woken)));
    let mut context = Context::from_waker(&waker);
    let mut more = Box::pin(follower.more());
    assert!(
        more.as_mut().poll(&mut context).is_pending(),
        "nothing is there"
    );
    append_numbers(&journal, lane, 2..=2);
    wakes.recv_timeout(NEVER).expect("a wake");
    assert!(more.as_mut().poll(&mut context).is_ready());
    assert_eq!(numbers(&next_records(&mut *follower, 9)), [2]);
    Checked::Yes
}

pub(super) fn sees_durable_only(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    append_numbers(&journal, lane, 1..=1);
    if !harness.hold(&journal, lane) {
        return Checked::NotHere;
    }
    let ticket = submit(&journal, lane, &[Sample::number(2)]);
    assert_eq!(numbers(&read_all(&journal, lane, Seq::ZERO)), [1]);
    assert!(
        journal.follow(lane, Seq(2)).is_err(),
        "that place is not durable yet"
    );
    let mut waiting = follow(&journal, lane, Seq(1));
    assert_eq!(waiting.read(9).unwrap(), Followed::UpToDate);
    harness.release(&journal, lane);
    wait(ticket.durable()).unwrap();
    assert_eq!(numbers(&next_records(&mut *waiting, 9)), [2]);
    Checked::Yes
}

/// Several followers on both lanes, from different places, while records come.
pub(super) fn has_no_hole(harness: &mut dyn Harness) -> Checked {
    const BEFORE: u64 = 50;
    const ALL: u64 = 2_000;
    let journal = harness.fresh();
    for lane in Lane::ALL {
        let samples: Vec<_> = (1..=BEFORE).map(Sample::number).collect();
        append(&journal, lane, &samples);
    }
    std::thread::scope(|scope| {
        for lane in Lane::ALL {
            for after in [0, BEFORE / 2, BEFORE] {
                let follower = follow(&journal, lane, Seq(after));
                scope.spawn(move || assert_follows(follower, after, ALL));
            }
            let journal = &journal;
            scope.spawn(move || write_in_batches(journal, lane, BEFORE + 1, ALL));
        }
    });
    Checked::Yes
}

/// Submits the numbered records in batches of growing size; waits for some of them.
fn write_in_batches(journal: &Arc<dyn Journal>, lane: Lane, from: u64, to: u64) {
    let mut next = from;
    for size in (1..=40).cycle() {
        let end = (next + size).min(to + 1);
        let samples: Vec<_> = (next..end).map(Sample::number).collect();
        let ticket = submit(journal, lane, &samples);
        if size % 3 == 0 {
            wait(ticket.durable()).unwrap();
        }
        next = end;
        if next > to {
            break;
        }
    }
}

fn assert_follows(mut follower: Box<dyn Follower>, after: u64, to: u64) {
    let mut expected = after + 1;
    while expected <= to {
        match follower.read(64) {
            Ok(Followed::Records(records)) if !records.is_empty() => {
                for number in numbers(&records) {
                    assert_eq!(number, expected, "a hole or a repetition");
                    expected += 1;
                }
            }
            Ok(Followed::UpToDate) => wait(follower.more()).unwrap(),
            other => panic!("records were expected, not {other:?}"),
        }
    }
}

/// What a call returns is bounded by its bytes too: the record that reaches the bound is the last.
pub(super) fn bounds_its_bytes(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    let half = |number| Sample {
        payload: vec![number as u8; READ_BYTES / 2],
        ..Sample::number(number)
    };
    for pair in [[1, 2], [3, 4], [5, 6]] {
        append(&journal, lane, &pair.map(half));
    }
    append(&journal, lane, &[Sample::number(7)]);
    let check = |journal: &Arc<dyn Journal>| {
        let mut follower = follow(journal, lane, Seq::ZERO);
        for expected in [&[1, 2][..], &[3, 4], &[5, 6], &[7]] {
            let mut read = Vec::new();
            while read.len() < expected.len() {
                let records = next_records(&mut *follower, 100);
                let (last, others) = records.split_last().unwrap();
                let before: usize = others.iter().map(|r| r.payload.len()).sum();
                assert!(
                    before < READ_BYTES,
                    "{} came after the bound",
                    last.position
                );
                read.extend(records.iter().map(|record| record.position.seq.0));
            }
            assert_eq!(read, expected);
        }
    };
    check(&journal);
    if let Some(journal) = harness.reopen(journal) {
        check(&journal);
    }
    Checked::Yes
}

/// A follower goes from what was there before into what comes after.
pub(super) fn survives_reopening(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Critical;
    append_numbers(&journal, lane, 1..=5);
    let Some(journal) = harness.reopen(journal) else {
        return Checked::NotHere;
    };
    let mut follower = follow(&journal, lane, Seq(2));
    append_numbers(&journal, lane, 6..=7);
    let mut read = Vec::new();
    while read.len() < 5 {
        read.extend(numbers(&next_records(&mut *follower, 9)));
    }
    assert_eq!(read, [3, 4, 5, 6, 7]);
    Checked::Yes
}
