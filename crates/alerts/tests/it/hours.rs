//! Who is on duty, and whom to leave alone.

use std::time::Duration;

use spica_cases::{Severity, Trouble};

use crate::support::{PLANS, World};

const ANNA: &str = "+41790000001";
const BOB: &str = "+41790000002";

#[test]
fn a_gap_in_the_rota_falls_to_who_has_it_otherwise() {
    let mut world = World::new(PLANS, "2026-11-23T22:00:00Z");
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(3);
    assert_eq!(
        world.log(start),
        [
            "0 raised eve@example.org",
            "0 raised 1234",
            "120 escalated eve@example.org"
        ]
    );
}

#[test]
fn who_is_on_duty_is_asked_at_each_step() {
    // The shift ends at 18:00, 17:00Z: between the first and the second step.
    let mut world = World::new(PLANS, "2026-11-23T16:59:00Z");
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(3);
    assert_eq!(
        world.log(start),
        [
            &format!("0 raised {ANNA}"),
            "0 raised 1234",
            "120 escalated eve@example.org"
        ]
    );
}

#[test]
fn each_place_is_told_once_in_a_step() {
    // At night, "all on duty" and Eve are both Eve.
    let mut world = World::new(PLANS, "2026-11-23T22:00:00Z");
    let start = world.now;
    world.event(7, "man-down");
    world.minutes(6);
    let log = world.log(start);
    assert_eq!(
        log.iter().filter(|line| line.starts_with("300 ")).count(),
        1,
        "{log:?}"
    );
}

#[test]
fn quiet_hours_hold_back_all_but_emergencies() {
    let text = PLANS.replacen("otherwise = [\"eve\"]", "otherwise = [\"bob\"]", 1);
    let mut world = World::new(&text, "2026-11-23T22:00:00Z");
    let start = world.now;
    world.event(7, "battery-low");
    world.event(8, "man-down");
    world.minutes(1);
    assert_eq!(
        world.log(start),
        [&format!("0 raised {BOB}"), "0 raised 1234"]
    );
    world.pass(Duration::from_secs(8 * 3_600));
    let log = world.log(start);
    // 06:00 in Zurich is 05:00Z, seven hours later.
    assert!(log.contains(&format!("25200 raised {BOB}")), "{log:?}");
}

#[test]
fn quiet_hours_end_by_the_clock_on_the_wall_when_it_changes() {
    for (night, hours) in [
        ("2026-03-28T21:00:00Z", 7),
        ("2026-10-24T20:00:00Z", 9),
        ("2026-11-23T21:00:00Z", 8),
    ] {
        let mut world = World::new(PLANS, night);
        let start = world.now;
        world.event(7, "battery-low");
        world.pass(Duration::from_secs(12 * 3_600));
        let log = world.log(start);
        assert!(
            log.contains(&format!("{} raised {BOB}", hours * 3_600)),
            "{night}: {log:?}"
        );
    }
}

#[test]
fn an_acknowledgement_in_quiet_hours_leaves_the_sleeper_alone() {
    let mut world = World::new(PLANS, "2026-11-23T22:00:00Z");
    world.event(7, "battery-low");
    world.minutes(30);
    world.acknowledge(world.case().id);
    world.pass(Duration::from_secs(12 * 3_600));
    assert!(world.sent.is_empty());
}

#[test]
fn what_becomes_an_emergency_waits_for_no_morning() {
    let mut world = World::new(PLANS, "2026-11-23T22:00:00Z");
    let mut out = spica_cases::Output::default();
    let mut trouble = Trouble {
        source: "plant/ups".to_owned(),
        condition: "low-battery".to_owned(),
        severity: Severity::Medium,
        active: true,
        text: "Battery".to_owned(),
        detail: serde_json::Value::Null,
    };
    world.cases.trouble(&trouble, world.now, &mut out);
    world.apply(out);
    world.minutes(10);
    assert!(world.sent.is_empty());
    trouble.severity = Severity::Emergency;
    let mut out = spica_cases::Output::default();
    world.cases.trouble(&trouble, world.now, &mut out);
    world.apply(out);
    let start = world.now;
    world.minutes(1);
    assert_eq!(world.log(start), [format!("0 raised {BOB}")]);
    let notice = world.notices(world.case().id)[0].clone();
    assert_eq!(
        (notice.severity, notice.attempts_max),
        (Severity::Emergency, None)
    );
}
