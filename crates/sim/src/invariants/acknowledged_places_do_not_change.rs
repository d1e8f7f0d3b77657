//! A place that was acknowledged keeps its record for ever, whoever is active. Under the strict
//! profiles: with a witness or without going alone; else two reigns may part, and the loser's records
//! come back at other places.

use super::Acknowledgement;
use crate::world::World;

pub(crate) const NAME: &str = "acknowledged-places-do-not-change";

pub(super) fn check(world: &mut World, said: Acknowledgement) {
    let Acknowledgement {
        lane, place, entry, ..
    } = said;
    let strict = world.oracle.profile.strict;
    let known = &mut world.oracle.acknowledged[lane];
    let index = place as usize - 1;
    let end = known.len();
    match known.get_mut(index) {
        Some(before) if *before == entry => {}
        Some(before) => {
            let was = std::mem::replace(before, entry);
            if strict {
                world.oracle.breaks(NAME, world.now, || {
                    format!("lane {lane}, place {place}: {was:?} was acknowledged before: {said:?}")
                });
            }
        }
        None if index == end => known.push(entry),
        None => world.oracle.breaks(NAME, world.now, || {
            format!("lane {lane}: acknowledged beyond {end}: {said:?}")
        }),
    }
}

pub(super) fn at_the_end(world: &mut World) {
    if !world.oracle.profile.strict {
        return;
    }
    let Some(active) = world.complete() else {
        return;
    };
    for lane in [0, 1] {
        let known = &world.oracle.acknowledged[lane];
        let entries = &world.nodes[active].disk.lanes[lane].entries;
        if !entries.starts_with(known) {
            let (known, has) = (known.len(), entries.len());
            world.oracle.breaks(NAME, world.now, || {
                format!(
                    "lane {lane}: {known} places were acknowledged, {has} are there, and differ"
                )
            });
        }
    }
}
