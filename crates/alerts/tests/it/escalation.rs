//! Who is told when.

use std::time::Duration;

use spica_alerts::NoticeState;
use spica_cases::{CaseVerb, ConditionVerb, Severity, Trouble};
use spica_model::{Kind, Op};

use crate::support::{self, PLANS, World, refused, retry};

const ANNA: &str = "+41790000001";
const BOB: &str = "+41790000002";

#[test]
fn an_emergency_climbs_its_plan_until_it_is_exhausted() {
    let mut world = World::morning();
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(60);
    let anna = format!("0 raised {ANNA}");
    assert_eq!(
        world.log(start),
        [
            &anna,
            "0 raised 1234",
            &format!("120 escalated {BOB}"),
            &format!("300 escalated {ANNA}"),
            &format!("300 escalated {BOB}"),
            "300 escalated eve@example.org",
            &format!("900 repeated {ANNA}"),
            &format!("900 repeated {BOB}"),
            "900 repeated eve@example.org",
            &format!("1500 repeated {ANNA}"),
            &format!("1500 repeated {BOB}"),
            "1500 repeated eve@example.org",
        ]
    );
    let case = world.case();
    assert_eq!(world.exhausted.len(), 1);
    assert_eq!(
        (world.exhausted[0].case, world.exhausted[0].plan.as_str()),
        (case.id, "life")
    );
    assert!(!world.alerts.is_escalating(case.id));
    assert!(
        !world
            .state
            .keys()
            .any(|topic| topic.as_str().contains("/escalations/"))
    );
    assert_eq!(world.alerts.counts().exhausted, 1);
    assert_eq!(world.next_due(), None, "then there is peace");
}

#[test]
fn a_new_raise_of_an_exhausted_case_begins_anew() {
    let mut world = World::morning();
    world.event(7, "man-down");
    world.minutes(60);
    let again = world.now;
    world.log(again);
    world.event(7, "man-down");
    world.minutes(1);
    assert_eq!(
        world.log(again),
        [&format!("0 raised {ANNA}"), "0 raised 1234"]
    );
}

#[test]
fn a_raise_while_the_escalation_runs_does_not_begin_it_again() {
    let mut world = World::morning();
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(1);
    world.event(7, "man-down");
    world.event(7, "man-down");
    world.minutes(2);
    assert_eq!(world.log(start).len(), 3);
}

#[test]
fn an_acknowledgement_ends_the_escalation_and_drops_what_waits() {
    let mut world = World::morning();
    world.answer = Box::new(|_| retry());
    let start = world.now;
    world.event(7, "man-down");
    world.seconds(1);
    let case = world.case();
    assert!(world.alerts.is_escalating(case.id));
    world.acknowledge(case.id);
    world.log(start);
    world.minutes(120);
    assert_eq!(world.log(start), Vec::<String>::new());
    assert!(!world.alerts.is_escalating(case.id));
    let notices = world.notices(case.id);
    assert!(
        notices
            .iter()
            .all(|n| n.state == NoticeState::Dropped && n.settled_at.is_some())
    );
    assert_eq!((world.alerts.waiting(), world.alerts.next_due()), (0, None));
}

#[test]
fn what_is_in_flight_at_an_acknowledgement_settles_as_it_does() {
    for (outcome, state) in [
        (support::delivered(), NoticeState::Delivered),
        (retry(), NoticeState::Dropped),
        (refused(), NoticeState::Failed),
    ] {
        let mut world = World::morning();
        world.event(7, "man-down");
        let case = world.case().id;
        let in_flight = world.alerts.ready(world.now, 1)[0];
        world.acknowledge(case);
        let states: Vec<_> = world.notices(case).iter().map(|n| n.state).collect();
        assert_eq!(states, [NoticeState::Waiting, NoticeState::Dropped]);
        world.settle(in_flight, &outcome);
        assert_eq!(world.alerts.notice(in_flight).unwrap().state, state);
        assert_eq!(
            world.notices(case).len(),
            2,
            "no fallback for what nobody needs"
        );
        assert_eq!(world.alerts.waiting(), 0);
    }
}

#[test]
fn a_cleared_emergency_still_wants_somebody() {
    let mut world = World::morning();
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(1);
    world.event(7, "man-up");
    world.minutes(2);
    let log = world.log(start);
    assert!(log.contains(&format!("120 escalated {BOB}")), "{log:?}");
    // Its receiver keeps alarms of its own, so it hears of the end; people do not, by this plan.
    assert!(log.contains(&"60 cleared 1234".to_owned()), "{log:?}");
    assert_eq!(
        log.iter().filter(|line| line.contains("cleared")).count(),
        1
    );
}

