use serde_json::json;
use spica_cases::{CaseState, CaseVerb, Severity, What};

use crate::world::{DEVICE, World, at, rules};

#[test]
fn a_man_down_lives_from_the_raise_to_the_close() {
    let mut world = World::new(rules());
    world.register("0012345", |_| {});
    world.now = at(100);
    world.event_with("man-down", Some(97), r#"{"battery":80}"#);
    let case = world.one();
    assert_eq!(case.id.to_string(), "1-1");
    assert_eq!(
        (case.source.as_str(), case.condition.as_str()),
        (DEVICE, "man-down")
    );
    assert_eq!(
        (case.text.as_str(), case.severity),
        ("Man down", Severity::Emergency)
    );
    assert_eq!(case.name.as_deref(), Some("Ann"));
    assert_eq!(case.customer.as_deref(), Some("Acme"));
    assert_eq!((case.raised_at, case.received_at), (at(100), at(100)));
    assert_eq!(
        (case.happened_at, case.cause.as_str()),
        (Some(at(97)), "1/critical/1")
    );
    assert_eq!(case.detail, json!({ "battery": 80 }));
    assert_eq!(case.state(), CaseState::Unacknowledged);
    assert_eq!(world.steps(), [What::Raised]);
    assert_eq!(world.last.changes[0].step.by, "device");
    assert!(world.last.changes[0].before.is_none());

    world.now = at(110);
    assert_eq!(world.on_case(case.id, CaseVerb::Acknowledge), Ok(1));
    assert_eq!(world.one().state(), CaseState::Acknowledged);
    world.now = at(200);
    world.event("man-down-cleared", Some(190));
    assert_eq!(world.one().state(), CaseState::Cleared);
    assert_eq!(world.one().cleared_at, Some(at(200)));
    assert_eq!(world.on_case(case.id, CaseVerb::Close), Ok(1));
    assert_eq!(world.open(), 0);
    let closed = world.cases.get(case.id).unwrap();
    assert_eq!(closed.state(), CaseState::Closed);
    assert_eq!(closed.closed.as_ref().unwrap().why.as_deref(), Some("seen"));
    assert_eq!(world.conditions(), [], "a condition at rest has no record");
}

#[test]
fn a_raise_makes_a_case_a_step_and_a_condition_with_their_cause() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    let topics: Vec<_> = world
        .last
        .drafts
        .iter()
        .map(|draft| draft.topic.as_str())
        .collect();
    assert_eq!(
        topics,
        [
            "root/s1/alarms/cases/1-1",
            "root/s1/alarms/cases/1-1/steps",
            "root/s1/alarms/conditions/man-down/devices/0012345",
        ]
    );
    for draft in &world.last.drafts {
        assert_eq!(
            draft.cause.as_ref().unwrap().as_str(),
            "record:1/critical/1"
        );
        assert_eq!(draft.key, None);
    }
}

#[test]
fn a_raise_while_one_is_open_repeats_it_and_keeps_its_acknowledgement() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    let id = world.one().id;
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    world.now = at(60);
    world.event_with("man-down", None, r#"{"battery":7}"#);
    let case = world.one();
    assert_eq!(
        (case.id, case.repeats, case.last_raised_at),
        (id, 1, at(60))
    );
    assert_eq!(
        (case.raised_at, case.state()),
        (at(0), CaseState::Acknowledged)
    );
    assert_eq!(
        case.detail,
        json!({ "battery": 7 }),
        "the newest place and battery count"
    );
    assert_eq!(world.steps(), [What::Repeated]);
}

#[test]
fn a_raise_of_a_cleared_case_wants_a_new_acknowledgement() {
    let mut world = World::new(rules());
    world.event("man-down", None);
    let id = world.one().id;
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    world.event("man-down-cleared", None);
    world.event("man-down", None);
    let case = world.one();
    assert_eq!((case.id, case.state()), (id, CaseState::Unacknowledged));
    assert_eq!(case.cleared_at, None);
}

#[test]
fn a_raise_after_the_close_makes_a_new_case() {
    let mut world = World::new(rules());
    world.event("door-open", None);
    world.event("door-shut", None);
    assert_eq!(world.open(), 0);
    world.event("door-open", None);
    assert_eq!(world.one().id.to_string(), "1-2");
}

#[test]
fn mild_cases_close_by_themselves() {
    let mut world = World::new(rules());
    world.event("low-battery", None);
    let medium = world.one().id;
    world.event("charger-connected", None);
    assert_eq!(world.one().state(), CaseState::ClearedUnacknowledged);
    world.on_case(medium, CaseVerb::Acknowledge).unwrap();
    assert_eq!(world.steps(), [What::Acknowledged, What::Closed]);
    assert_eq!(world.last.changes[1].step.by, "rules");
    world.event("door-open", None);
    world.event("door-shut", None);
    assert_eq!(
        world.steps(),
        [What::Cleared, What::Closed],
        "low needs nobody"
    );
}

#[test]
fn a_confirmation_is_awaited_where_the_rules_want_one() {
    let mut rules = rules();
    rules.confirm = [Severity::Medium].into();
    let mut world = World::new(rules);
    world.event("low-battery", None);
    let id = world.one().id;
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    world.event("charger-connected", None);
    assert_eq!(world.one().state(), CaseState::Cleared);
    world.on_case(id, CaseVerb::Confirm).unwrap();
    assert_eq!(world.steps(), [What::Confirmed, What::Closed]);
}

#[test]
fn a_device_that_is_not_registered_raises_too() {
    let mut world = World::new(rules());
    world.register("0012345", |_| {});
    world.delete("devices/0012345/registration");
    world.event("man-down", None);
    assert_eq!(world.one().name, None);
}

