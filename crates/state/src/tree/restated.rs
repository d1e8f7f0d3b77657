//! That a tree can be folded from what retention leaves, when what stands was restated before.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;
use spica_model::{
    ContentType, Epoch, Kind, Lane, NewRecord, Op, Position, Quality, Record, Seq, Timestamp, Topic,
};

use super::{Limits, Outcome, StateTree};

const TOPICS: [&str; 3] = ["a", "a/b", "b"];

fn tree() -> StateTree {
    StateTree::new(Limits {
        topics: 100,
        tombstones: 100,
        tombstone_age: Duration::from_secs(1),
        always: None,
    })
}

/// A lane, its tree, and who restates.
struct World {
    lane: Vec<Record>,
    /// How many records retention has removed.
    removed: usize,
    /// The tree of a running node, and how many records it has folded.
    live: StateTree,
    folded: usize,
    /// Before this many nothing stands without a copy.
    place: usize,
    /// Copies that are not appended yet, and the place after them.
    pending: Option<(Vec<Record>, usize)>,
}

#[derive(Debug, Clone)]
enum Step {
    Write {
        topic: usize,
        delete: bool,
        kind: Kind,
    },
    Fold,
    Look(usize),
    Append,
    /// The restater is killed between two steps: it begins again at its cursor.
    Crash,
    Remove,
    /// The tombstones of the running tree have become too old.
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..TOPICS.len(), prop::bool::weighted(0.4), prop::bool::weighted(0.4)).prop_map(
            |(topic, delete, event)| Step::Write {
                topic,
                delete,
                kind: if event { Kind::Event } else { Kind::State },
            },
        ),
        3 => Just(Step::Fold),
        3 => (1usize..6).prop_map(Step::Look),
        3 => Just(Step::Append),
        1 => Just(Step::Crash),
        2 => Just(Step::Remove),
        1 => Just(Step::Forget),
    ]
}

impl World {
    fn new() -> Self {
        Self {
            lane: Vec::new(),
            removed: 0,
            live: tree(),
            folded: 0,
            place: 0,
            pending: None,
        }
    }

    fn append(&mut self, new: &NewRecord<'_>) {
        let seq = self.lane.len() as u64 + 1;
        self.lane.push(Record {
            position: Position {
                epoch: Epoch::FIRST,
                lane: Lane::Normal,
                seq: Seq(seq),
            },
            topic: new.topic.clone(),
            kind: new.kind,
            op: new.op,
            quality: new.quality,
            received: new.received,
            source_time: new.source_time,
            content_type: new.content_type.clone(),
            payload: Bytes::copy_from_slice(new.payload),
            key: new.key.cloned(),
            cause: new.cause.cloned(),
            properties: None,
        });
    }

