//! Whatever happens, in whatever order, with restarts at any place.

#![expect(clippy::unwrap_used, reason = "in tests")]

use std::collections::BTreeSet;

use proptest::prelude::*;
use spica_cases::{Case, CaseVerb, ConditionVerb, Part, Rules, Severity, Verb, What};
use spica_model::{Lane, Quality};
use spica_settings::Span;

use crate::world::{NODE, World, at, rules};

const DEVICES: [&str; 3] = ["1", "2", "3"];
const TOPICS: [&str; 2] = ["plant/1/level", "plant/2/level"];
const EVENTS: [&str; 8] = [
    "man-down",
    "man-down-cleared",
    "low-battery",
    "charger-connected",
    "door-open",
    "door-shut",
    "amber-alert-started",
    "amber-alert-ended",
];

#[derive(Debug, Clone)]
enum Act {
    Event {
        device: usize,
        name: usize,
        /// So long before now, by the device's clock.
        before: Option<u32>,
    },
    CheckIn(usize),
    Register {
        device: usize,
        minutes: u16,
        enabled: bool,
    },
    Remove(usize),
    Value {
        topic: usize,
        value: i32,
        bad: bool,
    },
    DeleteTopic(usize),
    Trouble(Severity, bool),
    /// About one of the open cases, if there is one.
    OnCase(usize, CaseVerb),
    OnCondition(usize, ConditionVerb),
    /// Everything that is due happens, so many seconds later.
    Pass(u32),
    /// Time passes, and nobody looks.
    Sleep(u32),
}

fn act() -> impl Strategy<Value = Act> {
    let severity = prop::sample::select(&Severity::ALL[..]);
    let event = (0..3usize, 0..EVENTS.len(), prop::option::of(0..4_000u32));
    prop_oneof![
        8 => event.prop_map(|(device, name, before)| Act::Event { device, name, before }),
        3 => (0..3usize).prop_map(Act::CheckIn),
        2 => (0..3usize, 1..40u16, prop::bool::weighted(0.8))
            .prop_map(|(device, minutes, enabled)| Act::Register { device, minutes, enabled }),
        1 => (0..3usize).prop_map(Act::Remove),
        4 => (0..2usize, 70..110i32, prop::bool::weighted(0.2))
            .prop_map(|(topic, value, bad)| Act::Value { topic, value, bad }),
        1 => (0..2usize).prop_map(Act::DeleteTopic),
        2 => (severity, any::<bool>()).prop_map(|(severity, active)| Act::Trouble(severity, active)),
        8 => (any::<usize>(), case_verb()).prop_map(|(case, verb)| Act::OnCase(case, verb)),
        4 => (any::<usize>(), condition_verb()).prop_map(|(it, verb)| Act::OnCondition(it, verb)),
        6 => (0..3_000u32).prop_map(Act::Pass),
        2 => (0..3_000u32).prop_map(Act::Sleep),
    ]
}

fn case_verb() -> impl Strategy<Value = CaseVerb> {
    prop_oneof![
        4 => Just(CaseVerb::Acknowledge),
        1 => Just(CaseVerb::Confirm),
        2 => Just(CaseVerb::Clear),
        4 => Just(CaseVerb::Close),
        1 => Just(CaseVerb::Comment),
        1 => Just(CaseVerb::Assign { to: Some("bob".to_owned()) }),
    ]
}

fn condition_verb() -> impl Strategy<Value = ConditionVerb> {
    use ConditionVerb::{InService, OutOfService, Shelve, Suppress, Unshelve, Unsuppress};
    prop_oneof![
        4 => prop::option::of(0..20_000u32)
            .prop_map(|until| Shelve { until: until.map(at) }),
        1 => Just(Unshelve),
        1 => Just(Suppress),
        2 => Just(Unsuppress),
        1 => Just(OutOfService),
        2 => Just(InService),
    ]
}

/// Limits that are reached, and everything that waits for something.
fn small_rules() -> Rules {
    let text = r#"
        confirm = ["medium"]
        max_open = 6
        max_closed = 3
        [[thresholds]]
        topic = "plant/+/level"
        condition = "level-high"
        severity = "high"
        above = 90
        hysteresis = 5
        delay_on = "5min"
        delay_off = "2min"
        stale_after = "20min"
        bad_quality = true
        quality_severity = "low"
    "#;
    let rules = Rules {
        events: rules().events,
        ..toml::from_str(text).unwrap()
    };
    assert_eq!(rules.check(), []);
    Rules {
        emergency_shelf_max: Span::from_mins(10),
        ..rules
    }
}

