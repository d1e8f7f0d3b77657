use spica_cases::{CaseState, CaseVerb, ConditionVerb, OrderError, Severity, StepRecord, What};
use spica_settings::Span;

use crate::world::{World, at, rules};

const HOUR: u32 = 3_600;

fn shelve(until: u32) -> ConditionVerb {
    ConditionVerb::Shelve {
        until: Some(at(until)),
    }
}

const ONCE: ConditionVerb = ConditionVerb::Shelve { until: None };

#[test]
fn a_case_raised_on_a_shelf_is_quiet_and_counts_anew_when_the_shelf_ends() {
    let mut world = World::new(rules());
    world.on_condition("low-battery", shelve(600)).unwrap();
    world.now = at(100);
    world.event("low-battery", None);
    let id = world.one().id;
    assert!(world.one().quiet);
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    assert_eq!(world.cases.next_due(), Some(at(600)));
    world.pass(at(600));
    assert_eq!(world.steps(), [What::Unshelved]);
    assert_eq!(world.last.changes[0].step.by, "timer");
    let case = world.one();
    assert!(!case.quiet && case.last_raised_at == at(600));
    assert_eq!(case.state(), CaseState::Unacknowledged);
}

#[test]
fn an_open_case_becomes_quiet_on_the_shelf() {
    let mut world = World::new(rules());
    world.event("low-battery", None);
    assert_eq!(world.on_condition("low-battery", shelve(600)), Ok(1));
    assert!(world.one().quiet);
    assert_eq!(
        world.last.changes[0].step.to.as_deref(),
        Some("1970-01-01T00:10:00.000000Z")
    );
    world.event("low-battery", None);
    assert!(world.one().quiet, "also when it is raised again");
    assert_eq!(
        world.on_condition("low-battery", ConditionVerb::Unshelve),
        Ok(1)
    );
    assert!(!world.one().quiet);
}

#[test]
fn a_one_shot_shelf_ends_when_the_condition_is_normal_again() {
    let mut world = World::new(rules());
    world.on_condition("low-battery", ONCE).unwrap();
    world.event("low-battery", None);
    assert!(world.one().quiet);
    world.event("charger-connected", None);
    assert_eq!(world.steps(), [What::Cleared, What::Unshelved]);
    world.event("low-battery", None);
    assert!(!world.one().quiet);
    world.on_condition("low-battery", ONCE).unwrap();
    world.pass(at(8 * HOUR));
    assert!(
        !world.one().quiet,
        "no shelf lasts for longer than is allowed"
    );
}

#[test]
fn a_timed_shelf_stays_when_the_condition_is_normal_again() {
    let mut world = World::new(rules());
    world.on_condition("door-open", shelve(600)).unwrap();
    world.event("door-open", None);
    world.event("door-shut", None);
    world.event("door-open", None);
    assert!(world.one().quiet);
}

#[test]
fn shelves_are_refused_as_part_9_says() {
    let mut world = World::new(rules());
    world.now = at(10);
    for until in [9, 10, 10 + 8 * HOUR + 1] {
        let error = world
            .on_condition("low-battery", shelve(until))
            .unwrap_err();
        let range = matches!(
            error,
            OrderError::TimeOutOfRange {
                emergency: false,
                ..
            }
        );
        assert!(range && error.to_string().contains("up to 8h"), "{error}");
    }
    let error = world
        .on_condition("low-battery", ConditionVerb::Unshelve)
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("devices/0012345 low-battery is not shelved"),
        "{error}"
    );
    world
        .on_condition("low-battery", shelve(10 + 8 * HOUR))
        .unwrap();
    let error = world.on_condition("low-battery", ONCE).unwrap_err();
    assert!(
        matches!(error, OrderError::AlreadyShelved { .. }),
        "{error}"
    );
    assert!(
        world
            .on_condition("low-battery", ConditionVerb::Unshelve)
            .is_ok()
    );
    assert_eq!(world.conditions(), []);
}

