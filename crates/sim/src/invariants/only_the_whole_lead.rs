//! Who leads is undamaged, unless an operator ordered it, or it goes on as the active that has just
//! found the damage. And before it acknowledges anything it
//! holds, under the strict profiles, every record that was ever acknowledged.

use spica_model::Epoch;

use crate::world::World;

pub(crate) const NAME: &str = "only-the-whole-lead";

/// A reign begins.
pub(super) fn check(world: &mut World, node: usize, epoch: Epoch) {
    let disk = &world.nodes[node].disk;
    if !world.oracle.ordered && !disk.found && !disk.is_sound() {
        world.oracle.breaks(NAME, world.now, || {
            format!("node {node} is damaged and begins epoch {}", epoch.0)
        });
    }
}

/// A reign acknowledges something; looked at the first time only, as reigns only add. Not when a later
/// one has begun: what a reign that is over acknowledges late, its successor has too.
pub(super) fn acknowledges(world: &mut World, node: usize, epoch: Epoch) {
    let is_over = world.oracle.reigns.iter().any(|(later, _)| *later > epoch);
    if is_over || world.leads_now(1 - node) {
        return;
    }
    if world.oracle.looked_at.contains(&epoch) || !world.oracle.profile.strict {
        return;
    }
    world.oracle.looked_at.push(epoch);
    let lacks = (0..2).find(|lane| {
        let acknowledged = &world.oracle.acknowledged[*lane];
        let entries = &world.nodes[node].disk.lanes[*lane].entries;
        !entries.starts_with(acknowledged)
    });
    if let Some(lane) = lacks {
        world.oracle.breaks(NAME, world.now, || {
            format!(
                "node {node} acknowledges in epoch {} and lacks records of lane {lane}",
                epoch.0
            )
        });
    }
}
