#![expect(clippy::unwrap_used, reason = "in tests")]

use spica_cases::{Rules, Severity, What};
use spica_model::{Lane, Quality};

use crate::world::{World, at, rules};

const LEVEL: &str = "plant/1/level";

fn with(rules_text: &str) -> World {
    let text = format!(
        "[[thresholds]]\ntopic = \"plant/+/level\"\ncondition = \"level\"\nseverity = \"high\"\n{rules_text}"
    );
    let file: Rules = toml::from_str(&text).unwrap();
    assert_eq!(file.check(), []);
    World::new(Rules {
        thresholds: file.thresholds,
        ..rules()
    })
}

fn active(world: &World) -> bool {
    world
        .cases
        .condition(LEVEL, "level")
        .is_some_and(|it| it.active)
}

#[test]
fn a_value_beyond_the_limit_raises_and_only_behind_the_hysteresis_it_clears() {
    let mut world = with("above = 90\nhysteresis = 5");
    for (value, want) in [
        ("90", false),
        ("90.1", true),
        ("200", true),
        ("86", true),
        ("85.1", true),
        ("85", false),
        ("89", false),
        ("91", true),
    ] {
        world.value(LEVEL, value);
        assert_eq!(active(&world), want, "{value}");
    }
    let case = world.one();
    assert_eq!((case.source.as_str(), case.text.as_str()), (LEVEL, "Level"));
    assert_eq!(case.repeats, 1, "twice beyond, and 200 is no news");
    assert_eq!(case.detail["value"], 91.0);
}

#[test]
fn both_limits_may_be_set() {
    let mut world = with("above = 90\nbelow = 10\nhysteresis = 2\ntext = \"Out of range\"");
    for (value, want) in [
        ("50", false),
        ("9", true),
        ("11", true),
        ("12", false),
        ("91", true),
        ("5", true),
        ("50", false),
    ] {
        world.value(LEVEL, value);
        assert_eq!(active(&world), want, "{value}");
    }
    assert_eq!(world.one().text, "Out of range");
}

#[test]
fn a_delay_wants_the_value_beyond_all_the_time() {
    let mut world = with("above = 90\nhysteresis = 5\ndelay_on = \"10s\"");
    world.value(LEVEL, "95");
    world.now = at(5);
    world.value(LEVEL, "89");
    world.pass(at(12));
    assert!(!active(&world), "it was back within the limit");
    world.value(LEVEL, "95");
    world.now = at(15);
    world.value(LEVEL, "99");
    assert_eq!(
        world.cases.next_due(),
        Some(at(22)),
        "counted from the first one"
    );
    world.pass(at(22));
    assert!(active(&world));
    assert_eq!(world.one().received_at, at(22));
}

#[test]
fn a_delay_off_wants_the_value_back_all_the_time() {
    let mut world = with("above = 90\nhysteresis = 5\ndelay_off = \"10s\"");
    world.value(LEVEL, "95");
    world.value(LEVEL, "80");
    world.now = at(5);
    world.value(LEVEL, "86");
    world.pass(at(12));
    assert!(active(&world), "it was in the hysteresis");
    world.value(LEVEL, "80");
    world.pass(at(22));
    assert!(!active(&world));
    assert_eq!(world.steps(), [What::Cleared]);
}

#[test]
fn a_delay_that_was_over_before_the_next_record_counts() {
    let mut world = with("above = 90\ndelay_on = \"10s\"");
    world.value(LEVEL, "95");
    // Nobody looked at the time in between.
    world.now = at(11);
    world.value(LEVEL, "10");
    assert_eq!(world.steps(), [What::Raised, What::Cleared]);
}

#[test]
fn pending_delays_survive_a_restart() {
    let mut world = with("above = 90\ndelay_on = \"10s\"");
    world.value(LEVEL, "95");
    world.restart();
    world.pass(at(100));
    assert!(active(&world));
}