#[test]
fn nobody_can_shelve_an_emergency_for_longer_than_an_hour() {
    let mut world = World::new(rules());
    let error = world
        .on_condition("man-down", shelve(HOUR + 1))
        .unwrap_err();
    assert!(
        error.to_string().contains("it may hide an emergency"),
        "{error}"
    );
    world.on_condition("man-down", ONCE).unwrap();
    world.event("man-down", None);
    world.pass(at(HOUR - 1));
    assert!(world.one().quiet);
    world.pass(at(HOUR));
    assert_eq!(world.steps(), [What::Unshelved]);
    assert!(!world.one().quiet);
}

#[test]
fn a_long_shelf_ends_when_an_emergency_happens_on_it() {
    let mut world = World::new(rules());
    // Nothing says beforehand that this may be an emergency.
    let condition = "handler-trouble";
    let verb = |verb| spica_cases::Verb::Condition {
        source: "system/handlers/history".to_owned(),
        condition: condition.to_owned(),
        verb,
    };
    world.order(verb(shelve(8 * HOUR)), None).unwrap();
    world.now = at(1_800);
    world.trouble(Severity::Emergency, true);
    assert!(world.one().quiet, "within the hour");
    assert_eq!(world.cases.next_due(), Some(at(HOUR)));
    world.pass(at(HOUR));
    assert!(!world.one().quiet);

    let mut world = World::new(rules());
    world.order(verb(shelve(8 * HOUR)), None).unwrap();
    world.now = at(2 * HOUR);
    world.trouble(Severity::High, true);
    assert!(world.one().quiet);
    world.trouble(Severity::Emergency, true);
    assert_eq!(world.steps(), [What::Unshelved, What::Severity]);
    assert!(!world.one().quiet, "the hour is over");

    let mut world = World::new(rules());
    world.order(verb(shelve(8 * HOUR)), None).unwrap();
    world.now = at(2 * HOUR);
    world.trouble(Severity::Emergency, true);
    assert!(!world.one().quiet);
}

#[test]
fn the_longest_shelf_is_set_by_the_rules() {
    let mut rules = rules();
    rules.shelf_max = Span::from_mins(10);
    let mut world = World::new(rules);
    assert!(world.on_condition("man-down", shelve(601)).is_err());
    assert!(world.on_condition("man-down", shelve(600)).is_ok());
}

#[test]
fn suppressed_and_out_of_service_are_quiet_too_until_the_last_one_ends() {
    use ConditionVerb::{InService, OutOfService, Suppress, Unsuppress};
    let mut world = World::new(rules());
    world.on_condition("low-battery", Suppress).unwrap();
    world.on_condition("low-battery", OutOfService).unwrap();
    for (verb, said) in [
        (Suppress, "is suppressed already"),
        (OutOfService, "is out of service already"),
    ] {
        let error = world.on_condition("low-battery", verb).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    world.event("low-battery", None);
    assert!(world.one().quiet);
    world.on_condition("low-battery", Unsuppress).unwrap();
    assert_eq!(world.steps(), [What::Unsuppressed]);
    assert!(world.one().quiet, "it is still out of service");
    world.on_condition("low-battery", InService).unwrap();
    assert!(!world.one().quiet);
    for (verb, said) in [
        (Unsuppress, "is not suppressed"),
        (InService, "is not out of service"),
    ] {
        let error = world.on_condition("low-battery", verb).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }
    let wants = spica_cases::Verb::Condition {
        source: "x".to_owned(),
        condition: "y".to_owned(),
        verb: Suppress,
    };
    assert_eq!(
        world.order(wants, None),
        Err(OrderError::WantsReason("suppress"))
    );
}

#[test]
fn a_step_about_a_condition_without_a_case_is_kept_too() {
    let mut world = World::new(rules());
    world.on_condition("low-battery", shelve(600)).unwrap();
    let [step, condition] = &world.last.drafts[..] else {
        panic!("{:?}", world.last.drafts);
    };
    assert_eq!(
        step.topic.as_str(),
        "root/s1/alarms/steps/low-battery/devices/0012345"
    );
    assert_eq!(step.kind, spica_model::Kind::Event);
    let said = StepRecord::decode(&step.payload).unwrap();
    assert_eq!(
        (said.step.what, said.severity, said.quiet),
        (What::Shelved, None, true)
    );
    assert!(condition.topic.as_str().contains("/conditions/"));
    world.pass(at(600));
    assert_eq!(
        world.last.drafts.len(),
        2,
        "that it has ended, and the deletion"
    );
}
