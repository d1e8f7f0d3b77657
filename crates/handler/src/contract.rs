//! What every handler must do, as checks that its tests run on it.
//!
//! A check that fails panics with the reason, as an assertion does.
#![expect(clippy::unwrap_used, reason = "checks for tests fail as tests do")]

use bytes::Bytes;
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};

use crate::{Handler, Kept, Missed, MissedKind};

/// What a handler offers to its checks: those are about the normal lane.
pub trait Harness {
    /// A handler on an empty store.
    fn fresh(&mut self) -> Box<dyn Handler>;

    /// Another handler on what the last one left when its process was killed.
    fn again(&mut self) -> Box<dyn Handler>;

    /// The numbers of the records whose effect is there now, in order; one whose effect is there
    /// twice comes twice. Whoever asks may have to wait for effects that are under way.
    fn holds(&mut self) -> Vec<Seq>;

    /// A record of the normal lane that has an effect.
    fn record(&self, seq: Seq) -> Record {
        record(Lane::Normal, seq)
    }

    /// Lets the next delivery of a record fail; false if that cannot be arranged.
    fn fail_once(&mut self, seq: Seq) -> bool {
        let _ = seq;
        false
    }

    /// Whether dead letters can be given again: whether an earlier record still has an effect.
    fn replays(&self) -> bool {
        true
    }
}

/// A record as a test may want it: a number, one second after the one before.
#[must_use]
pub fn record(lane: Lane, seq: Seq) -> Record {
    let epoch = Epoch::FIRST;
    Record {
        position: Position { epoch, lane, seq },
        topic: Topic::new(format!("root/sensors/{}", seq.0 % 5)).unwrap(),
        kind: Kind::State,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::from_secs(u32::try_from(1_000_000 + seq.0).unwrap()),
        source_time: None,
        content_type: ContentType::Text,
        payload: Bytes::from(format!("{}.5", seq.0)),
        key: None,
        cause: None,
        properties: None,
    }
}

/// Runs all checks; returns the names of those that the harness could not arrange.
pub fn all(harness: &mut dyn Harness) -> Vec<&'static str> {
    holds_what_it_is_given_in_order(harness);
    goes_on_behind_what_it_kept(harness);
    changes_nothing_when_records_come_twice(harness);
    goes_on_behind_what_it_missed(harness);
    let mut passed_over = Vec::new();
    if !says_where_it_failed_and_goes_on_there(harness) {
        passed_over.push("says_where_it_failed_and_goes_on_there");
    }
    if !takes_an_earlier_record_once(harness) {
        passed_over.push("takes_an_earlier_record_once");
    }
    passed_over
}

fn batch(harness: &dyn Harness, range: std::ops::RangeInclusive<u64>) -> Vec<Record> {
    range.map(|seq| harness.record(Seq(seq))).collect()
}

fn seqs(range: std::ops::RangeInclusive<u64>) -> Vec<Seq> {
    range.map(Seq).collect()
}

/// What a handler has kept that has handled everything up to `through`.
fn kept(kept: Kept, through: Seq) -> Seq {
    match kept {
        Kept::All => through,
        Kept::Through(seq) => {
            assert!(seq <= through, "kept {seq}, but was given only {through}");
            seq
        }
    }
}

fn holds_what_it_is_given_in_order(harness: &mut dyn Harness) {
    let mut handler = harness.fresh();
    assert_eq!(handler.resume(Seq::ZERO), Ok(Seq::ZERO), "an empty store");
    handler.handle(&[]).unwrap();
    handler.handle(&batch(harness, 1..=1)).unwrap();
    handler.handle(&batch(harness, 2..=40)).unwrap();
    let place = kept(handler.kept(), Seq(40));
    let later = kept(handler.checkpoint().unwrap(), Seq(40));
    assert!(place <= later, "a checkpoint takes nothing back");
    assert_eq!(later, Seq(40), "a checkpoint keeps everything");
    assert_eq!(harness.holds(), seqs(1..=40));
}

