//! The fold against a naive one, the limits, and the listing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use spica_model::{
    Cause, ContentType, Epoch, Key, Kind, Lane, Op, Position, Properties, Quality, Record, Seq,
    Timestamp, Topic,
};

use super::{Limits, Outcome, StateTree};

pub(super) fn record(topic: &str, lane: Lane, seq: u64, received: u32, op: Op) -> Record {
    Record {
        position: Position {
            epoch: Epoch::FIRST,
            lane,
            seq: Seq(seq),
        },
        topic: Topic::new(topic).unwrap(),
        kind: Kind::State,
        op,
        quality: Quality::Good,
        received: Timestamp::from_secs(received),
        source_time: None,
        content_type: ContentType::Bytes,
        payload: Bytes::from(format!("{lane}/{seq}")),
        key: None,
        cause: None,
        properties: None,
    }
}

/// A record of the normal lane, received at the second of its sequence.
pub(super) fn normal(topic: &str, seq: u32, op: Op) -> Record {
    record(topic, Lane::Normal, u64::from(seq), seq, op)
}

pub(super) fn tree(topics: usize, tombstones: usize) -> StateTree {
    StateTree::new(Limits {
        topics,
        tombstones,
        tombstone_age: Duration::from_secs(100),
        always: Some("n/alarms".into()),
    })
}

#[test]
fn what_must_not_be_forgotten_is_taken_by_a_full_tree() {
    let mut tree = tree(1, 10);
    fold(&mut tree, &[normal("a", 1, Op::Put)]);
    assert_eq!(tree.apply(&normal("b", 2, Op::Put)), Outcome::OverLimit);
    let case = normal("n/alarms/cases/1-1", 3, Op::Put);
    assert!(!tree.would_exceed(&case.topic));
    assert_eq!(tree.apply(&case), Outcome::Shows);
    assert_eq!(
        tree.apply(&normal("n/alarms-not", 4, Op::Put)),
        Outcome::OverLimit
    );
}

pub(super) fn fold(tree: &mut StateTree, records: &[Record]) {
    for record in records {
        tree.apply(record);
    }
}

#[test]
fn a_late_older_record_revives_nothing() {
    let mut tree = tree(10, 10);
    assert_eq!(tree.apply(&normal("a", 1, Op::Put)), Outcome::Shows);
    assert_eq!(tree.apply(&normal("a", 3, Op::Delete)), Outcome::Shows);
    assert_eq!(tree.apply(&normal("a", 2, Op::Put)), Outcome::Unchanged);
    assert_eq!(tree.get("a"), None);
    assert_eq!(tree.last("a").unwrap().op, Op::Delete);
    assert_eq!((tree.topics(), tree.tombstones()), (0, 1));
    assert_eq!(tree.apply(&normal("a", 4, Op::Put)), Outcome::Shows);
    assert_eq!((tree.topics(), tree.tombstones()), (1, 0));
}

#[test]
fn a_delete_of_what_is_not_known_is_remembered() {
    let mut tree = tree(10, 10);
    tree.apply(&normal("a", 3, Op::Delete));
    assert_eq!(tree.apply(&normal("a", 2, Op::Put)), Outcome::Unchanged);
}

#[test]
fn a_newer_epoch_counts_whatever_the_sequence() {
    let mut tree = tree(10, 10);
    tree.apply(&normal("a", 9, Op::Put));
    let mut taken_over = normal("a", 5, Op::Put);
    taken_over.position.epoch = Epoch(2);
    assert_eq!(tree.apply(&taken_over), Outcome::Shows);
    assert_eq!(tree.apply(&normal("a", 10, Op::Put)), Outcome::Unchanged);
}

#[test]
fn of_two_lanes_the_later_received_counts_and_the_critical_one_when_equal() {
    for (critical, normal, shows) in [
        (5, 6, Lane::Normal),
        (6, 5, Lane::Critical),
        (5, 5, Lane::Critical),
    ] {
        let records = [
            record("a", Lane::Critical, 1, critical, Op::Put),
            record("a", Lane::Normal, 1, normal, Op::Put),
        ];
        for order in [[0, 1], [1, 0]] {
            let mut tree = tree(10, 10);
            for at in order {
                tree.apply(&records[at]);
            }
            assert_eq!(tree.get("a").unwrap().position.lane, shows);
        }
    }
}

