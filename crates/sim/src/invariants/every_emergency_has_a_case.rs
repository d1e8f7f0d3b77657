//! A man-down in the final history was decided on once: it raised a case, or an open one again. Under
//! every profile; what a desk could not read, it has said so.

use spica_cases::What;

use super::alarm_history::AlarmHistory;
use crate::desk::MAN_DOWN;
use crate::world::World;

pub(crate) const NAME: &str = "every-emergency-has-a-case";

pub(super) fn at_the_end(world: &mut World, history: &AlarmHistory) {
    let alarms = history.reports.iter();
    let alarms = alarms.filter(|it| it.report.name == MAN_DOWN && it.readable);
    for alarm in alarms {
        let raised = history.steps.iter().filter(|step| {
            step.own
                && step.cause == alarm.cause
                && matches!(step.said.step.what, What::Raised | What::Repeated)
        });
        let cases: Vec<_> = raised.map(|step| step.case).collect();
        let there = |case: &spica_cases::CaseId| history.cases.contains_key(case);
        if cases.len() != 1 || !cases.iter().all(there) {
            world.oracle.breaks(NAME, world.now, || {
                format!("{alarm:?} has raised {cases:?}")
            });
        }
    }
}
