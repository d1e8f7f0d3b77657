use spica_settings::Span;

use super::*;

#[test]
fn the_usual_rules_make_sense() {
    assert_eq!(Rules::default().check(), []);
    let empty: Rules = toml::from_str("").unwrap();
    assert_eq!(empty, Rules::default());
}

#[test]
fn names_are_brought_into_kebab_case() {
    for (name, want) in [
        ("man down", "man-down"),
        ("  Man__Down! ", "man-down"),
        ("amber alert expired", "amber-alert-expired"),
        ("Überlast", "überlast"),
        ("a/b+c#d", "a-b-c-d"),
        ("--", "unnamed"),
        ("", "unnamed"),
    ] {
        assert_eq!(kebab(name), want, "{name:?}");
        assert_eq!(kebab(want), want);
    }
    assert_eq!(kebab(&"x".repeat(100)), "x".repeat(CONDITION_BYTES));
    assert!(kebab(&"ü ".repeat(100)).len() <= CONDITION_BYTES);
}

const FILE: &str = r#"
confirm = ["emergency"]
operator_closes = ["emergency"]
shelf_max = "4h"
max_open = 5

[[thresholds]]
topic = "plant/+/level"
pointer = "/level"
condition = "level-high"
severity = "high"
above = 90
hysteresis = 5
delay_on = "10s"
stale_after = "5min"
"#;

#[test]
fn a_file_fills_thresholds() {
    let rules: Rules = toml::from_str(FILE).unwrap();
    assert_eq!(rules.check(), []);
    let [rule] = &rules.thresholds[..] else {
        panic!("one threshold");
    };
    assert_eq!(rule.topic.as_str(), "plant/+/level");
    assert_eq!(rule.above, Some(90.0));
    assert_eq!(rule.delay_on, Span::from_secs(10));
    assert_eq!(rule.delay_off, Span::ZERO);
    assert_eq!(rule.quality_severity, Severity::Medium);
    let again: Rules = toml::from_str(&toml::to_string(&rules).unwrap()).unwrap();
    assert_eq!(again, rules);
}

#[test]
fn what_a_file_may_not_say_is_named() {
    for (from, to, said) in [
        ("above = 90", "abov = 90", "unknown field `abov`"),
        ("max_open = 5", "events = {}", "unknown field `events`"),
        ("plant/+/level", "plant/+x", "+ stands for one whole level"),
        ("\"high\"", "\"urgent\"", "unknown variant `urgent`"),
        ("\"10s\"", "\"10 sec\"", "is no duration"),
    ] {
        let error = toml::from_str::<Rules>(&FILE.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn rules_without_sense_are_named_with_their_place() {
    for (from, to, path, said) in [
        (
            "level-high",
            "Level High",
            "thresholds[0].condition",
            "\"level-high\"",
        ),
        (
            "level-high",
            "stale",
            "thresholds[0].condition",
            "another name",
        ),
        (
            "\"/level\"",
            "\"level\"",
            "thresholds[0].pointer",
            "begins with /",
        ),
        ("above = 90", "above = inf", "thresholds[0].above", "finite"),
        (
            "hysteresis = 5",
            "hysteresis = -1",
            "thresholds[0].hysteresis",
            "not negative",
        ),
        (
            "above = 90",
            "above = 90\nbelow = 85",
            "thresholds[0].hysteresis",
            "no value is left",
        ),
        (
            "above = 90",
            "text = \"\"\nabove = 90",
            "thresholds[0].text",
            "1 to 200 bytes",
        ),
        ("\"10s\"", "\"31d\"", "thresholds[0].delay_on", "up to 30d"),
        (
            "\"5min\"",
            "\"1ms\"",
            "thresholds[0].stale_after",
            "1s to 365d",
        ),
        (
            "above = 90\nhysteresis = 5\ndelay_on = \"10s\"\nstale_after = \"5min\"",
            "",
            "thresholds[0].above",
            "does nothing",
        ),
        ("max_open = 5", "max_open = 0", "max_open", "1 to 1000000"),
        ("\"4h\"", "\"31d\"", "shelf_max", "1s to 30d"),
        (
            "operator_closes = [\"emergency\"]",
            "operator_closes = []",
            "operator_closes",
            "has to be among them",
        ),
    ] {
        assert!(FILE.contains(from), "{from}");
        let rules: Rules = toml::from_str(&FILE.replace(from, to)).unwrap();
        let errors = rules.check();
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert_eq!(errors[0].path, path);
        assert!(errors[0].reason.contains(said), "{}", errors[0]);
    }
}

#[test]
fn an_event_rule_knows_its_condition() {
    let rule = EventRule::Stop {
        condition: "Amber Alert".to_owned(),
    };
    assert_eq!(
        rule.clone().named(kebab(rule.condition())).condition(),
        "amber-alert"
    );
}
