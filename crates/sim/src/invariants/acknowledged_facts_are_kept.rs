//! A fact of which a client was told that it is kept is in the final history. Under every profile:
//! where two reigns went on alone, the loser's facts were put aside and came back.

use super::Final;
use crate::world::World;

pub(crate) const NAME: &str = "acknowledged-facts-are-kept";

pub(super) fn at_the_end(world: &mut World) {
    let last = Final::of(world);
    let lost = world.oracle.heard.iter().find(|key| {
        let fact = world.book.fact(**key).of;
        last.found[fact as usize].0 == 0
    });
    if let Some(key) = lost.copied() {
        let fact = world.book.fact(key);
        world.oracle.breaks(NAME, world.now, || {
            format!("fact {key} was acknowledged and is gone: {fact:?}")
        });
    }
}
