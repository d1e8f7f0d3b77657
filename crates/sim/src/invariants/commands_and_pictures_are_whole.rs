//! What takes several steps survives a take-over between any two of them: a command that was
//! acknowledged to the operator is sent, carried out and confirmed; a picture whose last part was
//! acknowledged has all its parts. Under every profile; in order of the steps under the strict ones,
//! as facts that come back after a divergence come back late.

use super::Final;
use crate::words::Key;
use crate::world::World;

pub(crate) const NAME: &str = "commands-and-pictures-are-whole";

pub(super) fn at_the_end(world: &mut World) {
    let last = Final::of(world);
    let strict = world.oracle.profile.strict;
    let whole = |keys: &[Key]| {
        let places = keys.iter().map(|key| last.found[*key as usize]);
        let there = places.clone().all(|(times, _)| times > 0);
        there && (!strict || places.map(|(_, place)| place).is_sorted())
    };
    let is_there = |key: Option<&Key>| key.is_some_and(|key| last.found[*key as usize].0 > 0);
    let carried_out = |command: usize| {
        world
            .oracle
            .carried_out
            .get(command)
            .is_some_and(|n| *n > 0)
    };
    let mut broken = None;
    for (command, keys) in world.book.commands.iter().enumerate() {
        if is_there(keys.first()) && !(whole(keys) && carried_out(command)) {
            broken = Some(format!("command {command}: {:?}", places(&last, keys)));
        }
    }
    for (picture, keys) in world.book.pictures.iter().enumerate() {
        if is_there(keys.last()) && !whole(keys) {
            broken = Some(format!("picture {picture}: {:?}", places(&last, keys)));
        }
    }
    if let Some(what) = broken {
        world.oracle.breaks(NAME, world.now, || what);
    }
}

fn places(last: &Final, keys: &[Key]) -> Vec<(u32, u64)> {
    keys.iter().map(|key| last.found[*key as usize]).collect()
}
