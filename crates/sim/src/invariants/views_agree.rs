//! When everything has come to rest, the views of both nodes are the same. Under every profile.

use crate::world::World;

pub(crate) const NAME: &str = "views-agree";

pub(super) fn at_the_end(world: &mut World) {
    let views = world
        .nodes
        .each_ref()
        .map(|node| node.process.as_ref().map(|process| &process.view));
    if views[0] != views[1] {
        let what = format!("{views:?}");
        world.oracle.breaks(NAME, world.now, || what);
    }
}
