//! The last state beneath later events.

use proptest::prelude::*;
use spica_model::{Kind, Lane, Op, Record, Timestamp};

use super::tests::{choices, fold, held, interleave, journal, naive, normal, record, shown, tree};
use super::{Outcome, StateTree};

/// An event of the normal lane, received at the second of its sequence.
fn event(topic: &str, seq: u32, op: Op) -> Record {
    Record {
        kind: Kind::Event,
        ..normal(topic, seq, op)
    }
}

fn states(tree: &StateTree) -> Vec<Record> {
    let states = tree.states("", None);
    states.filter_map(|(_, state)| state.cloned()).collect()
}

/// The places of the records that a checkpoint is given for each change.
fn stored(tree: &mut StateTree) -> Vec<Vec<u64>> {
    let changes = tree.take_changes(9).into_iter();
    let seqs = changes.map(|it| it.records.iter().map(|r| r.position.seq.0).collect());
    seqs.collect()
}

#[test]
fn an_event_neither_hides_nor_removes_the_state_of_its_topic() {
    let mut tree = tree(10, 10);
    let state = normal("a", 1, Op::Put);
    tree.apply(&state);
    let alone = tree.bytes();
    assert_eq!(tree.apply(&event("a", 2, Op::Put)), Outcome::Shows);
    assert_eq!(tree.get("a"), Some(&event("a", 2, Op::Put)));
    assert_eq!(tree.state("a"), Some(&state));
    let both = tree.bytes();
    assert!(alone < both && both < 2 * alone);
    assert_eq!(tree.topics(), 1);
    assert_eq!(tree.apply(&event("a", 3, Op::Put)), Outcome::Shows);
    assert_eq!(tree.state("a"), Some(&state));
    assert_eq!(tree.bytes(), both, "the event before is gone");
    assert_eq!(stored(&mut tree), [[3, 1]]);

    let newer = normal("a", 4, Op::Put);
    assert_eq!(tree.apply(&newer), Outcome::Shows);
    assert_eq!(tree.state("a"), Some(&newer));
    assert_eq!(tree.bytes(), alone, "nothing beneath the usual topic");
    assert_eq!(stored(&mut tree), [[4]]);
}

#[test]
fn a_topic_of_events_has_no_state() {
    let mut tree = tree(10, 10);
    tree.apply(&event("a", 1, Op::Put));
    assert!(tree.get("a").is_some());
    assert_eq!(tree.state("a"), None);
    assert_eq!(tree.state("b"), None);
    let looked: Vec<_> = tree.states("", None).collect();
    assert_eq!(looked.len(), 1, "the topic is looked at");
    assert_eq!(looked[0].1, None);
}

#[test]
fn a_deleted_state_stays_deleted_beneath_events() {
    let mut tree = tree(10, 10);
    tree.apply(&normal("a", 2, Op::Delete));
    tree.apply(&event("a", 3, Op::Put));
    assert_eq!((tree.topics(), tree.tombstones()), (1, 0));
    assert_eq!(tree.apply(&normal("a", 1, Op::Put)), Outcome::Unchanged);
    assert_eq!(tree.state("a"), None);
    tree.forget_tombstones(Timestamp::from_secs(9_999));
    tree.apply(&normal("a", 1, Op::Put));
    assert_eq!(tree.state("a"), None, "as long as the topic has a value");

    tree.apply(&normal("a", 4, Op::Delete));
    assert_eq!((tree.topics(), tree.tombstones()), (0, 1));
    assert_eq!(held(&tree).len(), 1);
    tree.forget_tombstones(Timestamp::from_secs(9_999));
    assert_eq!((tree.last("a"), tree.bytes()), (None, 0));
}

#[test]
fn a_state_that_comes_after_its_event_is_taken_beneath_it_and_a_checkpoint_hears_of_it() {
    let mut tree = tree(10, 10);
    tree.apply(&event("a", 5, Op::Put));
    assert_eq!(stored(&mut tree), [[5]]);
    for (seq, expected) in [(3, 3), (2, 3), (4, 4)] {
        let outcome = tree.apply(&normal("a", seq, Op::Put));
        assert_eq!(outcome, Outcome::Unchanged, "the event is shown");
        assert_eq!(tree.state("a"), Some(&normal("a", expected, Op::Put)));
    }
    assert_eq!(stored(&mut tree), [[5, 4]]);
}

