//! No two reigns have the same epoch, and a node's reigns have ever higher ones, over restarts and
//! power losses. Under every profile.

use spica_model::Epoch;

use crate::world::World;

pub(crate) const NAME: &str = "epochs-grow";

pub(super) fn check(world: &mut World, node: usize, epoch: Epoch) {
    let reigns = &world.oracle.reigns;
    let same = reigns.iter().any(|(before, _)| *before == epoch);
    let own = reigns.iter().filter(|(_, who)| *who == node);
    let newest = own.map(|(before, _)| *before).max();
    if same || newest.is_some_and(|newest| newest >= epoch) {
        let reigns = reigns.clone();
        world.oracle.breaks(NAME, world.now, || {
            format!("node {node} begins epoch {} after {reigns:?}", epoch.0)
        });
    }
}
