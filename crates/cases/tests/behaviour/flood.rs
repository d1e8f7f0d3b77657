use spica_cases::{CaseVerb, EventRule, Severity, What};

use crate::world::{DEVICE, World, at, rules};

/// Room for ten cases. Events `low-1`…, `high-1`… and `worst-1`… raise conditions of those names.
fn small() -> World {
    let mut rules = rules();
    rules.max_open = 10;
    for number in 1..=30 {
        for (name, severity) in [
            ("low", Severity::Low),
            ("high", Severity::High),
            ("worst", Severity::Emergency),
        ] {
            let condition = format!("{name}-{number}");
            let raise = EventRule::Raise {
                condition: condition.clone(),
                severity,
            };
            rules.events.insert(condition.clone(), raise);
            let clear = EventRule::Clear {
                condition: condition.clone(),
            };
            rules.events.insert(format!("{condition}-over"), clear);
        }
    }
    World::new(rules)
}

fn raise(world: &mut World, name: &str, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        world.event(&format!("{name}-{number}"), None);
    }
}

fn is_open(world: &World, condition: &str) -> bool {
    world.cases.open().any(|case| case.condition == condition)
}

#[test]
fn beyond_the_limit_only_emergencies_are_raised_and_a_case_says_so() {
    let mut world = small();
    raise(&mut world, "high", 1..=10);
    assert_eq!(world.open(), 10);
    assert!(!is_open(&world, "alarm-flood-limit"));
    raise(&mut world, "high", 11..=12);
    assert_eq!(world.open(), 11, "ten, and the one that says so");
    assert!(is_open(&world, "alarm-flood-limit"));
    assert_eq!(world.cases.counts().postponed, 2);
    raise(&mut world, "worst", 1..=30);
    assert_eq!(world.open(), 21, "twice as many");
    assert_eq!(world.cases.counts().postponed, 22);
    world.event("high-3", None);
    assert_eq!(world.steps(), [What::Repeated], "those that are open go on");
}

#[test]
fn what_waited_is_raised_when_there_is_room_emergencies_first() {
    let mut world = small();
    raise(&mut world, "low", 1..=10);
    raise(&mut world, "high", 11..=12);
    raise(&mut world, "worst", 1..=11);
    assert!(!is_open(&world, "worst-11"));
    world.now = at(60);
    world.event("low-1-over", None);
    world.pass(at(60));
    assert!(
        is_open(&world, "worst-11"),
        "as soon as there are less than twice as many"
    );
    assert!(!is_open(&world, "high-11"));
    for number in 2..=10 {
        world.event(&format!("low-{number}-over"), None);
    }
    world.pass(at(61));
    assert!(!is_open(&world, "high-11"), "the emergencies alone fill it");
    let worst: Vec<_> = world
        .cases
        .open()
        .filter(|it| it.severity == Severity::Emergency)
        .cloned()
        .collect();
    for case in worst.iter().take(3) {
        world.on_case(case.id, CaseVerb::Clear).unwrap();
        world.on_case(case.id, CaseVerb::Acknowledge).unwrap();
        world.on_case(case.id, CaseVerb::Close).unwrap();
    }
    world.pass(at(62));
    assert!(is_open(&world, "high-11") && is_open(&world, "high-12"));
    let flood = world
        .cases
        .condition("system/cases", "alarm-flood-limit")
        .unwrap();
    assert!(!flood.active, "it is over; its case waits for an operator");
}

#[test]
fn what_waits_survives_a_restart_and_what_is_cleared_meanwhile_is_not_raised() {
    let mut world = small();
    raise(&mut world, "low", 1..=10);
    raise(&mut world, "high", 11..=12);
    world.restart();
    world.pass(at(5));
    assert_eq!(world.open(), 11);
    world.event("high-11-over", None);
    for number in 1..=10 {
        world.event(&format!("low-{number}-over"), None);
    }
    world.pass(at(6));
    assert!(!is_open(&world, "high-11") && is_open(&world, "high-12"));
    let case = world
        .cases
        .open()
        .find(|case| case.condition == "high-12")
        .unwrap();
    assert_eq!((case.source.as_str(), case.received_at), (DEVICE, at(0)));
}

#[test]
fn a_flood_does_not_come_and_go_with_every_case() {
    let mut world = small();
    raise(&mut world, "low", 1..=11);
    world.event("low-1-over", None);
    world.pass(at(1));
    assert!(!is_open(&world, "low-11"), "nine of ten are still many");
    world.event("low-2-over", None);
    world.pass(at(2));
    assert!(is_open(&world, "low-11"));
}

#[test]
fn room_for_one_is_room() {
    let mut world = small();
    world.rules.max_open = 1;
    world.restart();
    raise(&mut world, "low", 1..=2);
    assert_eq!(world.open(), 2);
    world.event("low-1-over", None);
    world.pass(at(1));
    assert!(is_open(&world, "low-2"));
}
