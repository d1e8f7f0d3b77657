//! Durable cursors of named consumers.

use std::sync::Arc;

use spica_model::{Lane, Seq};

use super::samples::append_numbers;
use super::{Checked, Harness};
use crate::{CursorError, CursorStatus, Journal};

fn listed(journal: &Arc<dyn Journal>) -> Vec<(String, Lane, u64)> {
    let plain = |CursorStatus { name, lane, seq }| (name, lane, seq.0);
    let mut cursors: Vec<_> = journal.cursors().into_iter().map(plain).collect();
    cursors.sort_by_key(|(name, lane, _)| (name.clone(), lane.index()));
    cursors
}

fn cursor(name: &str, lane: Lane, seq: u64) -> (String, Lane, u64) {
    (name.to_owned(), lane, seq)
}

pub(super) fn open_where_told_once(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    append_numbers(&journal, Lane::Normal, 1..=5);
    let opened = |lane, seq| journal.open_cursor("history", lane, Seq(seq)).unwrap();
    assert_eq!(opened(Lane::Normal, 2), Seq(2));
    assert_eq!(opened(Lane::Normal, 4), Seq(2), "it is there already");
    assert_eq!(
        opened(Lane::Critical, 0),
        Seq::ZERO,
        "lanes are independent"
    );
    let expected = [
        cursor("history", Lane::Critical, 0),
        cursor("history", Lane::Normal, 2),
    ];
    assert_eq!(listed(&journal), expected);
    Checked::Yes
}

pub(super) fn advance_never_back(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    append_numbers(&journal, lane, 1..=5);
    journal.open_cursor("a", lane, Seq(1)).unwrap();
    journal.open_cursor("b", lane, Seq(1)).unwrap();
    for (to, stands) in [(3, 3), (2, 3), (5, 5)] {
        journal.advance_cursor("a", lane, Seq(to)).unwrap();
        let expected = [cursor("a", lane, stands), cursor("b", lane, 1)];
        assert_eq!(listed(&journal), expected);
    }
    Checked::Yes
}

pub(super) fn can_be_removed(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let lane = Lane::Normal;
    append_numbers(&journal, lane, 1..=2);
    journal.open_cursor("a", lane, Seq(2)).unwrap();
    journal.remove_cursor("a", lane).unwrap();
    assert_eq!(listed(&journal), []);
    for outcome in [
        journal.remove_cursor("a", lane),
        journal.advance_cursor("a", lane, Seq(2)),
        journal.advance_cursor("never", lane, Seq(1)),
    ] {
        assert!(
            matches!(outcome, Err(CursorError::Unknown { .. })),
            "{outcome:?}"
        );
    }
    assert_eq!(
        journal.open_cursor("a", lane, Seq(1)).unwrap(),
        Seq(1),
        "it can come back"
    );
    Checked::Yes
}

pub(super) fn have_names(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    let longest = "n".repeat(64);
    for good in ["a", "history-2_x", &longest] {
        assert_eq!(
            journal.open_cursor(good, Lane::Normal, Seq::ZERO).unwrap(),
            Seq::ZERO
        );
    }
    let too_long = "n".repeat(65);
    for bad in ["", "A", "a b", "a/b", "..", "ä", &too_long] {
        let outcome = journal.open_cursor(bad, Lane::Normal, Seq::ZERO);
        assert!(
            matches!(outcome, Err(CursorError::Name(_))),
            "{bad:?}: {outcome:?}"
        );
    }
    assert_eq!(listed(&journal).len(), 3);
    Checked::Yes
}

pub(super) fn are_limited(harness: &mut dyn Harness) -> Checked {
    let Some(limit) = harness.cursor_limit() else {
        return Checked::NotHere;
    };
    let journal = harness.fresh();
    let open = |name: &str| journal.open_cursor(name, Lane::Normal, Seq::ZERO);
    for index in 0..limit {
        open(&format!("c{index}")).unwrap();
    }
    let outcome = open("one-more");
    assert!(
        matches!(outcome, Err(CursorError::TooMany(_))),
        "{outcome:?}"
    );
    assert!(open("c0").is_ok(), "one that is there is not one more");
    journal.remove_cursor("c0", Lane::Normal).unwrap();
    open("one-more").unwrap();
    Checked::Yes
}

pub(super) fn survive_reopening(harness: &mut dyn Harness) -> Checked {
    let journal = harness.fresh();
    append_numbers(&journal, Lane::Normal, 1..=5);
    for name in ["advanced", "removed", "still"] {
        journal.open_cursor(name, Lane::Normal, Seq(1)).unwrap();
    }
    journal
        .advance_cursor("advanced", Lane::Normal, Seq(4))
        .unwrap();
    journal.remove_cursor("removed", Lane::Normal).unwrap();
    let Some(journal) = harness.reopen(journal) else {
        return Checked::NotHere;
    };
    let expected = [
        cursor("advanced", Lane::Normal, 4),
        cursor("still", Lane::Normal, 1),
    ];
    assert_eq!(listed(&journal), expected, "an orderly end loses no place");
    Checked::Yes
}
