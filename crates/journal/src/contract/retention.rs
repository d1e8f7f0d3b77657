//! What retention removes, what it says, and where it stops.

use std::sync::Arc;

use spica_model::{Lane, Seq};

use super::samples::{Sample, append, append_numbers, follow, next_records, numbers, read_all};
use super::{Checked, Harness};
use crate::{Followed, Journal};

/// Enough that a retention that works by the segment has something to remove.
const MANY: u64 = 100;

/// A journal with many records, most of which were removed.
fn trimmed(harness: &mut dyn Harness, lane: Lane) -> Option<(Arc<dyn Journal>, Seq)> {
    let journal = harness.fresh();
    append_numbers(&journal, lane, 1..=MANY);
    if !harness.trim(&journal, lane, Seq(MANY - 10)) {
        return None;
    }
    let first = journal.status(lane).first;
    assert!(
        (Seq(2)..=Seq(MANY - 9)).contains(&first),
        "it begins at {first} now"
    );
    Some((journal, first))
}

pub(super) fn says_the_gap(harness: &mut dyn Harness) -> Checked {
    let lane = Lane::Normal;
    let Some((journal, first)) = trimmed(harness, lane) else {
        return Checked::NotHere;
    };
    for after in [0, 1.min(first.0 - 2)] {
        let mut follower = follow(&journal, lane, Seq(after));
        let gap = Followed::Gap {
            from: Seq(after + 1),
            to: Seq(first.0 - 1),
        };
        assert_eq!(follower.read(5).unwrap(), gap);
        assert_eq!(follower.after(), Seq(first.0 - 1));
        let next = numbers(&next_records(&mut *follower, 5));
        assert_eq!(next[0], first.0, "it goes on after the gap");
    }
    let kept = numbers(&read_all(&journal, lane, Seq(first.0 - 1)));
    assert_eq!(
        kept,
        (first.0..=MANY).collect::<Vec<_>>(),
        "no gap where nothing is missing"
    );
    Checked::Yes
}

pub(super) fn stops_at_a_cursor(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    append_numbers(&journal, lane, 1..=MANY);
    journal.open_cursor("fast", lane, Seq(MANY)).unwrap();
    journal.open_cursor("slow", lane, Seq(MANY / 2)).unwrap();
    if !harness.trim(&journal, lane, Seq(MANY - 10)) {
        return Checked::NotHere;
    }
    let first = journal.status(lane).first;
    assert!(
        first <= Seq(MANY / 2 + 1),
        "{first} is past the slow cursor"
    );
    let unread = numbers(&read_all(&journal, lane, Seq(MANY / 2)));
    assert_eq!(unread[0], MANY / 2 + 1, "what it has not read is there");
    journal.remove_cursor("slow", lane).unwrap();
    assert!(harness.trim(&journal, lane, Seq(MANY - 10)));
    assert!(
        journal.status(lane).first > first,
        "nothing waits for a removed one"
    );
    Checked::Yes
}

pub(super) fn goes_on_counting(harness: &mut dyn Harness) -> Checked {
    let lane = Lane::Critical;
    let Some((journal, first)) = trimmed(harness, lane) else {
        return Checked::NotHere;
    };
    let place = append(&journal, lane, &[Sample::number(MANY + 1)])[0]
        .position
        .seq;
    assert_eq!(place, Seq(MANY + 1));
    if let Some(journal) = harness.reopen(journal) {
        let status = journal.status(lane);
        assert_eq!((status.first, status.last), (first, Seq(MANY + 1)));
        let kept = numbers(&read_all(&journal, lane, Seq(first.0 - 1)));
        assert_eq!(kept, (first.0..=MANY + 1).collect::<Vec<_>>());
    }
    Checked::Yes
}
