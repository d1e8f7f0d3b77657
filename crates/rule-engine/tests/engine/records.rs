//! Records that rules republish, and rules that fail or feed themselves.

use spica_handler::Which;
use spica_model::{Kind, Lane};

use crate::common::{World, all, place};

const REPUBLISH: &str = r##"
max_hops = 3
[[rule]]
name = "hot"
topics = ["plant/+/t"]
when = "payload.value > 80"
then = [{ republish = { topic = "alerts/{levels[1]}", payload = '#{ c: payload.value }', retain = true, lane = "critical" } }]
[[rule]]
name = "again"
topics = ["loop"]
then = [{ republish = { topic = "loop", text = "{payload}." } }]
[[rule]]
name = "broken"
topics = ["plant/+/t"]
then = [{ republish = { topic = 'copies/{payload.to}' } }]
"##;

#[test]
fn what_fulfils_a_rule_is_republished_once_and_in_order() {
    let world = World::new(REPUBLISH);
    for value in 78..=83 {
        let payload = format!(r#"{{"value": {value}, "to": "x"}}"#);
        place(&world.journal, Lane::Normal, "plant/3/t", &payload);
    }
    world.settle("rules");
    let hot: Vec<String> = (81..=83).map(|c| format!(r#"{{"c":{c}}}"#)).collect();
    assert_eq!(world.said("alerts/3"), hot);
    let critical = all(&world.journal, Lane::Critical);
    assert!(critical.iter().all(|record| record.kind == Kind::State));
    assert_eq!(world.said("copies/x").len(), 6);
    let done = r#"rule_done_total{handler="rules",rule="hot"}"#;
    assert!((world.counter(done) - 3.0).abs() < 0.1);
    let world = world.again(REPUBLISH);
    place(
        &world.journal,
        Lane::Normal,
        "plant/3/t",
        r#"{"value": 90, "to": "x"}"#,
    );
    world.settle("rules");
    assert_eq!(
        world.said("alerts/3").len(),
        4,
        "a restart makes no second fact"
    );
    assert_eq!(world.said("copies/x").len(), 7);
}

#[test]
fn a_rule_that_triggers_itself_ends_at_the_limit() {
    let world = World::new(REPUBLISH);
    place(&world.journal, Lane::Normal, "loop", "\"a\"");
    world.settle("rules");
    assert_eq!(world.said("loop"), ["\"a\"", "a.", "a..", "a..."]);
    let looped = r#"rule_looped_total{handler="rules",rule="again"}"#;
    assert!((world.counter(looped) - 1.0).abs() < 0.1);
}

#[test]
fn a_rule_that_fails_harms_no_other_and_is_replayed_when_it_can_be() {
    let world = World::new(REPUBLISH);
    place(
        &world.journal,
        Lane::Normal,
        "plant/1/t",
        r#"{"value": 90}"#,
    );
    place(
        &world.journal,
        Lane::Normal,
        "plant/2/t",
        r#"{"value": 90, "to": "y"}"#,
    );
    world.settle("rules");
    assert_eq!(
        (world.said("alerts/1").len(), world.said("alerts/2").len()),
        (1, 1)
    );
    assert_eq!(world.said("copies/y").len(), 1);
    let letters = world.letters("rules");
    assert_eq!(letters.total, 1);
    let error = &letters.letters[0].error;
    let place_of_it = r#"rule "broken", then[0].republish.topic: "#;
    assert!(error.starts_with(place_of_it), "{error}");
    let failed = r#"rule_failed_total{handler="rules",rule="broken"}"#;
    assert!((world.counter(failed) - 1.0).abs() < 0.1);
    let mended = REPUBLISH.replace("copies/{payload.to}", "copies/{payload?.to ?? \"none\"}");
    let world = world.again(&mended);
    world.settle("rules");
    let replayed = world.control().replay("rules", Which::All, "me").unwrap();
    assert_eq!((replayed.done, replayed.failed), (1, 0));
    assert_eq!(world.said("copies/none").len(), 1);
    assert_eq!(
        world.said("alerts/1").len(),
        1,
        "what had worked is not done twice"
    );
}

#[test]
fn rules_that_are_new_begin_with_what_comes_from_then_on() {
    let world = World::new("");
    place(
        &world.journal,
        Lane::Normal,
        "plant/1/t",
        r#"{"value": 90, "to": "x"}"#,
    );
    // The handler has never been there.
    let journal = world.journal.clone();
    drop(world);
    for lane in Lane::ALL {
        spica_journal::Journal::remove_cursor(&*journal, &format!("rules-{lane}"), lane).unwrap();
    }
    let world = World::on(journal, REPUBLISH);
    place(
        &world.journal,
        Lane::Normal,
        "plant/2/t",
        r#"{"value": 90, "to": "x"}"#,
    );
    world.settle("rules");
    assert_eq!(
        (world.said("alerts/1").len(), world.said("alerts/2").len()),
        (0, 1)
    );
}

#[test]
fn both_lanes_are_read_and_a_record_stays_in_its_own() {
    let world = World::new(REPUBLISH);
    for lane in Lane::ALL {
        place(
            &world.journal,
            lane,
            "plant/1/t",
            r#"{"value": 1, "to": "x"}"#,
        );
    }
    world.settle("rules");
    for lane in Lane::ALL {
        let copies = all(&world.journal, lane);
        let copies = copies
            .iter()
            .filter(|it| it.topic.as_str().ends_with("copies/x"));
        assert_eq!(copies.count(), 1, "{lane}");
    }
}