#[test]
fn when_the_clock_was_set_back_the_other_lane_may_show_again() {
    let mut tree = tree(10, 10);
    tree.apply(&record("a", Lane::Critical, 1, 7, Op::Put));
    tree.apply(&record("a", Lane::Normal, 1, 10, Op::Put));
    let outcome = tree.apply(&record("a", Lane::Normal, 2, 5, Op::Put));
    let Outcome::ShowsOther(other) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!(other.position.lane, Lane::Critical);
    assert_eq!(tree.get("a"), Some(&*other));
}

#[test]
fn a_full_tree_takes_updates_and_deletes_but_no_new_topic() {
    let mut tree = tree(2, 10);
    fold(
        &mut tree,
        &[normal("a", 1, Op::Put), normal("b", 2, Op::Put)],
    );
    let c = Topic::new("c").unwrap();
    assert!(tree.would_exceed(&c));
    assert!(!tree.would_exceed(&Topic::new("a").unwrap()));
    assert_eq!(tree.apply(&normal("c", 3, Op::Put)), Outcome::OverLimit);
    assert_eq!((tree.topics(), tree.over_limit(), tree.room()), (2, 1, 0));
    assert_eq!(tree.apply(&normal("a", 4, Op::Put)), Outcome::Shows);
    assert_eq!(tree.apply(&normal("b", 5, Op::Delete)), Outcome::Shows);
    assert_eq!(tree.apply(&normal("c", 6, Op::Put)), Outcome::Shows);
    assert_eq!(
        tree.apply(&normal("b", 7, Op::Put)),
        Outcome::OverLimit,
        "a deleted topic is a new one"
    );
}

#[test]
fn tombstones_are_forgotten_by_count_and_age() {
    let mut tree = tree(10, 2);
    fold(
        &mut tree,
        &["a", "b", "c"].map(|t| normal(t, 1 + u32::from(t.as_bytes()[0]), Op::Delete)),
    );
    assert_eq!(tree.tombstones(), 2);
    assert!(tree.last("a").is_none(), "the oldest goes first");
    let stored = tree.take_changes(10);
    let gone = stored.iter().filter(|change| change.records.is_empty());
    assert_eq!(gone.count(), 1, "a checkpoint hears of it");
    let received = u32::from(b'b') + 1;
    tree.forget_tombstones(Timestamp::from_secs(received + 99));
    assert_eq!(tree.tombstones(), 2);
    tree.forget_tombstones(Timestamp::from_secs(received + 100));
    assert_eq!(tree.tombstones(), 1);
    assert!(tree.last("c").is_some());
    let gone = tree.take_changes(10);
    assert_eq!(gone.len(), 1, "and of this one too");
    assert!(gone[0].records.is_empty());
}

#[test]
fn a_subtree_is_listed_in_order_of_topics_and_in_pages() {
    let mut tree = tree(20, 20);
    let topics = [
        "a/b/c", "a", "a-b", "a/b", "a0", "a/c", "b", "a/bb", "a/gone",
    ];
    for (seq, topic) in (1..).zip(topics) {
        tree.apply(&normal(topic, seq, Op::Put));
    }
    tree.apply(&normal("a/gone", 99, Op::Delete));
    let list = |prefix: &str, after: Option<&str>| -> Vec<String> {
        let records = tree.subtree(prefix, after);
        records.map(|record| record.topic.to_string()).collect()
    };
    assert_eq!(list("a", None), ["a", "a/b", "a/b/c", "a/bb", "a/c"]);
    assert_eq!(list("a/b", None), ["a/b", "a/b/c"]);
    assert_eq!(list("", None).len(), topics.len() - 1);
    assert_eq!(list("", Some("a/c")), ["a0", "b"]);
    assert_eq!(list("a", Some("a/b")), ["a/b/c", "a/bb", "a/c"]);
    assert_eq!(list("a", Some("A")), list("a", None));
    for beyond in ["a/c", "a0", "a1", "z"] {
        assert!(list("a", Some(beyond)).is_empty(), "{beyond}");
    }
    assert!(list("a/b/c/d", None).is_empty());
}

