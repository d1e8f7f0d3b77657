//! A record is acknowledged when it is on this node's disk, flushed, and while the gate says *pair*
//! on the partner's too. Under every profile; a partner that has just lost its tail is excused.

use spica_pair::Gate;

use super::Acknowledgement;
use crate::world::World;

pub(crate) const NAME: &str = "acknowledged-when-durable";

pub(super) fn check(world: &mut World, said: Acknowledgement) {
    let Acknowledgement {
        node,
        gate,
        lane,
        place,
        entry,
        ..
    } = said;
    let here = world.nodes[node].disk.lanes[lane].synced >= place;
    let partner = &world.nodes[1 - node].disk;
    let on_partner = &partner.lanes[lane];
    let there = gate != Gate::Pair
        || !partner.is_sound()
        || (on_partner.synced >= place && on_partner.at(place) == Some(entry));
    if !here || !there {
        world.oracle.breaks(NAME, world.now, || {
            format!("durable here: {here}, on the partner: {there}: {said:?}")
        });
    }
}
