//! A case that is an emergency and not quiet, and that has a plan, was told to somebody, unless
//! somebody had taken care of it before. Under every profile.

use spica_cases::Severity;

use super::alarm_history::AlarmHistory;
use crate::desk::{AMBER, MAN_DOWN};
use crate::world::World;

pub(crate) const NAME: &str = "every-emergency-is-told-of";

pub(super) fn at_the_end(world: &mut World, history: &AlarmHistory) {
    let Some(center) = &world.center else { return };
    let told = |id| {
        let mut sent = center.sent.iter();
        sent.any(|sent| sent.case == id && sent.arrived)
    };
    let untold = history.cases.values().find(|case| {
        let emergency = case.severity == Severity::Emergency && !case.quiet;
        let planned = [MAN_DOWN, AMBER].contains(&case.condition.as_str());
        emergency
            && planned
            && case.acknowledged.is_none()
            && case.closed.is_none()
            && !told(case.id)
    });
    if let Some(case) = untold {
        world
            .oracle
            .breaks(NAME, world.now, || format!("nobody was told of {case:?}"));
    }
}
