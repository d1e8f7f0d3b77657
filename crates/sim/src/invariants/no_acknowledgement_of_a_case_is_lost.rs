//! When an operator was told that a case is acknowledged, the audit trail says so in the end. Under
//! every profile. Under the strict ones it says so where the desk has written it, and the case says it
//! too, unless it was raised again since: else another reign may have known nothing of it, and alerts
//! once more.

use spica_cases::What;

use super::alarm_history::AlarmHistory;
use crate::world::World;

pub(crate) const NAME: &str = "no-acknowledgement-of-a-case-is-lost";

pub(super) fn at_the_end(world: &mut World, history: &AlarmHistory) {
    let Some(center) = &world.center else { return };
    let strict = world.oracle.profile.strict;
    let lost = center.acknowledged.iter().copied().find(|id| {
        let steps = || history.steps.iter().filter(|step| step.case == *id);
        let noted =
            steps().any(|step| step.said.step.what == What::Acknowledged && (step.own || !strict));
        let last = steps().filter(|step| step.own).rfind(|step| {
            matches!(
                step.said.step.what,
                What::Acknowledged | What::Repeated | What::Severity
            )
        });
        let stands = last.is_some_and(|step| step.said.step.what == What::Acknowledged);
        let case = history.cases.get(id);
        let says = case.is_some_and(|case| case.acknowledged.is_some());
        !noted || (strict && stands && !says)
    });
    if let Some(id) = lost {
        world.oracle.breaks(NAME, world.now, || {
            format!("case {id} was acknowledged: {:?}", history.cases.get(&id))
        });
    }
}