#[test]
fn a_pointer_finds_its_number() {
    let mut world = with("pointer = \"/tank/0/level\"\nabove = 90");
    world.value(LEVEL, r#"{"tank":[{"level":91}]}"#);
    assert!(active(&world));
    for odd in ["{", "{}", r#"{"tank":[{"level":"x"}]}"#, "\u{fffd}"] {
        world.value(LEVEL, odd);
    }
    assert_eq!(world.cases.counts().no_number, 4);
    assert!(active(&world), "what is no number changes nothing");
    world.value(LEVEL, r#"{"tank":[{"level":false}]}"#);
    assert!(!active(&world), "false is 0");
}

#[test]
fn a_bare_payload_is_its_number() {
    let mut world = with("above = 0.5");
    for (payload, want) in [
        (" 1e3\n", true),
        ("0", false),
        ("true", true),
        ("false", false),
    ] {
        world.value(LEVEL, payload);
        assert_eq!(active(&world), want, "{payload}");
    }
    for odd in ["", "inf", "NaN", "1 2", "0x10"] {
        world.value(LEVEL, odd);
    }
    assert_eq!(world.cases.counts().no_number, 5);
}

#[test]
fn bad_quality_does_not_move_a_value_but_may_be_a_matter_of_its_own() {
    for own in [false, true] {
        let mut world = with(&format!("above = 90\nbad_quality = {own}"));
        let mut bad = world.record(Lane::Normal, LEVEL, b"95");
        bad.quality = Quality::Bad;
        world.take(bad.clone());
        assert!(!active(&world));
        assert_eq!(world.open(), usize::from(own));
        if own {
            let case = world.one();
            assert_eq!(
                (case.condition.as_str(), case.severity),
                ("bad-quality", Severity::Medium)
            );
            world.take(bad);
            assert_eq!(world.one().repeats, 0, "it is known");
            world.value(LEVEL, "5");
            assert!(!world.one().active);
        }
    }
}

#[test]
fn silence_is_told_and_ends_with_the_next_record() {
    let mut world = with("above = 90\nstale_after = \"1min\"\nquality_severity = \"low\"");
    world.value(LEVEL, "1");
    world.pass(at(50));
    world.value(LEVEL, "2");
    world.pass(at(109));
    assert_eq!(world.open(), 0);
    world.pass(at(110));
    let case = world.one();
    assert_eq!(
        (case.condition.as_str(), case.severity),
        ("stale", Severity::Low)
    );
    world.pass(at(1_000));
    assert_eq!(world.one().repeats, 0);
    world.restart();
    world.pass(at(1_001));
    assert_eq!(world.one().repeats, 0);
    world.value(LEVEL, "3");
    assert_eq!(
        world.steps(),
        [What::Cleared, What::Closed],
        "low closes by itself"
    );
    world.pass(at(1_061));
    assert_eq!(world.open(), 1, "and it is watched again");
}

#[test]
fn silence_over_a_restart_is_told() {
    let mut world = with("stale_after = \"1min\"");
    world.value(LEVEL, "no number at all");
    world.restart();
    world.pass(at(100));
    assert_eq!(world.one().received_at, at(60));
    assert_eq!(world.cases.counts().no_number, 0);
}

#[test]
fn a_record_after_silence_does_not_hide_it() {
    let mut world = with("stale_after = \"1min\"");
    world.value(LEVEL, "1");
    world.now = at(70);
    world.value(LEVEL, "1");
    assert_eq!(world.steps(), [What::Raised, What::Cleared]);
}

#[test]
fn watched_topics_are_bounded() {
    let mut world = with("stale_after = \"1min\"");
    world.rules.max_watched = 2;
    world.restart();
    for number in 1..=3 {
        world.value(&format!("plant/{number}/level"), "1");
    }
    assert_eq!(world.cases.counts().unwatched, 1);
    world.delete("plant/1/level");
    world.value("plant/3/level", "1");
    world.pass(at(60));
    assert_eq!(world.open(), 2, "a topic that is gone makes room");
}

#[test]
fn the_deletion_of_a_topic_ends_everything_about_it() {
    let mut world =
        with("above = 90\nbad_quality = true\nstale_after = \"1min\"\ndelay_off = \"1h\"");
    world.value(LEVEL, "95");
    let mut bad = world.record(Lane::Normal, LEVEL, b"");
    bad.quality = Quality::Bad;
    world.take(bad);
    world.pass(at(60));
    assert_eq!(world.open(), 3);
    world.delete(LEVEL);
    assert_eq!(world.steps(), [What::Cleared; 3]);
    assert_eq!(world.cases.next_due(), None);
}

#[test]
fn the_first_rule_of_a_condition_counts() {
    let second = "[[thresholds]]\ntopic = \"plant/#\"\ncondition = \"level\"\nseverity = \"low\"\nabove = 10";
    let mut world = with(&format!("above = 90\n{second}"));
    world.value(LEVEL, "50");
    assert_eq!(world.open(), 0);
    world.value("plant/other", "50");
    assert_eq!(world.one().severity, Severity::Low);
}

#[test]
fn other_topics_and_those_of_cases_are_not_looked_at() {
    let all = "[[thresholds]]\ntopic = \"#\"\ncondition = \"any\"\nseverity = \"low\"\nabove = 10";
    let mut world = with(&format!("above = 90\n{all}"));
    world.value("plant/1/pump", "5");
    world.value("alarms/mark", "50");
    assert_eq!(world.open(), 0);
    world.value("system/disk", "50");
    assert_eq!(world.open(), 1);
}

#[test]
fn sources_may_contain_what_topics_may() {
    let all = "[[thresholds]]\ntopic = \"#\"\ncondition = \"any\"\nseverity = \"low\"\nabove = 10";
    let mut world = with(&format!("above = 90\n{all}"));
    let long = "x/".repeat(500);
    let odd = ["/lead", "a//b", "tail/", "ü ~%", long.as_str()];
    for path in odd {
        world.value(path, "50");
    }
    assert_eq!(world.open(), odd.len());
    world.restart();
    for path in odd {
        assert!(
            world
                .cases
                .condition(path, "any")
                .is_some_and(|it| it.active),
            "{path}"
        );
        world.value(path, "1");
    }
    assert_eq!((world.open(), world.conditions()), (0, vec![]));
}
