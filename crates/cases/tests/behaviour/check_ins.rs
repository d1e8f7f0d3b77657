use serde_json::json;
use spica_cases::{CaseState, Severity, What};

use crate::world::{World, at, rules};

const MIN: u32 = 60;

/// A device that has to check in within 30 + 5 minutes, registered at 0.
fn with_device() -> World {
    let mut world = World::new(rules());
    world.register("1", |_| {});
    world
}

#[test]
fn a_device_that_never_checks_in_is_missed_once() {
    let mut world = with_device();
    assert_eq!(world.cases.next_due(), Some(at(35 * MIN)));
    world.pass(at(35 * MIN - 1));
    assert_eq!(world.open(), 0);
    world.pass(at(35 * MIN));
    let case = world.one();
    assert_eq!(
        (case.source.as_str(), case.condition.as_str()),
        ("devices/1", "missed-check-in")
    );
    assert_eq!(
        (case.severity, case.cause.as_str()),
        (Severity::High, "timer")
    );
    assert_eq!(case.name.as_deref(), Some("Ann"));
    assert_eq!(case.received_at, at(35 * MIN));
    assert_eq!(
        case.detail,
        json!({ "last_check_in": null, "deadline": "1970-01-01T00:35:00.000000Z" })
    );
    assert_eq!(world.cases.next_due(), None);
    world.pass(at(500 * MIN));
    assert_eq!(world.one().repeats, 0);
}

#[test]
fn each_check_in_moves_the_deadline() {
    let mut world = with_device();
    for minute in (30..=300).step_by(30) {
        world.pass(at(minute * MIN));
        world.check_in("1");
    }
    assert_eq!(world.open(), 0);
    world.pass(at(335 * MIN - 1));
    assert_eq!(world.open(), 0);
    world.pass(at(335 * MIN));
    assert_eq!(
        world.one().detail["last_check_in"],
        "1970-01-01T05:00:00.000000Z"
    );
}

#[test]
fn a_later_check_in_clears_and_the_next_miss_is_a_new_occurrence() {
    let mut world = with_device();
    world.pass(at(40 * MIN));
    world.check_in("1");
    assert_eq!(world.steps(), [What::Cleared]);
    assert_eq!(world.last.changes[0].step.by, "device");
    assert_eq!(world.one().state(), CaseState::ClearedUnacknowledged);
    world.pass(at(75 * MIN));
    assert_eq!((world.one().repeats, world.one().active), (1, true));
}

#[test]
fn a_check_in_after_the_deadline_does_not_hide_that_it_was_missed() {
    let mut world = with_device();
    // Nobody looked at the time in between.
    world.now = at(50 * MIN);
    world.check_in("1");
    assert_eq!(world.steps(), [What::Raised, What::Cleared]);
    assert_eq!(world.one().received_at, at(35 * MIN));
    world.pass(at(85 * MIN - 1));
    assert!(!world.one().active);
}

#[test]
fn a_changed_interval_moves_the_deadline() {
    let mut world = with_device();
    world.register("1", |it| it.check_in_minutes = 5);
    world.pass(at(10 * MIN));
    assert!(world.one().active);
    world.now = at(11 * MIN);
    world.register("1", |it| it.check_in_minutes = 60);
    assert_eq!(world.steps(), [What::Cleared]);
    assert_eq!(world.last.changes[0].step.by, "registration");
    world.pass(at(65 * MIN - 1));
    assert!(!world.one().active);
    world.pass(at(65 * MIN));
    assert!(world.one().active);
}

#[test]
fn a_longer_interval_that_is_over_too_changes_nothing() {
    let mut world = with_device();
    world.pass(at(100 * MIN));
    world.register("1", |it| it.check_in_minutes = 60);
    assert!(world.last.is_empty() && world.one().active);
}

#[test]
fn a_device_that_is_disabled_or_removed_need_not_check_in() {
    for removed in [false, true] {
        let mut world = with_device();
        world.pass(at(40 * MIN));
        if removed {
            world.delete("devices/1/registration");
        } else {
            world.register("1", |it| it.enabled = false);
        }
        assert_eq!(world.steps(), [What::Cleared]);
        assert_eq!(world.last.changes[0].step.by, "registration");
        assert_eq!(world.cases.next_due(), None);
        world.pass(at(400 * MIN));
        assert!(!world.one().active);
    }
}

#[test]
fn a_device_that_is_disabled_before_its_deadline_is_not_missed() {
    let mut world = with_device();
    world.register("1", |it| it.enabled = false);
    world.pass(at(400 * MIN));
    assert_eq!(world.open(), 0);
    world.check_in("1");
    world.register("1", |_| {});
    world.pass(at(435 * MIN - 1));
    assert_eq!(world.open(), 0);
    world.pass(at(435 * MIN));
    assert_eq!(world.open(), 1);
}

#[test]
fn the_last_check_in_may_be_forgotten() {
    let mut world = with_device();
    world.pass(at(30 * MIN));
    world.check_in("1");
    world.delete("devices/1/check-in");
    world.pass(at(35 * MIN));
    assert_eq!(world.open(), 1, "it counts from the registration again");
}

#[test]
fn check_ins_of_strangers_raise_nothing_and_are_remembered_for_their_registration() {
    let mut world = World::new(rules());
    world.now = at(100 * MIN);
    world.check_in("7");
    assert_eq!(world.cases.next_due(), None);
    world.now = at(120 * MIN);
    world.register("7", |_| {});
    assert_eq!(world.cases.next_due(), Some(at(135 * MIN)));
}

#[test]
fn a_registration_that_cannot_be_read_changes_nothing() {
    let mut world = with_device();
    world.value("devices/1/registration", "{");
    assert_eq!(world.cases.counts().unreadable, 1);
    world.pass(at(35 * MIN));
    assert_eq!(world.open(), 1);
}

#[test]
fn an_older_check_in_that_is_read_again_changes_nothing() {
    let mut world = with_device();
    world.pass(at(10 * MIN));
    let mut old = world.record(spica_model::Lane::Normal, "devices/1/check-in", b"{}");
    world.pass(at(20 * MIN));
    world.check_in("1");
    old.received = at(10 * MIN);
    let mut out = spica_cases::Output::default();
    world.cases.on_record(&old, world.now, &mut out);
    world.pass(at(55 * MIN - 1));
    assert_eq!(world.open(), 0);
    world.pass(at(55 * MIN));
    assert_eq!(world.open(), 1);
}

#[test]
fn many_deadlines_at_once_come_in_batches_that_fit() {
    let mut world = World::new(rules());
    for number in 0..1_000 {
        world.register(&number.to_string(), |_| {});
    }
    world.now = at(35 * MIN);
    let mut out = spica_cases::Output::default();
    world.cases.on_time(world.now, &mut out);
    assert_eq!(out.changes.len(), spica_cases::AT_ONCE);
    assert_eq!(out.drafts.len(), 3 * spica_cases::AT_ONCE);
    assert!(world.cases.next_due().unwrap() <= world.now);
    world.pass(world.now);
    assert_eq!(world.open(), 1_000);
}
