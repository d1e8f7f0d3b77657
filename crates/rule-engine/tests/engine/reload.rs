//! Rules that change while they run.

use spica_model::Lane;
use spica_rules::RulesControl as _;

use crate::common::{World, place, wait};

const FIRST: &str = r##"
[[rule]]
name = "first"
topics = ["a"]
when = "payload != previous"
then = [{ republish = { topic = "b", text = "first {payload}" } }]
"##;
const SECOND: &str = r##"
[[rule]]
name = "second"
topics = ["a"]
when = "payload != previous"
then = [{ republish = { topic = "b", text = "second {payload}" } }]
"##;

#[test]
fn other_rules_hold_from_the_next_record_on_and_know_what_was_before() {
    let world = World::new(FIRST);
    place(&world.journal, Lane::Normal, "a", "1");
    world.settle("rules");
    world.write(SECOND);
    let info = world.engine.reload().unwrap();
    assert_eq!((info.rules, info.sinks), (1, 0));
    place(&world.journal, Lane::Normal, "a", "1");
    place(&world.journal, Lane::Normal, "a", "2");
    world.settle("rules");
    assert_eq!(world.said("b"), ["first 1", "second 2"]);
    let first = r#"rule_done_total{handler="rules",rule="first"}"#;
    assert_eq!(
        world.counter(first).to_bits(),
        0,
        "counters of rules that are gone go"
    );
}

#[test]
fn a_reload_that_fails_says_where_and_changes_nothing() {
    let world = World::new(FIRST);
    let refused = |text: &str| {
        world.write(text);
        world.engine.reload().unwrap_err()
    };
    let wrong = SECOND.replace("payload != previous", "payload >");
    let problems = refused(&wrong);
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert!(problem.contains("rules.toml:5:"), "{problem}");
    assert!(problem.contains(r#"rule "second": when"#), "{problem}");
    let sink = format!("{SECOND}[[sink]]\nname = \"erp\"\nurl = \"http://x/\"\n");
    assert!(refused(&sink)[0].contains("the sinks are erp in the file, and none are in force"));
    let secret = format!("{sink}token_file = \"nowhere\"\n");
    assert!(
        refused(&secret)[0].contains("cannot read"),
        "what a sink needs is looked for"
    );
    place(&world.journal, Lane::Normal, "a", "1");
    world.settle("rules");
    assert_eq!(world.said("b"), ["first 1"]);
    let refused = r#"rule_reloads_total{outcome="refused"}"#;
    assert!((world.counter(refused) - 3.0).abs() < 0.1);
}

#[test]
fn a_file_that_changes_is_read_by_itself() {
    let world = World::new(FIRST);
    let watch = world.runtime().spawn(world.engine.clone().watch());
    world.write(&format!("{SECOND}\n"));
    let taken = r#"rule_reloads_total{outcome="taken"}"#;
    wait("the file is read", || world.counter(taken) > 0.5);
    watch.abort();
    place(&world.journal, Lane::Normal, "a", "1");
    world.settle("rules");
    assert_eq!(world.said("b"), ["second 1"]);
}