#[test]
fn a_plan_may_stop_when_the_condition_clears() {
    let text = PLANS.replacen("repeat = 2", "stop_on_clear = true\nrepeat = 2", 1);
    let mut world = World::new(&text, "2026-11-23T08:00:00Z");
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(1);
    world.event(7, "man-up");
    world.minutes(60);
    let log = world.log(start);
    assert_eq!(
        log,
        [
            &format!("0 raised {ANNA}"),
            "0 raised 1234",
            "60 cleared 1234"
        ]
    );
}

#[test]
fn what_is_no_emergency_stops_when_it_clears() {
    let mut world = World::morning();
    let start = world.now;
    world.event(7, "battery-low");
    world.minutes(30);
    world.event(7, "battery-ok");
    world.minutes(120);
    let bob = |at, what: &str| format!("{at} {what} {BOB}");
    assert_eq!(world.log(start), [bob(0, "raised"), bob(1_800, "cleared")]);
}

#[test]
fn a_condition_that_comes_back_is_told_anew() {
    let mut world = World::morning();
    let start = world.now;
    for _ in 0..2 {
        world.event(7, "battery-low");
        world.minutes(10);
        world.event(7, "battery-ok");
        world.minutes(10);
    }
    let bob = |at, what: &str| format!("{at} {what} {BOB}");
    assert_eq!(
        world.log(start),
        [
            bob(0, "raised"),
            bob(600, "cleared"),
            bob(1_200, "raised"),
            bob(1_800, "cleared")
        ]
    );
}

#[test]
fn an_end_that_nobody_heard_yet_is_not_told_once_it_has_begun_again() {
    let mut world = World::morning();
    world.event(7, "battery-low");
    world.minutes(1);
    world.answer = Box::new(|_| retry());
    world.event(7, "battery-ok");
    world.seconds(2);
    world.event(7, "battery-low");
    world.answer = Box::new(|_| support::delivered());
    let start = world.now;
    world.log(start);
    world.minutes(10);
    assert_eq!(world.log(start), [format!("0 raised {BOB}")]);
}

#[test]
fn whoever_hears_late_of_the_alarm_hears_of_its_end_after_it() {
    let mut world = World::morning();
    world.answer = Box::new(|message| match message.address.as_str() {
        "1234" => retry(),
        _ => support::delivered(),
    });
    let start = world.now;
    world.event(7, "man-down");
    world.seconds(30);
    world.event(7, "man-up");
    world.seconds(1);
    world.log(start);
    world.answer = Box::new(|_| support::delivered());
    world.minutes(2);
    let log = world.log(start);
    let arc: Vec<_> = log.iter().filter(|line| line.ends_with("1234")).collect();
    assert_eq!(arc.len(), 2, "{log:?}");
    assert!(arc[0].contains("raised") && arc[1].contains("cleared"));
}

#[test]
fn those_who_heard_of_it_hear_that_it_was_closed() {
    let mut world = World::morning();
    let start = world.now;
    world.event(7, "battery-low");
    world.minutes(1);
    let case = world.case().id;
    world.acknowledge(case);
    world.event(7, "battery-ok");
    world.minutes(1);
    let bob = |at, what: &str| format!("{at} {what} {BOB}");
    assert_eq!(
        world.log(start),
        [bob(0, "raised"), bob(60, "cleared"), bob(60, "closed")]
    );
    assert!(world.cases.get(case).unwrap().closed.is_some());
}

#[test]
fn nobody_is_told_of_what_no_plan_matches() {
    let mut world = World::morning();
    world.event(7, "other");
    world.minutes(600);
    assert!(world.sent.is_empty() && world.written.is_empty());
    assert_eq!(world.case().severity, Severity::High);
}

#[test]
fn nobody_is_told_of_a_quiet_case_until_it_is_quiet_no_more() {
    let mut world = World::morning();
    assert!(world.order_condition(7, "man-down", ConditionVerb::OutOfService));
    world.event(7, "man-down");
    world.minutes(30);
    assert!(world.case().quiet && world.sent.is_empty());
    let start = world.now;
    assert!(world.order_condition(7, "man-down", ConditionVerb::InService));
    world.minutes(3);
    assert_eq!(
        world.log(start),
        [
            &format!("0 raised {ANNA}"),
            "0 raised 1234",
            &format!("120 escalated {BOB}")
        ]
    );
}

