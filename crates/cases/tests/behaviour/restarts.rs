use bytes::Bytes;
use spica_cases::{Case, CaseState, CaseVerb, ConditionVerb, Output, What};
use spica_model::{Key, Op};

use crate::world::{World, at, rules};

#[test]
fn everything_is_as_before_after_a_restart() {
    let mut world = World::new(rules());
    world.register("1", |_| {});
    world.event("man-down", Some(0));
    let id = world.one().id;
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    world.event("amber-alert-started", None);
    world
        .on_condition(
            "low-battery",
            ConditionVerb::Shelve {
                until: Some(at(60)),
            },
        )
        .unwrap();
    let before = (
        world.cases.open().cloned().collect::<Vec<_>>(),
        world.cases.conditions().cloned().collect::<Vec<_>>(),
        world.cases.next_due(),
    );
    world.restart();
    world.pass(at(0));
    assert!(world.last.is_empty());
    let after = (
        world.cases.open().cloned().collect::<Vec<_>>(),
        world.cases.conditions().cloned().collect::<Vec<_>>(),
        world.cases.next_due(),
    );
    assert_eq!(before, after);
}

#[test]
fn numbers_begin_again_with_a_reign_and_go_on_within_it() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    world.epoch = 3;
    world.restart();
    world.event("low-battery", None);
    world.restart();
    world.event("door-open", None);
    let ids: Vec<_> = world.cases.open().map(|case| case.id.to_string()).collect();
    assert_eq!(ids, ["1-1", "3-1", "3-2"]);
}

#[test]
fn copies_of_state_are_restored_as_their_originals() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    for record in world.tree.values_mut() {
        let copy = record.restated();
        record.op = copy.op;
    }
    world.restart();
    assert_eq!(world.one().state(), CaseState::Unacknowledged);
}

#[test]
fn payloads_that_cannot_be_read_are_counted_and_left_alone() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    world.register("1", |_| {});
    for record in world.tree.values_mut() {
        record.payload = Bytes::from_static(b"{");
    }
    world.restart();
    assert_eq!(world.cases.counts().unreadable, 3);
    assert_eq!(world.open(), 0);
}

/// The two nodes of a pair were parted and each raised the same; the passive's history was entered
/// again, and the node stopped before it could say what holds.
#[test]
fn of_two_cases_of_one_condition_one_stays() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    let ours = world.one();
    let theirs = Case {
        id: "4-9".parse().unwrap(),
        ..ours.clone()
    };
    let record = world.record(
        spica_model::Lane::Critical,
        "alarms/cases/4-9",
        &theirs.encode(),
    );
    world.tree.insert(record.topic.clone(), record);
    world.restart();
    world.pass(at(1));
    assert_eq!(world.steps(), [What::Closed]);
    let closed = &world.last.changes[0].after;
    assert_eq!(closed.id, theirs.id);
    assert_eq!(
        closed.closed.as_ref().unwrap().why.as_deref(),
        Some("it is the same as 1-1")
    );
    assert_eq!(world.one(), ours);
}

#[test]
fn a_case_without_its_condition_gets_one() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    world
        .tree
        .retain(|topic, _| !topic.as_str().contains("/conditions/"));
    world.restart();
    world.event("man-down", None);
    assert_eq!(world.one().repeats, 1);
    assert_eq!(world.conditions().len(), 1);
}

#[test]
fn a_condition_without_its_case_gets_a_new_one_when_it_is_raised() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    world
        .tree
        .retain(|topic, _| !topic.as_str().contains("/cases/"));
    world.epoch = 2;
    world.restart();
    world.event("man-down", None);
    assert_eq!(world.one().id.to_string(), "2-1");
}

#[test]
fn what_a_partner_wrote_and_was_entered_again_is_put_right() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    let ours = world.one();
    let mut theirs = ours;
    theirs.active = false;
    for (path, known) in [
        ("alarms/cases/1-1", true),
        ("alarms/cases/4-9", false),
        ("alarms/conditions/man-down/devices/0012345", true),
        ("alarms/conditions/man-down/devices/7", false),
    ] {
        let mut record = world.record(spica_model::Lane::Critical, path, &theirs.encode());
        record.key = Some(Key::new(&b"reentered:4/critical/9"[..]).unwrap());
        let mut out = Output::default();
        world.cases.on_record(&record, at(5), &mut out);
        let [draft] = &out.drafts[..] else {
            panic!("{:?}", out.drafts);
        };
        assert_eq!(
            (&draft.topic, draft.op == Op::Put),
            (&record.topic, known),
            "{path}"
        );
        let here = world
            .tree
            .get(&record.topic)
            .map(|record| record.payload.to_vec());
        assert_eq!(draft.payload, here.unwrap_or_default());
    }
    for path in [
        "alarms/cases/1-1/steps",
        "alarms/mark",
        "alarms/escalations/1-1",
    ] {
        let mut record = world.record(spica_model::Lane::Critical, path, b"{}");
        record.key = Some(Key::new(&b"reentered:4/critical/9"[..]).unwrap());
        let mut out = Output::default();
        world.cases.on_record(&record, at(5), &mut out);
        assert!(out.is_empty(), "{path} is not ours to put right");
    }
}