#[test]
fn an_event_that_deletes_its_topic_leaves_the_state_and_its_place_in_the_tree() {
    let mut tree = tree(1, 10);
    let state = normal("a", 1, Op::Put);
    tree.apply(&state);
    tree.apply(&event("a", 2, Op::Delete));
    assert_eq!((tree.get("a"), tree.state("a")), (None, Some(&state)));
    assert_eq!((tree.topics(), tree.tombstones()), (1, 0));
    assert_eq!(tree.apply(&normal("b", 3, Op::Put)), Outcome::OverLimit);
    assert!(!tree.would_exceed(&state.topic));
    tree.forget_tombstones(Timestamp::from_secs(9_999));
    assert_eq!(tree.state("a"), Some(&state), "no tombstone to forget");
    tree.apply(&normal("a", 4, Op::Delete));
    assert_eq!((tree.state("a"), tree.tombstones()), (None, 1));
}

#[test]
fn of_the_states_of_two_lanes_the_later_received_counts_whatever_events_say() {
    let critical = record("a", Lane::Critical, 1, 7, Op::Put);
    let normal = record("a", Lane::Normal, 1, 5, Op::Put);
    let above = |seq, received| Record {
        kind: Kind::Event,
        ..record("a", Lane::Normal, seq, received, Op::Put)
    };
    let mut tree = tree(10, 10);
    fold(&mut tree, &[critical.clone(), normal, above(2, 9)]);
    assert_eq!(tree.get("a"), Some(&above(2, 9)));
    assert_eq!(tree.state("a"), Some(&critical));
    assert_eq!(held(&tree).len(), 3);
}

#[test]
fn states_are_listed_in_order_of_topics_and_from_any_on() {
    let mut tree = tree(10, 10);
    let topics = ["a/b", "a", "a/c", "a-b", "a/d", "b"];
    for (seq, topic) in (1..).zip(topics) {
        tree.apply(&normal(topic, seq, Op::Put));
        tree.apply(&event(topic, 10 + seq, Op::Put));
    }
    tree.apply(&normal("a/c", 99, Op::Delete));
    let list = |prefix, after| -> String {
        let states = tree.states(prefix, after);
        let list: Vec<_> = states
            .map(|(topic, state)| format!("{topic}{}", if state.is_some() { "" } else { "?" }))
            .collect();
        list.join(" ")
    };
    assert_eq!(list("a", None), "a a/b a/c? a/d");
    assert_eq!(list("a", Some("a/b")), "a/c? a/d");
    assert_eq!(list("", None), "a a-b a/b a/c? a/d b");
    assert_eq!(list("a/e", None), "");
}

proptest! {
    #[test]
    fn the_states_are_those_of_a_tree_that_never_saw_an_event(
        journal in journal(), order in choices(),
    ) {
        let mut whole = tree(100, 100);
        fold(&mut whole, &interleave(&journal, &order));
        let mut without = journal;
        for lane in &mut without {
            lane.retain(|record| record.kind == Kind::State);
        }
        let expected = naive(&without).into_iter().filter(|it| it.op == Op::Put);
        prop_assert_eq!(states(&whole), expected.collect::<Vec<_>>());
        for state in states(&whole) {
            prop_assert!(whole.stands(&state));
        }
    }

    #[test]
    fn records_and_copies_in_any_order_at_all_make_the_same_tree(
        (all, shuffled) in journal().prop_flat_map(|journal| {
            let all = journal.concat();
            let copies = all.iter().enumerate().map(|(at, original)| {
                let mut copy = original.clone();
                copy.op = original.restated().op;
                copy.position.seq.0 += 1_000 + at as u64;
                copy
            });
            let both: Vec<_> = all.iter().cloned().chain(copies).collect();
            (Just(all), Just(both).prop_shuffle())
        }),
    ) {
        let (mut a, mut b) = (tree(100, 100), tree(100, 100));
        fold(&mut a, &all);
        fold(&mut b, &shuffled);
        prop_assert_eq!(held(&a), held(&b));
        prop_assert_eq!(shown(&a), shown(&b));
        prop_assert_eq!(states(&a), states(&b));
        prop_assert_eq!((a.bytes(), a.topics(), a.tombstones()),
            (b.bytes(), b.topics(), b.tombstones()));
    }
}
