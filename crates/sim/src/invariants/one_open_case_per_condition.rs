//! A condition of a source has one open case at the most. Under every profile: where two reigns have
//! raised one each, one of them stays.

use std::collections::BTreeMap;

use super::alarm_history::AlarmHistory;
use crate::world::World;

pub(crate) const NAME: &str = "one-open-case-per-condition";

pub(super) fn at_the_end(world: &mut World, history: &AlarmHistory) {
    let mut open = BTreeMap::new();
    for case in history.cases.values().filter(|case| case.is_open()) {
        let first = open.insert((&case.source, &case.condition), case.id);
        if let Some(first) = first {
            world.oracle.breaks(NAME, world.now, || {
                format!("{first} and {} are about the same", case.id)
            });
        }
    }
}
