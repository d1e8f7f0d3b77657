//! What the final history says about alarms: read once, for all invariants about them.

use std::collections::BTreeMap;

use spica_alerts::NoticeId;
use spica_cases::{Case, CaseId, Condition, Part, StepRecord};
use spica_model::{Kind, Op, Record, Topic};

use crate::book::{Report, Says};
use crate::desk::{self, cause_of};
use crate::plant::Plant;
use crate::world::World;

/// A step of a case, as some desk has written it.
#[derive(Debug)]
pub(crate) struct Stepped {
    pub(crate) case: CaseId,
    pub(crate) said: StepRecord,
    /// The record that led to it.
    pub(crate) cause: String,
    /// Whether it stands where it was written, and was not entered again.
    pub(crate) own: bool,
}

/// A report of a device in the final history.
#[derive(Debug)]
pub(crate) struct Reported {
    pub(crate) report: Report,
    /// As desks name the record.
    pub(crate) cause: String,
    /// Whether the desk could read it.
    pub(crate) readable: bool,
}

/// What the final history says about alarms.
#[derive(Debug)]
pub(crate) struct AlarmHistory {
    pub(crate) active: usize,
    pub(crate) cases: BTreeMap<CaseId, Case>,
    pub(crate) conditions: Vec<Condition>,
    pub(crate) escalations: Vec<CaseId>,
    /// Notices with their payloads.
    pub(crate) notices: Vec<(NoticeId, Record)>,
    pub(crate) steps: Vec<Stepped>,
    pub(crate) reports: Vec<Reported>,
}

impl AlarmHistory {
    pub(crate) fn of(world: &World) -> Self {
        let active = world.complete().unwrap_or(0);
        let mut history = Self {
            active,
            cases: BTreeMap::new(),
            conditions: Vec::new(),
            escalations: Vec::new(),
            notices: Vec::new(),
            steps: Vec::new(),
            reports: Vec::new(),
        };
        let lanes = &world.nodes[active].disk.lanes;
        let tree = desk::tree(
            &lanes[0].entries,
            &world.book,
            world.plant == Some(Plant::ReenterDecisions),
        );
        for (topic, record) in tree {
            if record.op == Op::Put {
                history.state(&topic, record);
            }
        }
        for lane in [0, 1] {
            history.lane(world, lane);
        }
        history
    }

    fn state(&mut self, topic: &Topic, record: Record) {
        match Part::of(desk::node().as_str(), topic) {
            Some(Part::Case(id)) => {
                let case = Case::decode(id, &record.payload);
                self.cases.extend(case.ok().map(|case| (id, case)));
            }
            Some(Part::Condition { .. }) => {
                self.conditions.extend(Condition::decode(&record.payload));
            }
            Some(Part::Escalation(case)) => self.escalations.push(case),
            Some(Part::Notice(case, number)) => {
                self.notices.push((NoticeId { case, number }, record));
            }
            _ => {}
        }
    }

    fn lane(&mut self, world: &World, lane: usize) {
        let unread = world.center.as_ref().map(|center| &center.unread);
        let entries = &world.nodes[self.active].disk.lanes[lane].entries;
        for (place, entry) in (1..).zip(entries) {
            let fact = world.book.fact(entry.key);
            if let Says::Report { report } = fact.says {
                self.reports.push(Reported {
                    report: world.book.reports[report as usize],
                    cause: cause_of(lane, place, *entry),
                    readable: unread.is_none_or(|unread| !unread.contains(&(lane, place))),
                });
            }
            let Some(batch) = world.book.batch(entry.key) else {
                continue;
            };
            for draft in batch.drafts.iter().filter(|it| it.kind == Kind::Event) {
                let Some(Part::CaseSteps(case)) = Part::of(desk::node().as_str(), &draft.topic)
                else {
                    continue;
                };
                let cause = draft.cause.as_ref().map(|cause| cause.as_str().to_owned());
                if let Ok(said) = StepRecord::decode(&draft.payload) {
                    self.steps.push(Stepped {
                        case,
                        said,
                        cause: cause.unwrap_or_default(),
                        own: batch.epoch == entry.epoch,
                    });
                }
            }
        }
    }
}
