//! Being durable, and what happens until then.

use spica_model::{Lane, Seq, limits};

use super::samples::{Sample, append, numbers, read_all, submit, try_submit, wait};
use super::{Checked, Harness};
use crate::SubmitError;

/// More than any queue that a harness may offer, see [`Harness::hold`].
const MORE_THAN_A_QUEUE: usize = (256 << 20) / limits::PAYLOAD_BYTES + 2;

pub(super) fn resolves_when_durable(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    append(&journal, lane, &[Sample::number(1)]);
    if !harness.hold(&journal, lane) {
        return Checked::NotHere;
    }
    let ticket = submit(&journal, lane, &[Sample::number(2), Sample::number(3)]);
    assert_eq!(
        ticket.only().position.seq,
        Seq(2),
        "its place is known at once"
    );
    assert!(!ticket.is_durable());
    let status = journal.status(lane);
    assert_eq!((status.last, status.durable), (Seq(3), Seq(1)));
    let other = append(&journal, Lane::Critical, &[Sample::number(1)]);
    assert_eq!(other.len(), 1, "the other lane does not wait");
    harness.release(&journal, lane);
    wait(ticket.durable()).unwrap();
    assert!(ticket.is_durable());
    assert_eq!(journal.status(lane).durable, Seq(3));
    Checked::Yes
}

pub(super) fn duplicates_wait_too(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Critical;
    append(&journal, lane, &[Sample::keyed(1, "durable")]);
    if !harness.hold(&journal, lane) {
        return Checked::NotHere;
    }
    submit(&journal, lane, &[Sample::keyed(2, "waiting")]);
    let of_durable = submit(&journal, lane, &[Sample::keyed(9, "durable")]);
    assert!(of_durable.is_durable(), "its first delivery is durable");
    let of_waiting = submit(&journal, lane, &[Sample::keyed(9, "waiting")]);
    assert!(of_waiting.only().duplicate);
    assert!(
        !of_waiting.is_durable(),
        "its first delivery is not durable yet"
    );
    harness.release(&journal, lane);
    wait(of_waiting.durable()).unwrap();
    Checked::Yes
}

pub(super) fn refuses_when_full(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    if !harness.hold(&journal, lane) {
        return Checked::NotHere;
    }
    let big = [Sample {
        payload: vec![b'1'; limits::PAYLOAD_BYTES],
        ..Sample::number(1)
    }];
    let mut tickets = Vec::new();
    let refusal = (0..MORE_THAN_A_QUEUE).find_map(|_| match try_submit(&journal, lane, &big) {
        Ok(ticket) => {
            tickets.push(ticket);
            None
        }
        Err(refusal) => Some(refusal),
    });
    assert!(
        matches!(
            refusal,
            Some(SubmitError::Full {
                lane: Lane::Normal,
                ..
            })
        ),
        "a full queue refuses, not {refusal:?}"
    );
    assert_eq!(
        journal.status(lane).last.0,
        tickets.len() as u64,
        "nothing more is placed"
    );
    append(&journal, Lane::Critical, &[Sample::number(1)]);
    harness.release(&journal, lane);
    for ticket in &tickets {
        wait(ticket.durable()).unwrap();
    }
    append(&journal, lane, &[Sample::number(1)]);
    Checked::Yes
}

pub(super) fn ends_with_a_failure(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    append(&journal, lane, &[Sample::keyed(1, "a")]);
    let before = submit(&journal, lane, &[Sample::keyed(1, "a")]);
    if !harness.fail(&journal, lane) {
        return Checked::NotHere;
    }
    // The failure may have come before this, or comes with this one's commit.
    if let Ok(ticket) = try_submit(&journal, lane, &[Sample::number(2)]) {
        let error = wait(ticket.durable()).expect_err("nothing is acknowledged any more");
        assert_eq!(error.lane, lane);
        assert!(!ticket.is_durable());
    }
    let refusal = try_submit(&journal, lane, &[Sample::number(3)]).expect_err("a failed lane");
    assert!(matches!(refusal, SubmitError::Failed(_)), "{refusal:?}");
    assert!(wait(before.durable()).is_ok(), "what was durable stays so");
    assert!(journal.watermark(lane).failure().is_some());
    assert_eq!(journal.status(lane).durable, Seq(1));
    let readable = numbers(&read_all(&journal, lane, Seq::ZERO));
    assert_eq!(readable, [1], "what is not durable is not served");
    Checked::Yes
}
