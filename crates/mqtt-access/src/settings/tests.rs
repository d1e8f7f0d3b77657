//! Defaults, and what is refused.

use std::time::Duration;

use super::*;
use crate::{FlappingRules, QuotaRules, Rate, Treatment};

fn read(text: &str) -> AccessSettings {
    toml::from_str(text).unwrap()
}

#[test]
fn the_defaults_are_those_of_the_parts() {
    let settings = AccessSettings::default();
    assert_eq!(settings.quotas.rules(), QuotaRules::default());
    assert_eq!(settings.flapping.rules(), FlappingRules::default());
    assert_eq!(settings.check().unwrap().of("a"), Treatment::default());
    assert_eq!(settings, read(""));
}

#[test]
fn settings_read_from_a_file_and_unknown_ones_do_not() {
    let settings = read(
        r#"
        file = "access.toml"
        [[topics]]
        filter = "plant/#"
        lane = "critical"
        [quotas.user]
        connections = 5
        messages = { amount = 100 }
        bytes = { amount = 1000000, per = "1d", burst = 50000 }
        [flapping.source]
        connects = 500
        "#,
    );
    let rules = settings.quotas.rules();
    assert_eq!(rules.user.connections, Some(5));
    let second = Rate {
        amount: 100,
        per: Duration::from_secs(1),
        burst: 100,
    };
    assert_eq!(rules.user.messages, Some(second));
    let day = rules.user.bytes.unwrap();
    assert_eq!((day.per.as_secs(), day.burst), (86_400, 50_000));
    let flapping = settings.flapping.rules();
    assert_eq!(flapping.source.unwrap().connects, 500);
    assert_eq!(flapping.source.unwrap().within.as_secs(), 60);
    assert_eq!(
        settings.check().unwrap().of("plant/x").lane,
        spica_model::Lane::Critical
    );
    for unknown in [
        "files = 1",
        "quotas.user.message = 1",
        "[[topics]]\nfilter = \"a\"\nclass = 1",
        "[[topics]]\nlane = \"critical\"",
    ] {
        assert!(
            toml::from_str::<AccessSettings>(unknown).is_err(),
            "{unknown}"
        );
    }
}

#[test]
fn what_is_not_allowed_is_said_with_its_place() {
    for (text, place) in [
        ("quotas.user.connections = 0", "quotas.user.connections: 0"),
        (
            "quotas.source.connects = { amount = 0 }",
            "quotas.source.connects.amount: 0",
        ),
        (
            "quotas.client.bytes = { amount = 1, burst = 0 }",
            "quotas.client.bytes.burst: 0",
        ),
        (
            "quotas.client.messages = { amount = 1, per = \"5ms\" }",
            "quotas.client.messages.per: 5ms",
        ),
        (
            "flapping.client.connects = 0",
            "flapping.client.connects: 0",
        ),
        ("flapping.user.ban = \"0s\"", "flapping.user.ban: 0"),
        ("topics = [{ filter = \"a#\" }]", "topics[1].filter: \"a#\""),
    ] {
        let error = read(text).check().unwrap_err().to_string();
        assert!(error.starts_with(place), "{error}");
    }
}
