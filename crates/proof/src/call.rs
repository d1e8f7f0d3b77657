//! One case as the fold follows it: is it active, does it call someone.

use spica_cases::{CaseState, Severity, StepRecord, What};
use spica_model::Timestamp;

/// What was counted beside calls and alarms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Raises of cases that were open already.
    pub repeats: u64,
    /// Raises that called nobody, since their condition was shelved, suppressed or out of service.
    pub quiet: u64,
    /// How often someone shelved a condition.
    pub shelved: u64,
    /// How often a condition was suppressed.
    pub suppressed: u64,
    /// How often a source went out of service.
    pub out_of_service: u64,
    /// Cases that were open beyond the limit of the fold: their alarms are counted, and their calls
    /// as if nobody had accepted them.
    pub untracked: u64,
}

/// A call that nobody has accepted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) since: Timestamp,
    pub(crate) severity: Severity,
    pub(crate) customer: Option<String>,
}

/// An open case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tracked {
    pub(crate) source: String,
    pub(crate) condition: String,
    pub(crate) active: bool,
    /// Since when it is active, if that was seen.
    pub(crate) since: Option<Timestamp>,
    pub(crate) quiet: bool,
    pub(crate) call: Option<Call>,
    /// Whether it was counted as stale since it became active.
    pub(crate) stale: bool,
}

/// What a step of a case means, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Meaning {
    /// It called the operators.
    pub(crate) alarm: bool,
    /// It was active from this time until the step.
    pub(crate) was_active_since: Option<Timestamp>,
    /// This call is over.
    pub(crate) answered: Option<Call>,
    /// The call was accepted.
    pub(crate) accepted: bool,
}

impl Tracked {
    /// A case before any step that was seen.
    pub(crate) fn new(source: &str, condition: &str) -> Self {
        Self {
            source: source.to_owned(),
            condition: condition.to_owned(),
            ..Self::default()
        }
    }

    /// Follows a step.
    pub(crate) fn step(&mut self, record: &StepRecord) -> Meaning {
        let at = record.step.at;
        let active = is_active(record.state.as_deref());
        let mut meaning = Meaning::default();
        if let (Some(call), Some(severity)) = (&mut self.call, record.severity) {
            call.severity = severity;
        }
        let freed = self.quiet && !record.quiet && active;
        let raised = matches!(record.step.what, What::Raised | What::Repeated);
        if active && raised && !self.active {
            (self.active, self.since, self.stale) = (true, Some(at), false);
            meaning.alarm = !record.quiet;
        }
        if !active && self.active {
            meaning.was_active_since = self.since.take();
        }
        self.active = active;
        self.quiet = record.quiet;
        match record.step.what {
            What::Acknowledged => {
                meaning.answered = self.call.take();
                meaning.accepted = meaning.answered.is_some();
            }
            // Nobody is called any more, and nobody has come.
            What::Closed => meaning.answered = self.call.take(),
            _ if record.quiet => meaning.answered = self.call.take(),
            _ if (raised || freed) && self.call.is_none() && wants_someone(record) => {
                meaning.alarm = true;
                self.call = Some(Call {
                    since: at,
                    severity: record.severity.unwrap_or(Severity::Low),
                    customer: record.customer.clone(),
                });
            }
            _ if freed => meaning.alarm = true,
            _ => {}
        }
        meaning
    }
}

/// Whether a case in this state is active.
pub(crate) fn is_active(state: Option<&str>) -> bool {
    let active = [CaseState::Unacknowledged, CaseState::Acknowledged];
    state.is_some_and(|state| active.iter().any(|it| it.as_str() == state))
}

/// Whether nobody takes care of the case yet.
fn wants_someone(record: &StepRecord) -> bool {
    record.state.as_deref() == Some(CaseState::Unacknowledged.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_cases::Step;

    fn step(what: What, secs: u32, state: &str, quiet: bool) -> StepRecord {
        StepRecord {
            step: Step {
                what,
                by: "operator:alice".to_owned(),
                at: Timestamp::from_secs(secs),
                why: None,
                to: None,
            },
            source: "devices/1".to_owned(),
            condition: "man-down".to_owned(),
            severity: Some(Severity::Emergency),
            customer: None,
            state: Some(state.to_owned()),
            quiet,
        }
    }

    /// What the steps mean: `a` an alarm, `+3` accepted after 3 s, `-3` given up after 3 s, `|3` no
    /// longer active after 3 s, `.` nothing.
    fn meanings(steps: &[(What, u32, &str, bool)]) -> Vec<String> {
        let mut tracked = Tracked::new("devices/1", "man-down");
        let follow = |(what, secs, state, quiet): &(What, u32, &str, bool)| {
            let meaning = tracked.step(&step(*what, *secs, state, *quiet));
            let since = |at: Timestamp| Timestamp::from_secs(*secs).since(at).as_secs();
            let mut said = String::new();
            if meaning.alarm {
                said.push('a');
            }
            if let Some(at) = meaning.was_active_since {
                said.push_str(&format!("|{}", since(at)));
            }
            if let Some(call) = meaning.answered {
                let sign = if meaning.accepted { '+' } else { '-' };
                said.push_str(&format!("{sign}{}", since(call.since)));
            }
            if said.is_empty() {
                ".".to_owned()
            } else {
                said
            }
        };
        steps.iter().map(follow).collect()
    }

    const UNACK: &str = "unacknowledged";
    const ACK: &str = "acknowledged";

    #[test]
    fn a_call_lasts_from_the_raise_to_the_first_acknowledgement() {
        let life = [
            (What::Raised, 100, UNACK, false),
            (What::Repeated, 103, UNACK, false),
            (What::Acknowledged, 108, ACK, false),
            (What::Commented, 109, ACK, false),
            (What::Cleared, 120, "cleared", false),
            (What::Closed, 130, "closed", false),
        ];
        assert_eq!(meanings(&life), ["a", ".", "+8", ".", "|20", "."]);
    }

    #[test]
    fn a_new_occurrence_is_a_new_call() {
        let life = [
            (What::Raised, 100, UNACK, false),
            (What::Acknowledged, 104, ACK, false),
            (What::Cleared, 110, "cleared", false),
            (What::Repeated, 120, UNACK, false),
            (What::Cleared, 125, "cleared-unacknowledged", false),
            (What::Repeated, 130, UNACK, false),
            (What::Acknowledged, 137, ACK, false),
        ];
        assert_eq!(meanings(&life), ["a", "+4", "|10", "a", "|5", "a", "+17"]);
    }

    #[test]
    fn who_is_quiet_calls_nobody_until_the_shelf_ends() {
        let life = [
            (What::Raised, 100, UNACK, true),
            (What::Repeated, 110, UNACK, true),
            (What::Unshelved, 200, UNACK, false),
            (What::Acknowledged, 206, ACK, false),
            (What::Shelved, 210, ACK, true),
            (What::Unshelved, 220, ACK, false),
        ];
        assert_eq!(meanings(&life), [".", ".", "a", "+6", ".", "a"]);
    }

    #[test]
    fn a_call_that_is_shelved_or_closed_was_not_accepted() {
        let life = [
            (What::Raised, 100, UNACK, false),
            (What::Shelved, 130, UNACK, true),
            (What::Cleared, 140, "cleared-unacknowledged", true),
            (What::Unshelved, 150, "cleared-unacknowledged", false),
            (What::Repeated, 160, UNACK, false),
            (What::Closed, 190, "closed", false),
        ];
        assert_eq!(meanings(&life), ["a", "-30", "|40", ".", "a", "|30-30"]);
    }
}
