use spica_cases::{
    CaseState, CaseVerb, ConditionVerb, OrderError, Severity, StepRecord, Verb, What,
};

use crate::world::{DEVICE, World, at, rules};

fn with_man_down() -> (World, spica_cases::CaseId) {
    let mut world = World::new(rules());
    world.event("man-down", None);
    let id = world.one().id;
    (world, id)
}

#[test]
fn acknowledging_twice_is_fine_and_the_first_one_counts() {
    let (mut world, id) = with_man_down();
    assert_eq!(world.on_case(id, CaseVerb::Acknowledge), Ok(1));
    world.now = at(5);
    assert_eq!(world.on_case(id, CaseVerb::Acknowledge), Ok(0));
    assert!(world.last.is_empty());
    assert_eq!(world.one().acknowledged.unwrap().at, at(0));
    assert_eq!(world.on_case(id, CaseVerb::Confirm), Ok(1));
    assert_eq!(world.on_case(id, CaseVerb::Confirm), Ok(0));
}

#[test]
fn a_close_says_what_is_missing() {
    let mut rules = rules();
    rules.confirm = [Severity::Emergency].into();
    let mut world = World::new(rules);
    world.event("man-down", None);
    let id = world.one().id;
    assert_eq!(
        world.on_case(id, CaseVerb::Close),
        Err(OrderError::StillActive(id))
    );
    assert_eq!(
        world.on_case(id, CaseVerb::Confirm),
        Err(OrderError::NotAcknowledged(id))
    );
    let clear = Verb::Case(id, CaseVerb::Clear);
    assert_eq!(
        world.order(clear.clone(), None),
        Err(OrderError::WantsReason("clear"))
    );
    assert_eq!(
        world.order(clear.clone(), Some("  ")),
        Err(OrderError::WantsReason("clear"))
    );
    assert_eq!(world.order(clear.clone(), Some("he called")), Ok(1));
    assert_eq!(world.order(clear, None), Ok(0), "it is cleared");
    assert_eq!(
        world.on_case(id, CaseVerb::Close),
        Err(OrderError::NotAcknowledged(id))
    );
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    let error = world.on_case(id, CaseVerb::Close).unwrap_err();
    assert_eq!(error, OrderError::NotConfirmed(id, Severity::Emergency));
    assert!(error.to_string().contains("severity emergency"), "{error}");
    world.on_case(id, CaseVerb::Confirm).unwrap();
    let close = Verb::Case(id, CaseVerb::Close);
    assert_eq!(
        world.order(close.clone(), None),
        Err(OrderError::WantsReason("close"))
    );
    assert_eq!(world.order(close.clone(), Some("false alarm")), Ok(1));
    assert_eq!(
        world.order(close, Some("again")),
        Err(OrderError::ClosedCase(id))
    );
    assert_eq!(
        world.on_case(id, CaseVerb::Acknowledge),
        Err(OrderError::ClosedCase(id))
    );
    let nobody = "7-7".parse().unwrap();
    assert_eq!(
        world.on_case(nobody, CaseVerb::Comment),
        Err(OrderError::UnknownCase(nobody))
    );
}

#[test]
fn an_operator_clears_what_devices_never_clear() {
    let (mut world, id) = with_man_down();
    world.on_case(id, CaseVerb::Clear).unwrap();
    assert_eq!(world.one().state(), CaseState::ClearedUnacknowledged);
    world.event("man-down", None);
    assert_eq!(
        world.one().state(),
        CaseState::Unacknowledged,
        "it happened again"
    );
}

#[test]
fn what_an_operator_clears_while_it_lasts_is_raised_again_only_after_it_was_normal() {
    let mut world = World::new(rules());
    world.trouble(Severity::High, true);
    let id = world.one().id;
    world.on_case(id, CaseVerb::Clear).unwrap();
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    world.on_case(id, CaseVerb::Close).unwrap();
    world.trouble(Severity::High, true);
    assert_eq!(world.open(), 0);
    assert_eq!(world.conditions().len(), 1, "that it lasts is remembered");
    world.trouble(Severity::High, false);
    assert_eq!(world.conditions(), []);
    world.trouble(Severity::High, true);
    assert_eq!(world.open(), 1);
}

