//! Days of alarms, with and without restarts: what is decided does not depend on them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use proptest::prelude::*;
use spica_alerts::{Message, NoticeState, Outcome, Reason};
use spica_cases::{CaseVerb, ConditionVerb};

use crate::support::{PLANS, World, delivered, refused, retry};

#[derive(Debug, Clone)]
enum Act {
    Event(u32, &'static str),
    Order(usize, CaseVerb),
    Service(u32, &'static str, ConditionVerb),
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let serial = 1_u32..4;
    let name = prop::sample::select(vec![
        "man-down",
        "man-up",
        "battery-low",
        "battery-ok",
        "other",
    ]);
    let verb = prop::sample::select(vec![
        CaseVerb::Acknowledge,
        CaseVerb::Acknowledge,
        CaseVerb::Clear,
        CaseVerb::Close,
    ]);
    let service = prop::sample::select(vec![
        ConditionVerb::OutOfService,
        ConditionVerb::InService,
        ConditionVerb::Shelve { until: None },
        ConditionVerb::Unshelve,
    ]);
    let condition = prop::sample::select(vec!["man-down", "low-battery"]);
    prop_oneof![
        5 => (serial.clone(), name).prop_map(|(serial, name)| Act::Event(serial, name)),
        2 => (0_usize..6, verb).prop_map(|(index, verb)| Act::Order(index, verb)),
        1 => (serial, condition, service).prop_map(|(s, c, v)| Act::Service(s, c, v)),
        4 => prop::sample::select(vec![0_u64, 1, 7, 40, 130, 600, 3_600, 30_000]).prop_map(Act::Pass),
    ]
}

/// A channel whose answers depend on nothing but what it is given.
fn moody(message: &Message) -> Outcome {
    let sum = message
        .key
        .bytes()
        .chain(message.address.bytes())
        .map(u32::from)
        .sum::<u32>();
    match (sum + message.attempt * 7) % 5 {
        0 => refused(),
        1 | 2 => retry(),
        _ => delivered(),
    }
}

fn run(acts: &[Act], restarts: bool) -> World {
    let mut world = World::new(PLANS, "2026-10-23T12:00:00Z");
    world.answer = Box::new(moody);
    for act in acts {
        if restarts {
            world.restart();
        }
        match act.clone() {
            Act::Event(serial, name) => world.event(serial, name),
            Act::Order(index, verb) => {
                let id = world.cases.open().nth(index).map(|case| case.id);
                if let Some(id) = id {
                    let acknowledges = verb == CaseVerb::Acknowledge;
                    let done = world.order_case(id, verb);
                    assert!(done || !acknowledges);
                }
            }
            Act::Service(serial, condition, verb) => {
                world.order_condition(serial, condition, verb);
            }
            Act::Pass(secs) => world.pass(Duration::from_secs(secs)),
        }
        world.work();
        check(&world);
    }
    world.pass(Duration::from_secs(3 * 86_400));
    check(&world);
    world
}

/// What holds at any time.
fn check(world: &World) {
    world.delivered();
    for case in world.cases.open() {
        let notices = world.notices(case.id);
        let wanted = |reason: Reason| reason.wants_somebody();
        let waiting = || notices.iter().filter(|n| n.state == NoticeState::Waiting);
        if case.acknowledged.is_some() || case.quiet {
            assert!(!world.alerts.is_escalating(case.id));
            assert!(
                !waiting().any(|n| wanted(n.reason)),
                "{case:?}: {notices:?}"
            );
        } else if case.active && case.condition != "other" {
            assert!(
                notices.iter().any(|n| wanted(n.reason)),
                "nobody knows of {case:?}"
            );
        }
        if case.condition == "man-down" {
            assert!(
                notices
                    .iter()
                    .all(|n| n.next_at.since(n.created_at) < Duration::from_secs(3_700))
            );
        }
        // Nobody hears of an end before they hear of the beginning.
        let mut heard = BTreeSet::new();
        for notice in &notices {
            if notice.reason == Reason::Cleared {
                assert!(heard.contains(&(&notice.channel, &notice.address)));
            } else if notice.state != NoticeState::Dropped || notice.attempts > 0 {
                heard.insert((&notice.channel, &notice.address));
            }
        }
    }
    // The working copy is what a restart would find.
    let kept: BTreeMap<_, _> = world
        .cases
        .open()
        .flat_map(|case| world.notices(case.id))
        .map(|notice| {
            (
                format!("{}/alarms/notices/{}", world.node, notice.id),
                notice.encode(),
            )
        })
        .collect();
    for (topic, payload) in kept {
        assert_eq!(world.state[topic.as_str()].payload, payload);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn restarts_change_no_decision(acts in prop::collection::vec(act(), 1..40)) {
        let (plain, restarted) = (run(&acts, false), run(&acts, true));
        prop_assert_eq!(plain.written, restarted.written);
        prop_assert_eq!(plain.sent, restarted.sent);
        prop_assert_eq!(plain.exhausted, restarted.exhausted);
    }
}

#[test]
fn what_was_in_flight_at_a_restart_is_sent_again_with_its_key() {
    let mut world = World::morning();
    world.event(7, "man-down");
    let before: Vec<_> = world
        .alerts
        .ready(world.now, 9)
        .iter()
        .map(|id| world.message(*id).key)
        .collect();
    world.restart();
    let after: Vec<_> = world
        .alerts
        .ready(world.now, 9)
        .iter()
        .map(|id| world.message(*id).key)
        .collect();
    assert_eq!((before.len(), before), (2, after));
}

#[test]
fn state_that_cannot_be_read_is_counted_and_harms_nothing_else() {
    let mut world = World::morning();
    world.event(7, "man-down");
    world.event(8, "battery-low");
    world.seconds(0);
    let topics: Vec<_> = world.state.keys().cloned().collect();
    let mut broken = 0;
    for topic in topics {
        if topic.as_str().contains("/notices/3-1/1") || topic.as_str().contains("/escalations/3-1")
        {
            world.state.get_mut(&topic).unwrap().payload = b"{".to_vec();
            broken += 1;
        }
    }
    world.restart();
    assert_eq!((broken, world.alerts.counts().unreadable), (2, 2));
    assert_eq!(
        world.notices(world.cases.open().next().unwrap().id).len(),
        1
    );
    assert!(
        world
            .alerts
            .is_escalating(world.cases.open().nth(1).unwrap().id)
    );
}