fn goes_on_behind_what_it_kept(harness: &mut dyn Harness) {
    let mut handler = harness.fresh();
    handler.resume(Seq::ZERO).unwrap();
    handler.handle(&batch(harness, 1..=20)).unwrap();
    let cursor = kept(handler.checkpoint().unwrap(), Seq(20));
    handler.handle(&batch(harness, 21..=30)).unwrap();
    drop(handler);
    let mut handler = harness.again();
    let place = handler.resume(cursor).unwrap();
    assert!(place <= Seq(30), "resumes at {place}, was given 30");
    // A cursor that is older than the store, as after a crash, makes it no worse.
    handler.handle(&batch(harness, place.0 + 1..=35)).unwrap();
    handler.checkpoint().unwrap();
    assert_eq!(harness.holds(), seqs(1..=35));
}

fn changes_nothing_when_records_come_twice(harness: &mut dyn Harness) {
    let mut handler = harness.fresh();
    handler.resume(Seq::ZERO).unwrap();
    handler.handle(&batch(harness, 1..=10)).unwrap();
    handler.handle(&batch(harness, 6..=12)).unwrap();
    handler.checkpoint().unwrap();
    drop(handler);
    let mut handler = harness.again();
    // The cursor was lost.
    handler.resume(Seq::ZERO).unwrap();
    handler.handle(&batch(harness, 1..=8)).unwrap();
    handler.handle(&batch(harness, 9..=15)).unwrap();
    handler.checkpoint().unwrap();
    assert_eq!(harness.holds(), seqs(1..=15));
}

fn goes_on_behind_what_it_missed(harness: &mut dyn Harness) {
    let mut handler = harness.fresh();
    handler.resume(Seq::ZERO).unwrap();
    for (missed, kind) in [((1, 9), MissedKind::Gap), ((15, 17), MissedKind::Damage)] {
        let (from, to) = missed;
        handler
            .missed(&Missed {
                lane: Lane::Normal,
                from: Seq(from),
                to: Seq(to),
                kind,
            })
            .unwrap();
        handler.handle(&batch(harness, to + 1..=to + 5)).unwrap();
    }
    let cursor = kept(handler.checkpoint().unwrap(), Seq(22));
    assert_eq!(cursor, Seq(22));
    drop(handler);
    let mut handler = harness.again();
    assert_eq!(handler.resume(cursor), Ok(cursor));
    assert_eq!(harness.holds(), [seqs(10..=14), seqs(18..=22)].concat());
}

fn says_where_it_failed_and_goes_on_there(harness: &mut dyn Harness) -> bool {
    let mut handler = harness.fresh();
    handler.resume(Seq::ZERO).unwrap();
    if !harness.fail_once(Seq(7)) {
        return false;
    }
    let records = batch(harness, 1..=10);
    let error = handler.handle(&records).unwrap_err();
    assert!(error.at <= 6, "the records before it were said to be done");
    assert!(!error.detail.is_empty(), "an operator wants to know why");
    let place = kept(handler.kept(), Seq(error.at as u64));
    assert!(place < Seq(7), "what failed is not kept");
    handler.handle(&records[error.at..]).unwrap();
    handler.checkpoint().unwrap();
    assert_eq!(harness.holds(), seqs(1..=10));
    true
}

fn takes_an_earlier_record_once(harness: &mut dyn Harness) -> bool {
    if !harness.replays() {
        return false;
    }
    let mut handler = harness.fresh();
    handler.resume(Seq::ZERO).unwrap();
    handler.handle(&batch(harness, 1..=4)).unwrap();
    // The fifth was given up.
    handler.handle(&batch(harness, 6..=10)).unwrap();
    handler.checkpoint().unwrap();
    for _ in 0..2 {
        handler.replay(&harness.record(Seq(5))).unwrap();
    }
    let cursor = kept(handler.checkpoint().unwrap(), Seq(10));
    drop(handler);
    let mut handler = harness.again();
    handler.resume(cursor).unwrap();
    handler.replay(&harness.record(Seq(5))).unwrap();
    handler.checkpoint().unwrap();
    assert_eq!(harness.holds(), seqs(1..=10));
    true
}
