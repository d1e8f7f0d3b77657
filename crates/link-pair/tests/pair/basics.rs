//! Start, replication, take-over, return.

use spica_model::{Kind, Lane};

use crate::half::Fact;
use crate::world::{BACKUP, PRIMARY, World};

fn event(payload: &'static str) -> Fact<'static> {
    Fact {
        topic: "door",
        kind: Kind::Event,
        payload,
        at: 1,
        key: None,
    }
}

#[test]
fn what_is_acknowledged_is_on_both() {
    let world = World::healthy();
    let [primary, backup] = &world.halves;
    let facts = [event("a"), event("b")];
    let places = world
        .runtime
        .block_on(primary.append(Lane::Critical, &facts));
    let there = backup.running().journal.history(Lane::Critical);
    assert!(there.last >= places[1].position.seq);
}

#[test]
fn the_backup_takes_over_with_all_that_was_acknowledged_and_the_primary_returns() {
    let mut world = World::healthy();
    let primary = &world.halves[PRIMARY];
    world
        .runtime
        .block_on(primary.append(Lane::Normal, &[event("a")]));
    world.kill(PRIMARY);
    world.ask_until_served(BACKUP);
    let backup = &world.halves[BACKUP];
    assert_eq!(backup.payloads(Lane::Normal, "door"), ["a"]);
    world
        .runtime
        .block_on(backup.append(Lane::Normal, &[event("b")]));

    world.start(PRIMARY);
    world.mend();
    world.until("the primary is complete again", |world| {
        world.halves[BACKUP].serves() && world.halves[BACKUP].sync() == "complete"
    });
    // Acknowledged by both again.
    let backup = &world.halves[BACKUP];
    world
        .runtime
        .block_on(backup.append(Lane::Normal, &[event("c")]));
    world.until("the primary shows it", |world| {
        world.halves[PRIMARY].payloads(Lane::Normal, "door") == ["a", "b", "c"]
    });
    assert!(!world.halves[PRIMARY].serves());
}
