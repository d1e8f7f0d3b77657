//! Views that were thrown away come back from what retention has left of the journal.

use std::sync::Arc;

use crate::node::{Node, metric, serial, state, states, value};
use proptest::prelude::*;
use spica_devices::Registration;
use spica_journal::{Followed, Journal};
use spica_model::{Kind, Lane, Op, Record, Seq, Topic};
use spica_views::{Restater, STANDING, Settings, Views};

fn settings() -> Settings {
    Settings {
        // Small, so that every limit of a read is met.
        chunk_records: 3,
        ..Settings::default()
    }
}

/// A node whose lanes are restated.
struct Restated {
    node: Node,
    views: Arc<Views>,
    restaters: [Restater; 2],
    runtime: tokio::runtime::Runtime,
}

impl Restated {
    fn new() -> Self {
        let node = Node::with(settings());
        let views = node.start();
        let restaters = restaters(&views);
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        Self {
            node,
            views,
            restaters,
            runtime: runtime.unwrap(),
        }
    }

    /// Waits until the views show all that is durable.
    fn shown(&self) {
        for lane in Lane::ALL {
            let durable = self.node.journal.status(lane).durable;
            self.runtime.block_on(self.views.applied(lane, durable));
        }
    }

    /// Restates up to `through`, as far as that is possible now.
    fn restate(&mut self, lane: Lane, through: Seq) {
        self.node.journal.retire_soon(lane, through);
        let restater = &mut self.restaters[lane.index()];
        while let Some(batch) = restater.next_batch().unwrap() {
            self.runtime.block_on(restater.settle(batch)).unwrap();
        }
    }

    /// Removes what may be removed of a lane.
    fn trim(&self, lane: Lane) -> Seq {
        let journal = &self.node.journal;
        // As if a checkpoint had been written.
        let shown = self.views.status().applied[lane.index()];
        journal.advance_cursor("views", lane, shown).unwrap();
        journal.trim(lane, shown)
    }

    /// Views of the journal alone.
    fn afresh(&self, name: &str) -> Arc<Views> {
        let file = self.node.dir.path().join(name);
        let _ = std::fs::remove_file(&file);
        self.node.start_at(&file)
    }
}

fn restaters(views: &Arc<Views>) -> [Restater; 2] {
    Lane::ALL.map(|lane| Restater::new(Arc::clone(views), lane).unwrap())
}

fn place(restated: &Restated, lane: Lane) -> Seq {
    let cursors = restated.node.journal.cursors();
    let mut cursors = cursors.iter();
    let standing = cursors.find(|cursor| cursor.name == STANDING && cursor.lane == lane);
    standing.unwrap().seq
}

/// All states, as far as copies say it: a key belongs to the first delivery.
fn facts(views: &Views) -> Vec<Record> {
    let all = states(views).into_iter();
    all.map(|record| Record {
        key: None,
        ..record
    })
    .collect()
}