#[test]
fn a_record_in_the_tree_pins_no_larger_buffer() {
    let block = Bytes::from(vec![b'x'; 1 << 16]);
    let mut tree = tree(10, 10);
    let mut whole = normal("a", 1, Op::Put);
    whole.payload = block.slice(0..10);
    whole.topic = Topic::from_bytes(block.slice(100..110)).unwrap();
    whole.key = Some(Key::new(block.slice(10..20)).unwrap());
    whole.content_type = ContentType::parse("image/png").unwrap();
    whole.cause = Some(Cause::from_bytes(block.slice(20..30)).unwrap());
    whole.properties = Some(Properties::from_bytes(block.slice(30..40)).unwrap());
    tree.apply(&whole);
    let kept = tree.get("xxxxxxxxxx").unwrap();
    assert_eq!(kept, &whole);
    let range = block.as_ptr_range();
    for part in [
        &kept.payload,
        kept.topic.as_bytes(),
        kept.key.as_ref().unwrap().as_bytes(),
        kept.properties.as_ref().unwrap().as_bytes(),
    ] {
        assert!(!range.contains(&part.as_ptr()));
    }
    let cause = kept.cause.as_ref().unwrap().as_str();
    assert!(!range.contains(&cause.as_ptr()));
}

#[test]
fn a_checkpoint_that_begins_anew_gets_every_topic_once() {
    let mut tree = tree(10, 10);
    fold(
        &mut tree,
        &[normal("a", 1, Op::Put), normal("b", 2, Op::Delete)],
    );
    assert_eq!(tree.take_changes(9).len(), 2);
    assert_eq!(tree.changes(), 0);
    tree.apply(&normal("c", 3, Op::Put));
    tree.change_all();
    assert_eq!(tree.take_changes(9).len(), 3);
    assert_eq!(tree.changes(), 0);
}

/// The records of two lanes, each in order, on few topics, of both kinds and with a clock that jumps.
pub(super) fn journal() -> impl Strategy<Value = [Vec<Record>; 2]> {
    let one = (
        0usize..4,
        0u32..20,
        prop::bool::weighted(0.3),
        prop::bool::weighted(0.4),
    );
    let lane = prop::collection::vec(one, 0..30);
    [lane.clone(), lane].prop_map(|lanes| {
        let mut index = 0;
        lanes.map(|lane| {
            let name = Lane::ALL[index];
            index += 1;
            let records = (1..)
                .zip(lane)
                .map(|(seq, (topic, received, delete, event))| {
                    let op = if delete { Op::Delete } else { Op::Put };
                    let topic = ["a", "a/b", "a/c", "b"][topic];
                    Record {
                        kind: if event { Kind::Event } else { Kind::State },
                        ..record(topic, name, seq, received, op)
                    }
                });
            records.collect()
        })
    })
}

/// The two lanes as one sequence, by a list of choices.
pub(super) fn interleave([critical, normal]: &[Vec<Record>; 2], choices: &[bool]) -> Vec<Record> {
    let (mut critical, mut normal) = (critical.iter().peekable(), normal.iter().peekable());
    let mut choices = choices.iter().cycle();
    let mut all = Vec::new();
    while critical.peek().is_some() || normal.peek().is_some() {
        let first = *choices.next().unwrap_or(&true);
        let next = if first {
            critical.next()
        } else {
            normal.next()
        };
        all.extend(next.cloned());
    }
    all
}

pub(super) fn choices() -> impl Strategy<Value = Vec<bool>> {
    // Both values, so that neither lane is left out for ever.
    prop::collection::vec(any::<bool>(), 0..40).prop_map(|mut choices| {
        choices.extend([true, false]);
        choices
    })
}

