//! The handler works on every record of the final history at least once. Under every profile. Under
//! the strict ones it works on nothing that is not there in the end.

use super::Final;
use crate::words::Key;
use crate::world::World;

pub(crate) const NAME: &str = "handlers-see-everything";

pub(super) fn at_the_end(world: &mut World) {
    let active = Final::of(world).active;
    let worked_on = |key: Key| world.oracle.worked_on.get(key as usize) == Some(&true);
    let mut broken = None;
    for lane in [0, 1] {
        let entries = &world.nodes[active].disk.lanes[lane].entries;
        let missed = entries.iter().find(|entry| !worked_on(entry.key));
        if let Some(entry) = missed {
            broken = Some(format!("nobody worked on {entry:?}"));
        }
        let handled = world.oracle.handled[lane].iter().enumerate();
        let vanished = |(at, did): &(usize, &Option<crate::words::Entry>)| {
            did.is_some_and(|did| entries.get(*at) != Some(&did))
        };
        let key = |did: Option<crate::words::Entry>| did.map_or(Key::MAX, |did| did.key);
        if let Some((at, did)) = handled.into_iter().find(vanished)
            && world.oracle.profile.strict
        {
            broken = Some(format!(
                "fact {} at {} is no longer there",
                key(*did),
                at + 1
            ));
        }
    }
    if let Some(what) = broken {
        world.oracle.breaks(NAME, world.now, || what);
    }
}
