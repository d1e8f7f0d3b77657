//! Each fact is in the final history once at the most, however often clients repeated it, and both
//! nodes hold the same history. Under every profile.

use super::Final;
use crate::world::World;

pub(crate) const NAME: &str = "one-fact-per-key";

pub(super) fn at_the_end(world: &mut World) {
    let last = Final::of(world);
    let doubled = last.found.iter().position(|(times, _)| *times > 1);
    if let Some(key) = doubled {
        let times = last.found[key].0;
        world.oracle.breaks(NAME, world.now, || {
            format!("fact {key} is there {times} times")
        });
    }
    let [mine, theirs] = &world.nodes;
    for lane in [0, 1] {
        if mine.disk.lanes[lane].entries != theirs.disk.lanes[lane].entries {
            world.oracle.breaks(NAME, world.now, || {
                format!("the two nodes' histories of lane {lane} differ")
            });
        }
    }
}
