//! A made-up audit trail.

use spica_cases::{CaseId, Severity, Step, StepRecord, What};
use spica_model::Timestamp;

/// A step of a case, as the journal has it.
pub(crate) type Fact = (CaseId, StepRecord);

pub(crate) fn id(number: u64) -> CaseId {
    CaseId { epoch: 1, number }
}

/// One case, whose steps are written one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) id: CaseId,
    pub(crate) source: String,
    pub(crate) condition: String,
    pub(crate) severity: Severity,
    pub(crate) customer: Option<String>,
}

impl Life {
    /// A step with the state after it.
    pub(crate) fn step(
        &self,
        what: What,
        by: &str,
        at: Timestamp,
        state: &str,
        quiet: bool,
    ) -> Fact {
        let record = StepRecord {
            step: Step {
                what,
                by: by.to_owned(),
                at,
                why: None,
                to: None,
            },
            source: self.source.clone(),
            condition: self.condition.clone(),
            severity: Some(self.severity),
            customer: self.customer.clone(),
            state: Some(state.to_owned()),
            quiet,
        };
        (self.id, record)
    }
}

/// The same numbers on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

/// So many days of a monitoring station: a handful of alarms a day, more by day than by night, one
/// flood, a sensor that chatters, and some things that nobody took care of.
pub(crate) fn station(from: Timestamp, days: u64, seed: u64) -> Vec<Fact> {
    let mut chance = Chance(seed);
    let mut facts = Vec::new();
    let mut number = 0;
    for day in 0..days {
        let today = 20 + chance.below(30) + if day % 37 == 36 { 110 } else { 0 };
        for n in 0..today {
            number += 1;
            let flood = day == days / 2 && n < 18;
            let hour = if flood {
                14
            } else {
                (chance.below(14) + chance.below(12)) % 24
            };
            let second = if flood { n * 25 } else { chance.below(3_600) };
            let at = offset(from, day * 86_400 + hour * 3_600 + second);
            facts.extend(case(&mut chance, number, at, hour));
        }
    }
    facts.sort_by_key(|(_, record)| record.step.at);
    facts
}

fn offset(from: Timestamp, secs: u64) -> Timestamp {
    from.saturating_add(std::time::Duration::from_secs(secs))
}

fn case(chance: &mut Chance, number: u64, at: Timestamp, hour: u64) -> Vec<Fact> {
    let (severity, condition) = match chance.below(20) {
        0 => (Severity::Emergency, "man-down"),
        1..=3 => (Severity::High, "missed-check-in"),
        4..=8 => (Severity::Medium, "level-high"),
        _ => (Severity::Low, "low-battery"),
    };
    let customers = [Some("Rail & Road <North>"), Some("Water Works"), None];
    let device = chance.below(9) * chance.below(9);
    let life = Life {
        id: id(number),
        source: match severity {
            Severity::Medium => format!("plant/pump{}/level", device % 7),
            _ => format!("devices/{:07}", 1_000 + device),
        },
        condition: condition.to_owned(),
        severity,
        customer: customers[chance.below(3) as usize].map(str::to_owned),
    };
    let who = ["operator:alice", "operator:bob", "person:carla"][chance.below(3) as usize];
    let secs = match chance.below(100) {
        0..=82 => 1 + chance.below(8),
        83..=97 => 9 + chance.below(28),
        // Nights are longer.
        _ => 45 + chance.below(if hour < 6 { 900 } else { 90 }),
    };
    let accepted = offset(at, secs);
    let mut steps = vec![life.step(What::Raised, "device", at, "unacknowledged", false)];
    if severity == Severity::Medium && device % 7 == 3 {
        for again in 1..=4 {
            let at = offset(at, again * 9);
            steps.push(life.step(What::Repeated, "threshold", at, "unacknowledged", false));
        }
    }
    if chance.below(250) == 0 {
        return steps;
    }
    let cleared = offset(accepted, 60 + chance.below(7_200));
    steps.push(life.step(What::Acknowledged, who, accepted, "acknowledged", false));
    steps.push(life.step(What::Cleared, who, cleared, "cleared", false));
    steps.push(life.step(What::Closed, who, offset(cleared, 30), "closed", false));
    steps
}
