//! The books of the alarms: what the fleet was told is durable, and what the operators did, against
//! the cases and messages that the node shows.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use spica_fleet::Outcome;
use spica_model::Timestamp;

use super::operators::Acknowledgement;
use super::seen::{Case, Notice, Seen};

/// How many examples of what is wrong are given.
const EXAMPLES: usize = 5;

/// What the books of the alarms say.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub(super) struct Alarms {
    /// Cases that were raised.
    pub(super) cases: u64,
    /// Emergencies among them.
    pub(super) emergencies: u64,
    /// Emergencies of which at least one message was delivered.
    pub(super) notified: u64,
    /// Cases of which a message of a later step was delivered.
    pub(super) escalated: u64,
    /// Acknowledgements that operators were told are durable.
    pub(super) acknowledged: u64,
    /// Cases that are closed.
    pub(super) closed: u64,
    /// Emergencies that wanted somebody and of which no message was delivered, though messages go out.
    pub(super) unnotified: u64,
    /// Alarms that a device was told are durable, and that no case counts.
    pub(super) missing_cases: u64,
    /// Acknowledgements that operators were told are durable, and that no audit trail has.
    pub(super) lost_acknowledgements: u64,
    /// From the reception of an emergency to the first message about it being delivered, in
    /// milliseconds; null if none was.
    pub(super) event_to_notify_ms_p99: Option<f64>,
    /// The first few things that are wrong.
    pub(super) alarm_examples: Vec<String>,
}

impl Alarms {
    /// Whether nothing is wrong.
    pub(super) const fn passed(&self) -> bool {
        self.unnotified + self.missing_cases + self.lost_acknowledgements == 0
    }

    /// Whether there is nothing left for operators to do.
    pub(super) const fn is_at_rest(&self) -> bool {
        self.passed() && self.closed == self.cases
    }

    /// Compares what was told and done with what is `seen`. `told`: whether messages go out.
    pub(super) fn check(
        outcome: &Outcome,
        done: &[Acknowledgement],
        seen: &Seen,
        told: bool,
    ) -> Self {
        let mut alarms = Self {
            cases: seen.cases.len() as u64,
            acknowledged: done.len() as u64,
            ..Self::default()
        };
        let mut took = Vec::new();
        for case in &seen.cases {
            let notices = seen.notices.get(&case.id).map_or(&[][..], Vec::as_slice);
            took.extend(alarms.count(case, notices, told));
        }
        alarms.event_to_notify_ms_p99 = p99(took);
        alarms.check_cases(outcome, seen);
        for one in done {
            if !seen.acknowledgements.contains(one) {
                alarms.lost_acknowledgements += 1;
                alarms.note(format!("case {}: acknowledged at {}", one.case, one.at));
            }
        }
        alarms
    }

    /// Counts a case; how long the first message about it took, if it is an emergency and one came.
    fn count(&mut self, case: &Case, notices: &[Notice], told: bool) -> Option<f64> {
        let delivered = || notices.iter().filter(|notice| notice.is_delivered());
        self.closed += u64::from(case.state == "closed");
        self.escalated += u64::from(delivered().any(|notice| notice.reason == "escalated"));
        if !case.is_emergency() {
            return None;
        }
        self.emergencies += 1;
        let read = |text: &String| text.parse::<Timestamp>().ok();
        let first = delivered()
            .filter_map(|notice| notice.settled_at.as_ref().and_then(read))
            .min();
        self.notified += u64::from(first.is_some());
        if first.is_none() && told && !case.quiet {
            self.unnotified += 1;
            self.note(format!(
                "case {}: nobody was told of {} of {}",
                case.id, case.condition, case.source
            ));
        }
        let took = first?.since(read(&case.received_at)?);
        Some(took.as_secs_f64() * 1_000.0)
    }

    /// Each alarm raises a case, or counts as a repetition of one that is open.
    fn check_cases(&mut self, outcome: &Outcome, seen: &Seen) {
        let mut raised = BTreeMap::<(&str, &str), u64>::new();
        for case in &seen.cases {
            let count = raised.entry((&case.source, &case.condition)).or_default();
            *count += 1 + u64::from(case.repeats);
        }
        for ((serial, event), alarms) in told(outcome) {
            let source = format!("devices/{serial}");
            // The profile's critical events are named as the conditions that they raise.
            let counted = raised.get(&(source.as_str(), event.as_str()));
            let missing = alarms.saturating_sub(counted.copied().unwrap_or(0));
            if missing > 0 {
                self.missing_cases += missing;
                self.note(format!(
                    "{missing} of {alarms} {event} of {serial}: no case"
                ));
            }
        }
    }

    fn note(&mut self, example: String) {
        if self.alarm_examples.len() < EXAMPLES {
            self.alarm_examples.push(example);
        }
    }
}

/// How many alarms of each kind each device was told are durable.
fn told(outcome: &Outcome) -> BTreeMap<(&str, String), u64> {
    let mut told = BTreeMap::new();
    for device in &outcome.devices {
        let entries = device.entries.iter();
        for entry in entries.filter(|entry| entry.told && entry.event.is_critical()) {
            let kind = (device.serial.as_str(), entry.event.to_string());
            *told.entry(kind).or_default() += 1;
        }
    }
    told
}

fn p99(mut took: Vec<f64>) -> Option<f64> {
    took.sort_unstable_by(f64::total_cmp);
    let last = took.len().checked_sub(1)?;
    took.get((last as f64 * 0.99).round() as usize).copied()
}

impl fmt::Display for Alarms {
    /// A few lines for a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "alarms    {} cases, {} emergencies: {} notified, {} escalated, {} acknowledged, {} closed",
            self.cases,
            self.emergencies,
            self.notified,
            self.escalated,
            self.acknowledged,
            self.closed
        )?;
        if let Some(ms) = self.event_to_notify_ms_p99 {
            writeln!(
                f,
                "latency   event to first message delivered p99 {ms:.1} ms"
            )?;
        }
        for example in &self.alarm_examples {
            writeln!(f, "  {example}")?;
        }
        write!(
            f,
            "unnotified {}, missing cases {}, lost acknowledgements {}: {}",
            self.unnotified,
            self.missing_cases,
            self.lost_acknowledgements,
            if self.passed() { "passed" } else { "FAILED" }
        )
    }
}

#[cfg(test)]
mod tests;
