//! What was cut off a lane because it had parted is in the final history again. Under every profile.

use super::Final;
use crate::world::World;

pub(crate) const NAME: &str = "diverged-facts-come-back";

pub(super) fn at_the_end(world: &mut World) {
    let last = Final::of(world);
    let gone = |key: &&u32| last.found[world.book.fact(**key).of as usize].0 == 0;
    let lost = world.oracle.set_aside.iter().find(gone).copied();
    if let Some(key) = lost {
        world.oracle.breaks(NAME, world.now, || {
            format!("fact {key} was put aside and did not come back")
        });
    }
}