    fn write(&mut self, topic: usize, delete: bool, kind: Kind) {
        let number = self.lane.len().to_string();
        self.append(&NewRecord {
            topic: &Topic::new(TOPICS[topic]).unwrap(),
            kind,
            op: if delete { Op::Delete } else { Op::Put },
            quality: Quality::Good,
            received: Timestamp::EPOCH,
            source_time: None,
            content_type: &ContentType::Text,
            payload: number.as_bytes(),
            key: None,
            cause: None,
            properties: None,
        });
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Write {
                topic,
                delete,
                kind,
            } => self.write(topic, delete, kind),
            Step::Fold => {
                let facts = self.lane[self.folded..].iter().filter(|r| !r.is_restated());
                facts.for_each(|record| {
                    self.live.apply(record);
                });
                self.folded = self.lane.len();
            }
            Step::Look(count) => {
                let end = (self.place + count).min(self.folded);
                let looked = self.lane[self.place.min(end)..end].iter();
                let standing = looked.filter(|r| self.live.stands(r)).cloned().collect();
                self.pending = Some((standing, end.max(self.place)));
            }
            Step::Append => {
                let Some((standing, end)) = self.pending.take() else {
                    return;
                };
                for record in &standing {
                    self.append(&record.restated());
                }
                self.place = end;
            }
            Step::Crash => {
                if let Some((standing, _)) = self.pending.take() {
                    // Some were appended, but the cursor was not moved.
                    for record in &standing[..standing.len() / 2] {
                        self.append(&record.restated());
                    }
                }
            }
            Step::Remove => self.removed = self.place,
            // A look is followed by its append long before a tombstone is old.
            Step::Forget if self.pending.is_none() => {
                self.live.forget_tombstones(Timestamp::from_secs(9));
            }
            Step::Forget => {}
        }
    }

    /// The state that each topic should have.
    fn truth(&self) -> Vec<Record> {
        let mut last = BTreeMap::new();
        let originals = self.lane.iter().filter(|record| !record.is_restated());
        for record in originals.filter(|record| record.kind == Kind::State) {
            last.insert(record.topic.clone(), record.clone());
        }
        last.into_values().filter(|r| r.op == Op::Put).collect()
    }

    /// The states of a tree that is folded from what is left.
    fn rebuilt(&self) -> Vec<Record> {
        let mut rebuilt = tree();
        for record in &self.lane[self.removed..] {
            rebuilt.apply(record);
        }
        states(&rebuilt)
    }
}

fn states(tree: &StateTree) -> Vec<Record> {
    let states = tree.states("", None);
    states.filter_map(|(_, state)| state.cloned()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(800))]

    #[test]
    fn what_retention_leaves_is_enough(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        for step in &steps {
            world.take(step);
            prop_assert_eq!(world.rebuilt(), world.truth());
        }
        world.take(&Step::Fold);
        prop_assert_eq!(states(&world.live), world.truth());
    }
}

#[test]
fn a_copy_changes_nothing_where_its_original_is_known_and_brings_it_back_elsewhere() {
    let mut world = World::new();
    world.write(0, false, Kind::State);
    world.take(&Step::Fold);
    world.take(&Step::Look(1));
    world.take(&Step::Append);
    let copy = world.lane.pop().unwrap();
    assert!(copy.is_restated());
    assert_eq!(world.live.apply(&copy), Outcome::Unchanged);
    let mut rebuilt = tree();
    assert_eq!(rebuilt.apply(&copy), Outcome::Shows);
    assert_eq!(states(&rebuilt), states(&world.live), "position and all");
}

#[test]
fn only_the_last_records_of_state_topics_stand() {
    let mut world = World::new();
    for delete in [false, false, true] {
        world.write(0, delete, Kind::State);
    }
    world.write(1, false, Kind::Event);
    world.take(&Step::Fold);
    let stands = |world: &World| -> Vec<bool> {
        let all = world.lane.iter();
        all.map(|record| world.live.stands(record)).collect()
    };
    assert_eq!(stands(&world), [false, false, true, false]);
    world.take(&Step::Look(3));
    world.take(&Step::Append);
    world.take(&Step::Forget);
    let once_more = [false, false, true, false, false];
    assert_eq!(stands(&world), once_more, "its copy does not stand");
}

#[test]
fn the_last_state_stands_beneath_later_events_until_its_copy_is_made() {
    let mut world = World::new();
    world.write(0, false, Kind::State);
    world.write(0, false, Kind::State);
    world.write(0, false, Kind::Event);
    world.write(0, true, Kind::Event);
    world.take(&Step::Fold);
    let stands = |world: &World| -> Vec<bool> {
        let all = world.lane.iter();
        all.map(|record| world.live.stands(record)).collect()
    };
    assert_eq!(stands(&world), [false, true, false, false]);
    world.take(&Step::Look(4));
    world.take(&Step::Append);
    assert_eq!(stands(&world), [false, true, false, false, true]);
    world.take(&Step::Remove);
    assert_eq!(world.rebuilt(), [world.lane[1].clone()]);
}
