//! A timer that a device has started raises at most once, and is not forgotten: it runs, or has run
//! out, or was stopped. Under every profile; that it raises once, of what stands in the history of one
//! reign after the other.

use spica_cases::What;

use super::alarm_history::AlarmHistory;
use crate::desk::{AMBER, AMBER_STARTED};
use crate::world::World;

pub(crate) const NAME: &str = "timers-fire-once";

pub(super) fn at_the_end(world: &mut World, history: &AlarmHistory) {
    for device in [1, 2] {
        let source = format!("devices/{device:07}");
        let mut timers: Vec<_> = history
            .reports
            .iter()
            .filter(|it| it.report.device == device && it.report.name.starts_with("amber-"))
            .collect();
        timers.sort_by_key(|it| it.report.at);
        let starts = |name| name == AMBER_STARTED;
        let started = timers.iter().filter(|it| starts(it.report.name)).count();
        let fired = history.steps.iter().filter(|step| {
            let raised = matches!(step.said.step.what, What::Raised | What::Repeated);
            step.own && raised && step.said.condition == AMBER && step.said.source == source
        });
        let fired = fired.count();
        let mut conditions = history.conditions.iter();
        let runs = conditions.any(|it| {
            it.source == source && it.condition == AMBER && (it.pending.is_some() || it.active)
        });
        let running = timers.last().is_some_and(|it| starts(it.report.name));
        let forgotten = running && !runs && fired == 0;
        if fired > started || forgotten {
            world.oracle.breaks(NAME, world.now, || {
                format!("{source}: {started} started, {fired} ran out; one still runs: {runs}")
            });
        }
    }
}
