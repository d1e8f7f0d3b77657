//! Conditions that rules raise.

use std::sync::Arc;

use spica_journal::Journal as _;
use spica_model::{Lane, Seq};
use spica_rule_engine::Metrics;
use tempfile::TempDir;

use crate::common::{Folded, NODE, Told, World, engine, file, place, runtime, wait};

const CASES: &str = r##"
[[rule]]
name = "hot"
topics = ["plant/+/t"]
when = "payload > 80"
then = [{ case = { source = "plant/{levels[1]}", condition = "too-hot", severity = "high", text = "{payload} °C", clear = "payload < 75" } }]
"##;
const NONE: &str =
    "[[rule]]\nname = \"x\"\ntopics = [\"x\"]\nthen = [{ republish = { topic = \"y\" } }]\n";

fn told(world: &World) -> Vec<bool> {
    let told = world.told.0.lock();
    let of = |it: &&(String, String, bool)| it.0 == "too-hot" && it.1 == "plant/3";
    told.iter().filter(of).map(|it| it.2).collect()
}

fn stands(world: &World) -> bool {
    let topic = format!("{NODE}/handlers/rules/standing/too-hot/plant/3");
    Folded(world.journal.clone()).fold().contains_key(&topic)
}

fn say(world: &World, lane: Lane, value: u32) {
    place(&world.journal, lane, "plant/3/t", &value.to_string());
    world.settle("rules");
}

#[test]
fn a_condition_is_raised_and_ended_once_and_survives_a_restart() {
    let world = World::new(CASES);
    for value in [90, 91, 78, 85] {
        say(&world, Lane::Normal, value);
    }
    assert_eq!((told(&world), stands(&world)), (vec![true], true));
    let world = world.again(CASES);
    wait("the desk is told again", || told(&world) == [true]);
    say(&world, Lane::Normal, 74);
    assert_eq!((told(&world), stands(&world)), (vec![true, false], false));
    let world = world.again(CASES);
    say(&world, Lane::Normal, 90);
    assert_eq!(told(&world), [true]);
}

#[test]
fn one_lane_ends_what_the_other_has_raised() {
    let world = World::new(CASES);
    say(&world, Lane::Normal, 90);
    say(&world, Lane::Critical, 70);
    assert_eq!((told(&world), stands(&world)), (vec![true, false], false));
}

#[test]
fn a_condition_ends_with_the_last_rule_that_raises_it() {
    let world = World::new(CASES);
    say(&world, Lane::Normal, 90);
    let world = world.again(NONE);
    wait("it is ended", || {
        told(&world) == [true, false] && !stands(&world)
    });
    // And so by a reload.
    let world = world.again(CASES);
    say(&world, Lane::Normal, 90);
    world.write(NONE);
    spica_rules::RulesControl::reload(&world.engine).unwrap();
    assert_eq!((told(&world), stands(&world)), (vec![true, false], false));
}

/// A node that dies between the note that a condition is over and the desk's own record.
#[test]
fn the_end_of_a_condition_is_told_again_when_its_record_comes_again() {
    let world = World::new(CASES);
    say(&world, Lane::Normal, 90);
    let place_before = world.status("rules", Lane::Normal).through;
    say(&world, Lane::Normal, 70);
    let journal = world.journal.clone();
    drop(world);
    journal.remove_cursor("rules-normal", Lane::Normal).unwrap();
    journal
        .open_cursor("rules-normal", Lane::Normal, place_before)
        .unwrap();
    let world = World::on(journal, CASES);
    world.settle("rules");
    assert_eq!(told(&world), [false]);
    say(&world, Lane::Normal, 70);
    assert_eq!(
        told(&world),
        [false],
        "what is new and changes nothing is not told"
    );
}

#[test]
fn so_many_conditions_hold_at_once_and_no_more() {
    const MOST: u64 = 5_000;
    let (dir, told, runtime) = (TempDir::new().unwrap(), Arc::<Told>::default(), runtime());
    std::fs::write(file(&dir), CASES).unwrap();
    let journal = spica_journal::memory::MemoryJournal::new();
    let engine = engine(&journal, &dir, &told, Metrics::default(), &runtime);
    let mut handler = engine.factories().unwrap()[0].make(Lane::Normal).unwrap();
    handler.resume(Seq::ZERO).unwrap();
    for number in 0..=MOST {
        place(&journal, Lane::Normal, &format!("plant/{number}/t"), "90");
    }
    let records = crate::common::all(&journal, Lane::Normal);
    let (all_but_one, one_more) = records.split_at(MOST as usize);
    for some in all_but_one.chunks(250) {
        handler.handle(some).unwrap();
    }
    let error = handler.handle(one_more).unwrap_err();
    assert!(
        error.detail.contains("5000 conditions hold already"),
        "{error}"
    );
    assert_eq!(told.0.lock().len() as u64, MOST);
    // One ends, and there is room for one.
    place(&journal, Lane::Normal, "plant/0/t", "1");
    place(&journal, Lane::Normal, "plant/more/t", "90");
    let records = crate::common::all(&journal, Lane::Normal);
    handler.handle(&records[records.len() - 2..]).unwrap();
}