#[test]
fn a_clear_of_before_the_raise_does_not_clear() {
    let mut world = World::new(rules());
    world.now = at(1_000);
    world.event("man-down", Some(500));
    world.now = at(1_010);
    world.event("man-down-cleared", Some(499));
    assert!(world.one().active);
    assert_eq!(world.cases.counts().late, 1);
    world.event("man-down-cleared", Some(500));
    assert!(!world.one().active, "at the same time it counts");
}

#[test]
fn without_a_time_of_the_source_the_time_of_receipt_decides() {
    let mut world = World::new(rules());
    world.now = at(1_000);
    let late = {
        let mut record = world.record(
            spica_model::Lane::Normal,
            &format!("{DEVICE}/events/man-down-cleared"),
            b"{}",
        );
        record.source_time = Some(at(5_000));
        record
    };
    world.now = at(1_001);
    world.event("man-down", None);
    world.take(late);
    assert!(world.one().active, "it was received before the raise");
    world.event("man-down-cleared", Some(3));
    assert!(
        !world.one().active,
        "received at the same time as the raise"
    );
}

#[test]
fn an_event_that_cannot_be_read_still_raises() {
    let mut world = World::new(rules());
    let path = format!("{DEVICE}/events/man-down");
    let record = world.record(spica_model::Lane::Critical, &path, b"\xff{");
    world.take(record);
    assert!(world.one().detail.is_null());
    assert_eq!(world.cases.counts().unreadable, 1);
}

#[test]
fn a_long_detail_is_left_out_and_one_at_the_limit_is_kept() {
    for (length, kept) in [(4_096, true), (4_097, false)] {
        let mut world = World::new(rules());
        // {"x":"…"} has 8 bytes around the text.
        let detail = format!(r#"{{"x":"{}"}}"#, "y".repeat(length - 8));
        world.event_with("man-down", None, &detail);
        assert_eq!(world.one().detail.is_object(), kept, "{length}");
    }
}

#[test]
fn troubles_are_told_by_level() {
    let mut world = World::new(rules());
    world.trouble(Severity::Medium, false);
    assert!(world.last.is_empty());
    world.trouble(Severity::Medium, true);
    assert_eq!(world.one().text, "The handler hangs");
    world.trouble(Severity::Medium, true);
    assert!(world.last.is_empty(), "it is known");
    let id = world.one().id;
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    world.trouble(Severity::High, true);
    assert_eq!(world.steps(), [What::Severity]);
    let case = world.one();
    assert_eq!(
        (case.severity, case.state()),
        (Severity::High, CaseState::Unacknowledged)
    );
    world.trouble(Severity::Low, true);
    assert!(world.last.is_empty(), "a case keeps its worst");
    world.trouble(Severity::High, false);
    assert_eq!(world.one().state(), CaseState::ClearedUnacknowledged);
    world.trouble(Severity::High, false);
    assert!(world.last.is_empty());
}

#[test]
fn a_trouble_without_a_topic_is_counted() {
    let mut world = World::new(rules());
    let mut out = spica_cases::Output::default();
    let trouble = spica_cases::Trouble {
        source: "a/#".to_owned(),
        condition: "x".to_owned(),
        severity: Severity::High,
        active: true,
        text: String::new(),
        detail: serde_json::Value::Null,
    };
    world.cases.trouble(&trouble, at(0), &mut out);
    assert!(out.is_empty());
    assert_eq!(world.cases.counts().refused, 1);
}

#[test]
fn records_of_others_and_copies_say_nothing() {
    let mut world = World::new(rules());
    let mut record = world.record(spica_model::Lane::Critical, "x", b"{}");
    record.topic = spica_model::Topic::new("root/s2/devices/1/events/man-down").unwrap();
    world.take(record);
    let path = format!("{DEVICE}/events/man-down");
    let mut copy = world.record(spica_model::Lane::Critical, &path, b"{}");
    copy.op = spica_model::Op::Restate(spica_model::Restated {
        epoch: spica_model::Epoch(1),
        seq: spica_model::Seq(1),
        deletes: false,
    });
    world.take(copy);
    let mut deletion = world.record(spica_model::Lane::Critical, &path, b"");
    deletion.op = spica_model::Op::Delete;
    world.take(deletion);
    assert_eq!((world.open(), world.drafts.len()), (0, 0));
}

#[test]
fn closed_cases_beyond_the_limit_are_forgotten_but_numbers_go_on() {
    let mut rules = rules();
    rules.max_closed = 2;
    let mut world = World::new(rules);
    for _ in 0..4 {
        world.event("door-open", None);
        world.event("door-shut", None);
    }
    assert_eq!(world.last.forgotten[0].to_string(), "1-2");
    assert_eq!(world.cases.counts().forgotten, 2);
    let kept: Vec<_> = world
        .cases
        .after(None)
        .map(|case| case.id.to_string())
        .collect();
    assert_eq!(kept, ["1-3", "1-4"]);
    let after: Vec<_> = world.cases.after(Some("1-3".parse().unwrap())).collect();
    assert_eq!(after.len(), 1);
    world.restart();
    world.event("door-open", None);
    assert_eq!(world.one().id.to_string(), "1-5");
}

#[test]
fn the_newest_case_is_not_forgotten_even_if_it_was_closed_first() {
    let mut rules = rules();
    rules.max_closed = 1;
    let mut world = World::new(rules);
    world.event("low-battery", None);
    let older = world.one().id;
    world.event("door-open", None);
    world.event("door-shut", None);
    world.on_case(older, CaseVerb::Acknowledge).unwrap();
    world.now = at(9);
    world.event("charger-connected", None);
    assert_eq!(world.last.forgotten, [older]);
    world.restart();
    world.event("door-open", None);
    assert_eq!(world.one().id.to_string(), "1-3", "1-2 was not given twice");
}