pub(super) fn shown(tree: &StateTree) -> Vec<Record> {
    tree.entries
        .values()
        .map(|entry| entry.shown().clone())
        .collect()
}

/// The topics and places of all records of a tree, those that are not shown too.
pub(super) fn held(tree: &StateTree) -> BTreeSet<(Topic, String)> {
    let records = tree.entries.values().flat_map(|entry| entry.records());
    let places = records.map(|it| (it.topic.clone(), it.position.to_string()));
    places.collect()
}

/// What each topic shows, worked out without a tree.
pub(super) fn naive(journal: &[Vec<Record>; 2]) -> Vec<Record> {
    let mut last: BTreeMap<Topic, Vec<&Record>> = BTreeMap::new();
    for lane in journal {
        let of_lane: BTreeMap<_, _> = lane.iter().map(|r| (r.topic.clone(), r)).collect();
        of_lane
            .into_iter()
            .for_each(|(topic, record)| last.entry(topic).or_default().push(record));
    }
    let best = |mut of_topic: Vec<&Record>| {
        of_topic.sort_by_key(|r| (r.received, r.position.lane == Lane::Critical));
        of_topic.pop().unwrap().clone()
    };
    last.into_values().map(best).collect()
}

/// A tree from what another one gave to its checkpoint.
fn reopened(stored: &BTreeMap<Topic, Vec<Record>>, by: usize) -> StateTree {
    let mut tree = tree(100, 100);
    for records in stored.values() {
        // In any order.
        let mut records = records.clone();
        let len = records.len().max(1);
        records.rotate_left(by % len);
        if by % 2 == 1 {
            records.reverse();
        }
        for record in &records {
            tree.restore(record);
        }
    }
    assert_eq!(tree.changes(), 0, "what was restored is no change");
    tree
}

proptest! {
    #[test]
    fn the_fold_is_the_naive_one_however_the_lanes_interleave(
        journal in journal(), one in choices(), other in choices(),
    ) {
        let (mut a, mut b) = (tree(100, 100), tree(100, 100));
        fold(&mut a, &interleave(&journal, &one));
        fold(&mut b, &interleave(&journal, &other));
        prop_assert_eq!(shown(&a), naive(&journal));
        prop_assert_eq!(shown(&a), shown(&b));
        prop_assert_eq!(a.bytes(), b.bytes());
        prop_assert_eq!(held(&a), held(&b));
        let values = a.entries.keys().filter(|topic| {
            let topic = topic.as_str();
            a.get(topic).is_some() || a.state(topic).is_some()
        });
        prop_assert_eq!(a.topics(), values.count());
    }

    #[test]
    fn folding_again_changes_nothing(journal in journal(), order in choices()) {
        let mut tree = tree(100, 100);
        let all = interleave(&journal, &order);
        fold(&mut tree, &all);
        let before = (shown(&tree), held(&tree), tree.bytes());
        for record in &all {
            prop_assert_eq!(tree.apply(record), Outcome::Unchanged);
        }
        prop_assert_eq!((shown(&tree), held(&tree), tree.bytes()), before);
    }

    #[test]
    fn checkpoint_and_tail_are_the_whole_replay(
        journal in journal(), order in choices(), cuts in prop::collection::vec(1usize..20, 1..4),
    ) {
        let all = interleave(&journal, &order);
        let mut whole = tree(100, 100);
        fold(&mut whole, &all);
        let mut stored = BTreeMap::new();
        let mut running = tree(100, 100);
        let mut rest = &all[..];
        for cut in cuts {
            let (chunk, tail) = rest.split_at(cut.min(rest.len()));
            fold(&mut running, chunk);
            while running.changes() > 0 {
                for change in running.take_changes(3) {
                    stored.insert(change.topic, change.records);
                }
            }
            running = reopened(&stored, cut);
            rest = tail;
        }
        fold(&mut running, rest);
        prop_assert_eq!(shown(&running), shown(&whole));
        prop_assert_eq!(held(&running), held(&whole));
        prop_assert_eq!(running.bytes(), whole.bytes());
        prop_assert_eq!(running.tombstones(), whole.tombstones());
    }
}
