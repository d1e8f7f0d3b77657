use spica_cases::{CaseState, CaseVerb, Severity, What};

use crate::world::{World, at, rules};

const MIN: u32 = 60;

#[test]
fn an_amber_alert_that_nobody_ends_raises_a_case() {
    let mut world = World::new(rules());
    world.event_with(
        "amber-alert-started",
        None,
        r#"{"minutes":10,"place":"roof"}"#,
    );
    assert_eq!(world.open(), 0);
    assert_eq!(
        world.conditions().len(),
        1,
        "the deadline is in the journal"
    );
    world.pass(at(10 * MIN - 1));
    assert_eq!(world.open(), 0);
    world.pass(at(10 * MIN));
    let case = world.one();
    assert_eq!(
        (case.condition.as_str(), case.severity),
        ("amber-alert-expired", Severity::High)
    );
    assert_eq!(case.detail["place"], "roof");
    assert_eq!(
        (case.cause.as_str(), case.received_at),
        ("1/normal/1", at(10 * MIN))
    );
    world.pass(at(100 * MIN));
    assert_eq!(world.one().repeats, 0);
}

#[test]
fn an_event_that_does_not_say_how_long_takes_the_usual_time() {
    for detail in ["{}", r#"{"minutes":"x"}"#, "7"] {
        let mut world = World::new(rules());
        world.event_with("amber-alert-started", None, detail);
        assert_eq!(world.cases.next_due(), Some(at(30 * MIN)), "{detail}");
    }
}

#[test]
fn times_that_cannot_be_meant_end_at_once() {
    for detail in [r#"{"minutes":-5}"#, r#"{"minutes":1e300}"#] {
        let mut world = World::new(rules());
        world.event_with("amber-alert-started", None, detail);
        world.pass(at(0));
        assert_eq!(world.open(), 1, "{detail}");
    }
}

#[test]
fn a_stop_in_time_leaves_nothing() {
    let mut world = World::new(rules());
    world.event("amber-alert-started", None);
    world.now = at(29 * MIN);
    world.event("amber-alert-ended", None);
    assert_eq!((world.conditions(), world.cases.next_due()), (vec![], None));
    world.pass(at(90 * MIN));
    assert_eq!(world.open(), 0);
}

#[test]
fn a_second_start_moves_the_deadline() {
    let mut world = World::new(rules());
    world.event("amber-alert-started", None);
    world.now = at(20 * MIN);
    world.event("amber-alert-started", None);
    assert_eq!(world.cases.next_due(), Some(at(50 * MIN)));
    world.pass(at(50 * MIN));
    assert_eq!(world.open(), 1);
}

#[test]
fn a_stop_after_the_end_clears_what_was_raised() {
    let mut world = World::new(rules());
    world.event("amber-alert-started", None);
    world.pass(at(31 * MIN));
    let id = world.one().id;
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    world.event("amber-alert-ended", None);
    assert_eq!(world.one().state(), CaseState::Cleared);
}

#[test]
fn a_timer_counts_from_when_the_device_started_it() {
    let mut world = World::new(rules());
    world.now = at(20 * MIN);
    world.event("amber-alert-started", Some(5 * MIN));
    assert_eq!(world.cases.next_due(), Some(at(35 * MIN)));
}

#[test]
fn a_clock_that_cannot_be_believed_does_not_count() {
    let day = 86_400;
    for said in [2 * day + 1, day - 1] {
        let mut world = World::new(rules());
        world.now = at(2 * day);
        world.event("amber-alert-started", Some(said));
        assert_eq!(
            world.cases.next_due(),
            Some(at(2 * day + 30 * MIN)),
            "{said}"
        );
    }
}

#[test]
fn pages_of_a_log_that_come_late_raise_nothing_that_was_ended_in_time() {
    let mut world = World::new(rules());
    world.now = at(120 * MIN);
    world.event("amber-alert-started", Some(5 * MIN));
    world.event("amber-alert-ended", Some(20 * MIN));
    world.pass(at(120 * MIN));
    assert_eq!(world.open(), 0);
}

#[test]
fn pages_of_a_log_that_come_late_raise_what_was_ended_too_late() {
    let mut world = World::new(rules());
    world.now = at(120 * MIN);
    world.event("amber-alert-started", Some(5 * MIN));
    world.event("amber-alert-ended", Some(36 * MIN));
    assert_eq!(world.steps(), [What::Raised, What::Cleared]);
}

#[test]
fn an_older_start_or_stop_changes_nothing() {
    let mut world = World::new(rules());
    world.now = at(60 * MIN);
    world.event("amber-alert-started", Some(50 * MIN));
    world.event("amber-alert-started", Some(40 * MIN));
    world.event("amber-alert-ended", Some(49 * MIN));
    assert_eq!(world.cases.next_due(), Some(at(80 * MIN)));
    assert_eq!(world.cases.counts().late, 2);
}

#[test]
fn a_timer_of_the_past_fires_when_the_node_is_up_again() {
    let mut world = World::new(rules());
    world.event("amber-alert-started", None);
    world.restart();
    assert_eq!(world.open(), 0);
    world.pass(at(500 * MIN));
    assert_eq!(world.one().received_at, at(30 * MIN));
    world.restart();
    world.pass(at(600 * MIN));
    assert_eq!(world.one().repeats, 0, "once");
}

/// The year of simulated shifts found this: an operator cleared the case of an alert that had run
/// out, and with it the timer of the next one, which was running by then.
#[test]
fn clearing_the_case_of_the_last_alert_does_not_stop_the_next_one() {
    let mut world = World::new(rules());
    world.event("amber-alert-started", None);
    world.pass(at(30 * MIN));
    let id = world.one().id;
    world.event("amber-alert-started", None);
    for verb in [CaseVerb::Clear, CaseVerb::Acknowledge, CaseVerb::Close] {
        world.on_case(id, verb).unwrap();
    }
    assert_eq!(world.open(), 0);
    world.pass(at(60 * MIN));
    assert_eq!(world.open(), 1);
}

#[test]
fn a_start_while_the_last_one_has_raised_runs_beside_it() {
    let mut world = World::new(rules());
    world.event("amber-alert-started", None);
    world.pass(at(30 * MIN));
    world.event("amber-alert-started", None);
    world.pass(at(60 * MIN));
    assert_eq!(world.one().repeats, 1);
}