#[test]
fn a_shelf_silences_what_runs() {
    let mut world = World::morning();
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(1);
    let until = Some(world.now.saturating_add(Duration::from_secs(1_800)));
    assert!(world.order_condition(7, "man-down", ConditionVerb::Shelve { until }));
    world.minutes(20);
    assert_eq!(world.log(start).len(), 2);
    world.minutes(20);
    assert_eq!(
        world.log(start),
        [
            &format!("1860 raised {ANNA}"),
            "1860 raised 1234",
            &format!("1980 escalated {BOB}"),
            &format!("2160 escalated {ANNA}"),
            &format!("2160 escalated {BOB}"),
            "2160 escalated eve@example.org",
        ]
    );
}

#[test]
fn a_node_that_was_down_makes_up_for_the_steps_it_missed_but_not_for_repetitions() {
    let mut world = World::morning();
    let start = world.now;
    world.event(7, "man-down");
    world.seconds(1);
    world.log(start);
    world.now = start.saturating_add(Duration::from_secs(2 * 3_600));
    world.restart();
    world.work();
    let log = world.log(start);
    assert_eq!(log.len(), 4, "the second and the third step: {log:?}");
    assert!(log.iter().all(|line| line.starts_with("7200 escalated")));
    world.minutes(10);
    assert!(
        world
            .log(start)
            .iter()
            .all(|line| line.starts_with("7800 repeated"))
    );
}

#[test]
fn an_escalation_whose_plan_is_gone_begins_with_the_one_that_is_there() {
    let mut world = World::morning();
    world.event(7, "man-down");
    world.minutes(1);
    let start = world.now;
    world.log(start);
    let other = PLANS.replace("name = \"life\"", "name = \"lives\"");
    world.alerts.replace_plans(support::plans(&other));
    world.minutes(2);
    assert_eq!(
        world.log(start),
        [&format!("60 raised {ANNA}"), "60 raised 1234"]
    );
    assert!(world.alerts.is_escalating(world.case().id));

    world
        .alerts
        .replace_plans(std::sync::Arc::new(spica_alerts::Plans::none()));
    world.minutes(10);
    assert_eq!(world.log(start), Vec::<String>::new());
    assert!(!world.alerts.is_escalating(world.case().id));
}

#[test]
fn nobody_hears_for_ever_that_nobody_hears() {
    let text = format!(
        "{PLANS}\n[[plans]]\nname = \"exhausted\"\nmatch = {{ conditions = [\"escalation-exhausted\"] }}\nsteps = [{{ notify = [{{ person = \"eve\" }}] }}]\n"
    );
    let mut world = World::new(&text, "2026-11-23T08:00:00Z");
    let mut out = spica_cases::Output::default();
    let trouble = Trouble {
        source: "devices/0000007".to_owned(),
        condition: "escalation-exhausted".to_owned(),
        severity: Severity::Emergency,
        active: true,
        text: "Nobody".to_owned(),
        detail: serde_json::Value::Null,
    };
    world.cases.trouble(&trouble, world.now, &mut out);
    world.apply(out);
    world.minutes(600);
    assert!(!world.sent.is_empty() && world.exhausted.is_empty());
    assert_eq!(world.alerts.counts().exhausted, 1);
}

#[test]
fn what_belongs_to_a_forgotten_case_goes_with_it() {
    let mut world = World::morning();
    world.event(7, "battery-low");
    world.minutes(1);
    let case = world.case().id;
    let mut drafts = Vec::new();
    world.alerts.forget(case, &mut drafts);
    assert!(
        drafts
            .iter()
            .all(|d| d.op == Op::Delete && d.kind == Kind::State)
    );
    assert_eq!(drafts.len(), 2, "its escalation and its notice");
    world.write(drafts);
    assert!(
        !world
            .state
            .keys()
            .any(|topic| topic.as_str().contains("/notices/"))
    );
    assert_eq!((world.alerts.next_due(), world.alerts.waiting()), (None, 0));
}

#[test]
fn a_case_that_was_closed_at_once_is_told_to_nobody() {
    let mut world = World::new(PLANS, "2026-11-23T22:00:00Z");
    world.event(7, "battery-low");
    let case = world.case().id;
    assert!(world.order_case(case, CaseVerb::Clear));
    assert!(world.order_case(case, CaseVerb::Acknowledge));
    world.pass(Duration::from_secs(86_400));
    assert!(world.sent.is_empty());
    assert_eq!(world.notices(case)[0].state, NoticeState::Dropped);
}