#[test]
fn cases_are_assigned_and_commented() {
    let (mut world, id) = with_man_down();
    let to = Some("bob".to_owned());
    assert_eq!(
        world.on_case(id, CaseVerb::Assign { to: to.clone() }),
        Ok(1)
    );
    assert_eq!(world.last.changes[0].step.to, to);
    assert_eq!(
        world.on_case(id, CaseVerb::Assign { to: to.clone() }),
        Ok(0)
    );
    assert_eq!(world.one().owner, to);
    assert_eq!(world.on_case(id, CaseVerb::Assign { to: None }), Ok(1));
    assert_eq!(world.one().owner, None);
    assert_eq!(world.on_case(id, CaseVerb::Comment), Ok(1));
    assert_eq!(world.steps(), [What::Commented]);
    let silent = world.order(Verb::Case(id, CaseVerb::Comment), None);
    assert_eq!(silent, Err(OrderError::WantsReason("comment")));
}

#[test]
fn texts_of_orders_are_bounded() {
    let (mut world, id) = with_man_down();
    let long = "x".repeat(2_000);
    let comment = Verb::Case(id, CaseVerb::Comment);
    assert_eq!(world.order(comment.clone(), Some(&long)), Ok(1));
    for bad in [format!("{long}x"), "a\0".to_owned()] {
        let error = world.order(comment.clone(), Some(&bad)).unwrap_err();
        assert!(error.to_string().starts_with("the reason"), "{error}");
    }
    for to in [String::new(), "x".repeat(201), "a\nb".to_owned()] {
        let error = world
            .on_case(id, CaseVerb::Assign { to: Some(to) })
            .unwrap_err();
        assert!(error.to_string().contains("1 to 200 bytes"), "{error}");
    }
    let order = spica_cases::Order {
        verb: comment,
        by: String::new(),
        why: None,
    };
    let mut out = spica_cases::Output::default();
    assert!(world.cases.order(order, at(0), &mut out).is_err());
}

#[test]
fn every_step_says_how_the_case_stands_after_it() {
    let (mut world, id) = with_man_down();
    world.on_case(id, CaseVerb::Acknowledge).unwrap();
    let said: Vec<_> = world
        .drafts
        .iter()
        .filter(|draft| draft.topic.as_str().ends_with("/steps"))
        .map(|draft| StepRecord::decode(&draft.payload).unwrap())
        .collect();
    assert_eq!(said.len(), 2);
    assert_eq!(said[1].step.what, What::Acknowledged);
    assert_eq!(said[1].step.by, "operator:alice");
    assert_eq!(said[1].step.why.as_deref(), Some("seen"));
    assert_eq!(said[1].state.as_deref(), Some("acknowledged"));
    assert_eq!(said[1].severity, Some(Severity::Emergency));
    assert_eq!(
        (said[1].source.as_str(), said[1].condition.as_str()),
        (DEVICE, "man-down")
    );
}

#[test]
fn orders_about_conditions_that_cannot_be_are_refused() {
    let mut world = World::new(rules());
    for (source, condition) in [("a/+", "x"), ("", "x"), ("a", "Man Down"), ("a", "")] {
        let verb = Verb::Condition {
            source: source.to_owned(),
            condition: condition.to_owned(),
            verb: ConditionVerb::Shelve { until: None },
        };
        let error = world.order(verb, None).unwrap_err();
        assert!(error.to_string().contains("kebab case"), "{error}");
    }
}

#[test]
fn conditions_are_bounded_but_emergencies_are_taken() {
    let mut rules = rules();
    rules.max_conditions = 1;
    let mut world = World::new(rules);
    world.event("low-battery", None);
    let error = world.on_condition("door-open", ConditionVerb::Shelve { until: None });
    assert_eq!(error, Err(OrderError::TooManyConditions(1)));
    world.event("door-open", None);
    world.event("amber-alert-started", None);
    assert_eq!((world.open(), world.cases.counts().refused), (1, 2));
    assert!(
        world
            .on_condition("low-battery", ConditionVerb::Shelve { until: None })
            .is_ok()
    );
    world.event("man-down", None);
    assert_eq!(world.open(), 2);
}
