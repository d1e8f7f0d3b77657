//! The limits and events of the built-in profile.

use super::*;

#[test]
fn the_built_in_profile_has_the_limits_that_the_code_falls_back_to() {
    let profile = profile();
    assert_eq!(profile, *Profile::built_in());
    assert_eq!(profile.limits, Limits::default());
    assert_eq!(profile.timeouts, Timeouts::default());
    assert_eq!(profile.delete_argument, DeleteArgument::LastIndex);
    assert_eq!(profile.arguments_max(), 117);
}

#[test]
fn the_built_in_events_are_those_of_the_profile() {
    let raise = |case: &str, severity| Case::Raise {
        case: case.to_owned(),
        severity,
    };
    let clear = |case: &str| Case::Clear {
        case: case.to_owned(),
    };
    let amber = "amber alert expired".to_owned();
    let start = Case::Start {
        case: amber.clone(),
        severity: Severity::High,
        after: "minutes".to_owned(),
    };
    let (critical, normal) = (Lane::Critical, Lane::Normal);
    let emergency = Severity::Emergency;
    let low_battery = raise("low battery", Severity::Medium);
    let want = [
        (0x20, "status-check", normal, None),
        (0x21, "low-battery", normal, Some(low_battery)),
        (
            0x30,
            "charger-connected",
            normal,
            Some(clear("low battery")),
        ),
        (0x31, "charger-disconnected", normal, None),
        (
            0x3b,
            "man-down",
            critical,
            Some(raise("man down", emergency)),
        ),
        (0x3c, "man-down-cleared", normal, Some(clear("man down"))),
        (
            0x40,
            "red-alert",
            critical,
            Some(raise("red alert", emergency)),
        ),
        (0x41, "amber-alert-started", normal, Some(start)),
        (
            0x42,
            "amber-alert-ended",
            normal,
            Some(Case::Stop { case: amber }),
        ),
        (
            0x48,
            "lanyard-removed",
            critical,
            Some(raise("lanyard removed", emergency)),
        ),
        (
            0x49,
            "lanyard-refitted",
            normal,
            Some(clear("lanyard removed")),
        ),
    ];
    let profile = profile();
    let found = profile
        .events()
        .iter()
        .map(|e| (e.code, &*e.name, e.lane, e.case.clone()));
    assert!(found.eq(want), "{:#?}", profile.events());
}

#[test]
fn codes_and_names_find_events() {
    let profile = profile();
    assert_eq!(profile.event(0x3b).unwrap().name, "man-down");
    assert_eq!(profile.event_named("man-down").unwrap().code, 0x3b);
    assert_eq!(profile.event(0x99), None);
    assert_eq!(profile.event_name(0x20), "status-check");
    assert_eq!(profile.event_name(0x09), "unknown-0x09");
    for code in 0..=255 {
        let known = profile.event(code);
        assert_eq!(profile.lane(code), known.map_or(Lane::Normal, |e| e.lane));
    }
    let alarms: Vec<u8> = (0..=255)
        .filter(|code| profile.event(*code).is_some() && profile.alarms().has(*code))
        .collect();
    assert_eq!(alarms, [0x21, 0x3b, 0x40, 0x41, 0x48]);
    assert!(
        profile.alarms().has(0x99),
        "an unknown code may be an alarm"
    );
}

#[test]
fn unknown_codes_are_in_the_class_that_the_profile_says() {
    let text = "name = \"x\"\nunknown_event_class = \"critical\"\n\
        [[event]]\ncode = 1\nname = \"a\"\nclass = \"normal\"\n";
    let profile = Profile::parse(text).unwrap();
    assert_eq!(profile.lane(1), Lane::Normal);
    assert_eq!(profile.lane(2), Lane::Critical);
}

#[test]
fn an_empty_profile_is_a_profile() {
    let profile = Profile::parse("name = \"x-1\"").unwrap();
    assert_eq!(profile.events(), []);
    assert_eq!(profile.limits, Limits::default());
    assert_eq!(profile.event_name(0x3b), "unknown-0x3b");
}
