//! In the end the desk that works knows exactly what a desk would that begins now: what it has decided
//! is what the state topics say. Under every profile.

use spica_alerts::Notice;

use super::alarm_history::AlarmHistory;
use crate::world::World;

pub(crate) const NAME: &str = "desks-know-what-is-kept";

pub(super) fn at_the_end(world: &mut World, history: &AlarmHistory) {
    let process = world.nodes[history.active].process.as_ref();
    let Some(desk) = process.and_then(|process| process.desk.as_ref()) else {
        return;
    };
    let alarms = &desk.alarms;
    let known: Vec<_> = alarms.cases().after(None).map(|case| &**case).collect();
    let kept: Vec<_> = history.cases.values().collect();
    let what = if known != kept {
        Some(format!("cases: known {known:?}, kept {kept:?}"))
    } else if let Some(condition) = history
        .conditions
        .iter()
        .find(|it| alarms.cases().condition(&it.source, &it.condition) != Some(it))
    {
        Some(format!("condition {condition:?}"))
    } else if history.conditions.len() != alarms.cases().conditions().count() {
        Some("conditions are missing".to_owned())
    } else if let Some((id, record)) = history.notices.iter().find(|(id, record)| {
        let kept = Notice::decode(*id, &record.payload).ok();
        alarms.notice(*id) != kept.as_ref()
    }) {
        Some(format!(
            "notice {id}: known {:?}, kept {record:?}",
            alarms.notice(*id)
        ))
    } else {
        let differs = |case: &&spica_cases::CaseId| {
            alarms.alerts().is_escalating(**case) != history.escalations.contains(*case)
        };
        history
            .cases
            .keys()
            .find(differs)
            .map(|case| format!("the escalation of {case}"))
    };
    if let Some(what) = what {
        world.oracle.breaks(NAME, world.now, || what);
    }
}