fn perform(world: &mut World, act: &Act) {
    match act {
        Act::Event {
            device,
            name,
            before,
        } => {
            let now = u32::try_from(world.now.as_micros() / 1_000_000).unwrap();
            let source_time = before.map(|before| now.saturating_sub(before));
            let device = format!("devices/{}", DEVICES[*device]);
            let detail = r#"{"minutes":7}"#;
            world.event_of(&device, EVENTS[*name], source_time, detail);
            if EVENTS[*name] == "man-down" {
                let it = world.cases.condition(&device, "man-down").unwrap();
                let waits = it.pending.is_some() && world.open() >= 12;
                assert!(it.case.is_some() || waits, "an emergency without a case");
            }
        }
        Act::CheckIn(device) => world.check_in(DEVICES[*device]),
        Act::Register {
            device,
            minutes,
            enabled,
        } => world.register(DEVICES[*device], |it| {
            it.check_in_minutes = *minutes;
            it.enabled = *enabled;
        }),
        Act::Remove(device) => world.delete(&format!("devices/{}/registration", DEVICES[*device])),
        Act::Value { topic, value, bad } => {
            let payload = value.to_string();
            let mut record = world.record(Lane::Normal, TOPICS[*topic], payload.as_bytes());
            record.quality = if *bad { Quality::Bad } else { Quality::Good };
            world.take(record);
        }
        Act::DeleteTopic(topic) => world.delete(TOPICS[*topic]),
        Act::Trouble(severity, active) => world.trouble(*severity, *active),
        Act::OnCase(pick, verb) => {
            let open: Vec<_> = world.cases.open().map(|case| case.id).collect();
            if !open.is_empty() {
                // Many orders are refused as things are.
                let _ = world.on_case(open[pick % open.len()], verb.clone());
            }
        }
        Act::OnCondition(pick, verb) => {
            let source = format!("devices/{}", DEVICES[pick % 3]);
            let names = [
                "man-down",
                "low-battery",
                "missed-check-in",
                "amber-alert-expired",
            ];
            let condition = names[pick / 3 % names.len()].to_owned();
            let verb = Verb::Condition {
                source,
                condition,
                verb: *verb,
            };
            let _ = world.order(verb, Some("as agreed"));
        }
        Act::Pass(secs) => {
            let now = world
                .now
                .saturating_add(std::time::Duration::from_secs(u64::from(*secs)));
            world.pass(now);
            assert!(world.cases.next_due().is_none_or(|due| due > now));
        }
        Act::Sleep(secs) => {
            let by = std::time::Duration::from_secs(u64::from(*secs));
            world.now = world.now.saturating_add(by);
        }
    }
}

/// What holds after every step.
fn check(world: &World) {
    let mut seen = BTreeSet::new();
    for case in world.cases.open() {
        let at = (case.source.clone(), case.condition.clone());
        assert!(
            seen.insert(at),
            "two open cases of {} {}",
            case.source,
            case.condition
        );
        let it = world
            .cases
            .condition(&case.source, &case.condition)
            .unwrap();
        assert_eq!(it.case, Some(case.id));
        assert_eq!(it.is_quiet(), case.quiet, "{case:?} {it:?}");
        assert!(it.active || !case.active, "{case:?} {it:?}");
        assert!(it.lasting || it.active == case.active, "{case:?} {it:?}");
    }
    for change in &world.last.changes {
        if change.step.what == What::Closed {
            let case = &change.after;
            let known = case.acknowledged.is_some() || case.severity == Severity::Low;
            assert!(known && !case.active, "closed unseen: {case:?}");
        }
    }
    let closed = world
        .cases
        .after(None)
        .filter(|case| !case.is_open())
        .count();
    assert!(closed <= world.rules.max_closed + 1);
    assert!(world.open() <= 2 * world.rules.max_open + 1);
}

/// What the journal says is what the decider holds.
fn check_tree(world: &World) {
    let kept: Vec<_> = world
        .cases
        .after(None)
        .map(|case| Case::clone(case))
        .collect();
    let in_tree = world
        .tree
        .values()
        .filter_map(|record| match Part::of(NODE, &record.topic) {
            Some(Part::Case(id)) => Some(Case::decode(id, &record.payload).unwrap()),
            _ => None,
        });
    let mut in_tree: Vec<_> = in_tree.collect();
    in_tree.sort_by_key(|case| case.id);
    assert_eq!(kept, in_tree);
    let mut conditions = world.conditions();
    conditions.sort_by(|a, b| (&a.source, &a.condition).cmp(&(&b.source, &b.condition)));
    assert_eq!(
        world.cases.conditions().cloned().collect::<Vec<_>>(),
        conditions
    );
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(debug_assertions) { 100 } else { 2_000 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_run_with_restarts_decides_the_same_as_one_without(
        acts in prop::collection::vec((act(), prop::bool::weighted(0.1)), 1..120),
    ) {
        let mut steady = World::new(small_rules());
        let mut restarted = World::new(small_rules());
        for (act, restart) in &acts {
            if *restart {
                restarted.restart();
            }
            perform(&mut steady, act);
            perform(&mut restarted, act);
            check(&steady);
            prop_assert_eq!(&steady.last, &restarted.last, "{:?}", act);
        }
        prop_assert_eq!(&steady.drafts, &restarted.drafts);
        prop_assert_eq!(&steady.tree, &restarted.tree);
        check_tree(&steady);
        check_tree(&restarted);
    }
}