#[derive(Debug, Clone)]
enum Step {
    Place {
        lane: usize,
        topic: usize,
        kind: Kind,
        op: Op,
    },
    /// From now on what is placed is not durable, and the views are behind.
    Hold(usize),
    Release(usize),
    Restate {
        lane: usize,
        share: u64,
    },
    /// A batch is appended, but the node is killed before its cursor moves.
    Kill(usize),
    Trim(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let lane = 0usize..2;
    let op = prop_oneof![3 => Just(Op::Put), 2 => Just(Op::Delete)];
    let kind = prop_oneof![3 => Just(Kind::State), 2 => Just(Kind::Event)];
    prop_oneof![
        8 => (0usize..4, kind, op).prop_map(|(topic, kind, op)| {
            // A topic stays in its lane.
            Step::Place { lane: topic % 2, topic, kind, op }
        }),
        1 => lane.clone().prop_map(Step::Hold),
        2 => lane.clone().prop_map(Step::Release),
        4 => (lane.clone(), 1u64..=4).prop_map(|(lane, share)| Step::Restate { lane, share }),
        1 => lane.clone().prop_map(Step::Kill),
        2 => lane.prop_map(Step::Trim),
    ]
}

impl Restated {
    fn take(&mut self, step: &Step, number: usize) {
        let journal = Arc::clone(&self.node.journal);
        let durable = |lane: Lane| journal.status(lane).durable;
        match *step {
            Step::Place {
                lane,
                topic,
                kind,
                op,
            } => {
                let topic = format!("root/{topic}");
                let payload = number.to_string();
                self.node
                    .place_as(kind, Lane::ALL[lane], &topic, op, payload.as_bytes());
            }
            Step::Hold(lane) => journal.hold(Lane::ALL[lane]),
            Step::Release(lane) => journal.release(Lane::ALL[lane]),
            Step::Restate { lane, share } => {
                let lane = Lane::ALL[lane];
                journal.retire_soon(lane, Seq(durable(lane).0 * share / 4));
                // While the lane is held the copy stands behind what the views do not know yet.
                let restater = &mut self.restaters[lane.index()];
                let Some(batch) = restater.next_batch().unwrap() else {
                    return;
                };
                journal.commit();
                self.runtime.block_on(restater.settle(batch)).unwrap();
            }
            Step::Kill(lane) => {
                let lane = Lane::ALL[lane];
                journal.retire_soon(lane, durable(lane));
                let batch = self.restaters[lane.index()].next_batch().unwrap();
                drop(batch);
                self.restaters = restaters(&self.views);
            }
            Step::Trim(lane) => {
                self.trim(Lane::ALL[lane]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn views_come_back_from_what_retention_has_left(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut restated = Restated::new();
        for (number, step) in steps.iter().enumerate() {
            restated.take(step, number);
        }
        restated.node.journal.commit();
        for lane in Lane::ALL {
            restated.node.journal.release(lane);
        }
        restated.shown();
        let afresh = restated.afresh("afresh.redb");
        prop_assert_eq!(facts(&afresh), facts(&restated.views));
        prop_assert_eq!(afresh.status().gap_records, 0);
        afresh.stop();
        // And again, when all that is left are copies.
        for lane in Lane::ALL {
            let durable = restated.node.journal.status(lane).durable;
            restated.restate(lane, durable);
            restated.trim(lane);
        }
        restated.shown();
        let afresh = restated.afresh("again.redb");
        prop_assert_eq!(facts(&afresh), facts(&restated.views));
        prop_assert!(afresh.status().is_whole());
    }
}

#[test]
fn a_device_that_nobody_has_touched_for_long_is_known_after_a_rebuild() {
    let mut restated = Restated::new();
    let service = restated.node.service(&restated.views);
    let registration = Registration {
        name: Some("one".into()),
        ..Registration::default()
    };
    let put = service.put(serial("1"), registration, "alice");
    restated.runtime.block_on(put).unwrap();
    let known = restated.views.device(&serial("1")).unwrap();
    let first = restated.node.journal.status(Lane::Normal).last;
    // Three times over, so that copies of copies are made.
    for round in 0..3 {
        for n in 0..2_000 {
            restated.node.put("root/busy", &format!("{round}-{n}"));
        }
        restated.shown();
        let last = restated.node.journal.status(Lane::Normal).last;
        restated.restate(Lane::Normal, last);
        assert_eq!(place(&restated, Lane::Normal), last);
        assert_eq!(restated.trim(Lane::Normal), last);
    }
    assert!(restated.node.journal.status(Lane::Normal).first > first);
    let afresh = restated.afresh("afresh.redb");
    assert_eq!(afresh.device(&serial("1")), Some(known));
    assert_eq!(value(&afresh, "root/busy").as_deref(), Some("2-1999"));
    assert!(afresh.status().is_whole(), "nothing is missing");
    // Registration and busy topic, once per round.
    let restated = |name: &str| metric(&restated.views, &format!(r#"{name}{{lane="normal"}}"#));
    assert_eq!(restated("views_restated_total"), 6);
    assert!(restated("views_restated_bytes_total") > 0);
}

#[test]
fn a_state_beneath_events_is_known_after_a_rebuild_from_copies_alone() {
    let mut restated = Restated::new();
    restated.node.put("root/a", "kept");
    restated.node.put("root/b", "gone");
    restated.node.delete("root/b");
    for topic in ["root/a", "root/b"] {
        restated.node.event(topic, "later");
    }
    restated.shown();
    let last = restated.node.journal.status(Lane::Normal).last;
    restated.restate(Lane::Normal, last);
    assert_eq!(restated.trim(Lane::Normal), last);
    let copies = restated.node.journal.status(Lane::Normal).last.0 - last.0;
    assert_eq!(copies, 2, "what stands, one of it a tombstone");
    let afresh = restated.afresh("afresh.redb");
    assert_eq!(state(&afresh, "root/a").as_deref(), Some("kept"));
    assert_eq!(state(&afresh, "root/b"), None);
    assert!(afresh.status().is_whole());
}

#[test]
fn a_put_between_the_look_and_the_append_wins() {
    let mut restated = Restated::new();
    restated.node.put("root/a", "old");
    restated.shown();
    let journal = Arc::clone(&restated.node.journal);
    journal.hold(Lane::Normal);
    restated.node.put("root/a", "new");
    restated.node.put("root/b", "old");
    journal.retire_soon(Lane::Normal, Seq(1));
    let batch = restated.restaters[1].next_batch().unwrap().unwrap();
    assert_eq!(batch.copies(), 1, "the views do not know better yet");
    journal.release(Lane::Normal);
    restated
        .runtime
        .block_on(restated.restaters[1].settle(batch))
        .unwrap();
    restated.shown();
    assert_eq!(value(&restated.views, "root/a").as_deref(), Some("new"));
    assert_eq!(restated.trim(Lane::Normal), Seq(1));
    let afresh = restated.afresh("afresh.redb");
    assert_eq!(value(&afresh, "root/a").as_deref(), Some("new"));
}

#[test]
fn retention_waits_for_copies_that_are_durable() {
    let mut restated = Restated::new();
    restated.node.put("root/a", "1");
    restated.shown();
    assert_eq!(restated.trim(Lane::Normal), Seq::ZERO, "not restated yet");
    restated.node.journal.hold(Lane::Normal);
    restated.node.journal.retire_soon(Lane::Normal, Seq(1));
    let batch = restated.restaters[1].next_batch().unwrap().unwrap();
    assert_eq!(restated.trim(Lane::Normal), Seq::ZERO, "nor durable");
    restated.node.journal.release(Lane::Normal);
    restated
        .runtime
        .block_on(restated.restaters[1].settle(batch))
        .unwrap();
    assert_eq!(restated.trim(Lane::Normal), Seq(1));
}

#[test]
fn a_refusal_is_tried_again_from_the_same_place() {
    let mut restated = Restated::new();
    restated.node.put("root/a", "1");
    restated.shown();
    let journal = Arc::clone(&restated.node.journal);
    journal.retire_soon(Lane::Normal, Seq(1));
    journal.fail_reads(Lane::Normal, 1);
    assert!(restated.restaters[1].next_batch().is_err());
    let batch = restated.restaters[1].next_batch().unwrap().unwrap();
    assert_eq!(batch.copies(), 1);
}

#[test]
fn a_batch_is_bounded() {
    let mut restated = Restated::new();
    for n in 0..1_000 {
        restated.node.put(&format!("root/{n}"), "1");
    }
    restated.shown();
    restated.node.journal.retire_soon(Lane::Normal, Seq(1_000));
    let mut batches = Vec::new();
    while let Some(batch) = restated.restaters[1].next_batch().unwrap() {
        batches.push(batch.copies());
        restated
            .runtime
            .block_on(restated.restaters[1].settle(batch))
            .unwrap();
    }
    assert_eq!(batches, [256, 256, 256, 232]);
}

#[test]
fn what_was_restated_keeps_all_but_its_key() {
    let mut restated = Restated::new();
    let service = restated.node.service(&restated.views);
    let put = service.put(serial("1"), Registration::default(), "alice");
    restated.runtime.block_on(put).unwrap();
    let last = restated.node.journal.status(Lane::Normal).last;
    restated.restate(Lane::Normal, last);
    let topic = Topic::new("root/devices/1/registration").unwrap();
    let original = restated.views.last(&topic).unwrap();
    let mut follower = restated.node.journal.follow(Lane::Normal, last).unwrap();
    let Followed::Records(copies) = follower.read(9).unwrap() else {
        panic!("no copy")
    };
    assert_eq!(copies.len(), 1, "an audit record is an event");
    assert!(original.cause.is_some());
    assert_eq!(*copies[0].fact(), original);
}
