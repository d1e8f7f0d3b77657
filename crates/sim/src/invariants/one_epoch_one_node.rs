//! Never do two nodes acknowledge under the same epoch. Under every profile.

use spica_model::Epoch;

use crate::world::World;

pub(crate) const NAME: &str = "one-epoch-one-node";

pub(super) fn check(world: &mut World, node: usize, reign: Epoch) {
    let mut reigns = world.oracle.reigns.iter().rev();
    let owner = reigns.find(|(epoch, _)| *epoch == reign);
    if owner.is_none_or(|(_, who)| *who != node) {
        let owner = owner.copied();
        world.oracle.breaks(NAME, world.now, || {
            format!(
                "node {node} acknowledges in epoch {}, which is {owner:?}'s",
                reign.0
            )
        });
    }
}
