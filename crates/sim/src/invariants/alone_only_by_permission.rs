//! Where there is a witness, records that only one node has are acknowledged in epochs alone that the
//! witness has recorded, or an operator ordered. Without a witness, only where the settings accept it.

use spica_model::Epoch;
use spica_pair::{Gate, Solo};

use crate::world::World;

pub(crate) const NAME: &str = "alone-only-by-permission";

pub(super) fn check(world: &mut World, node: usize, reign: Epoch, gate: Gate) {
    let oracle = &world.oracle;
    let permitted = match (oracle.profile.witness, oracle.profile.solo) {
        (true, _) => oracle.ordered || oracle.granted.contains(&reign),
        (false, solo) => solo == Solo::Accept,
    };
    if gate == Gate::Solo && !permitted {
        world.oracle.breaks(NAME, world.now, || {
            format!("node {node} acknowledges alone in epoch {}", reign.0)
        });
    }
}
