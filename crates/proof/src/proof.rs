//! The fold over the audit trail.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use jiff::civil::Date;
use spica_cases::{Case, CaseId, Severity, StepRecord, What};
use spica_model::Timestamp;

use crate::calendar::Calendar;
use crate::call::{Call, Counts, Tracked};
use crate::rates::Rates;
use crate::report::{AlarmRates, Hour, Month, Priority, Report, Stale};
use crate::responses::{ByName, Calls, Fate, REST, Tally, Times};
use crate::sources::Sources;
use crate::{Options, OptionsError};

/// Open cases that are followed, most.
const OPEN: usize = 250_000;

/// Folds the steps of cases, in the order of the journal, into a [`Report`]. Steps from before and
/// after the time of the report are welcome: the first tell which cases were open, the others how
/// calls of the report were answered.
#[derive(Debug, Clone)]
pub struct Proof {
    options: Options,
    calendar: Calendar,
    open: BTreeMap<CaseId, Tracked>,
    open_max: usize,
    calls: Calls,
    people: ByName<String, Times>,
    hours: [(Tally, u64); 24],
    months: BTreeMap<Date, (Tally, u64)>,
    rates: Rates,
    sources: Sources,
    stale: u64,
    counts: Counts,
}

impl Proof {
    /// A fold that has seen nothing.
    ///
    /// # Errors
    /// If the options make no sense.
    pub fn new(options: Options) -> Result<Self, OptionsError> {
        let calendar = Calendar::new(options.check()?);
        let days = calendar.days(options.from, options.to);
        Ok(Self {
            rates: Rates::new(&options, &calendar),
            months: days
                .map(|day| (day.first_of_month(), Default::default()))
                .collect(),
            calendar,
            open: BTreeMap::new(),
            open_max: OPEN,
            calls: Calls::default(),
            people: ByName::default(),
            hours: Default::default(),
            sources: Sources::default(),
            stale: 0,
            counts: Counts::default(),
            options,
        })
    }

    /// Takes the next step: of the case `id`, or of a condition without one.
    pub fn step(&mut self, id: Option<CaseId>, record: &StepRecord) {
        if self.options.covers(record.step.at) {
            self.count(record);
        }
        let Some(id) = id else {
            return;
        };
        if !self.open.contains_key(&id) && self.open.len() >= self.open_max {
            self.counts.untracked += u64::from(record.step.what == What::Raised);
            let mut nobody = Tracked::new(&record.source, &record.condition);
            self.follow(&mut nobody, record);
            if let Some(call) = nobody.call {
                self.answer(call, None);
            }
            return;
        }
        let known = self.open.remove(&id);
        let mut case = known.unwrap_or_else(|| Tracked::new(&record.source, &record.condition));
        self.follow(&mut case, record);
        if record.step.what != What::Closed {
            self.open.insert(id, case);
        }
    }

    /// Takes an open case as it is now, after all steps: for cases whose steps retention has removed.
    /// A closed one, or one whose raise was among the steps, tells nothing new.
    pub fn case(&mut self, case: &Case) {
        let seen = self.open.get(&case.id);
        let missing = seen.is_none_or(|seen| seen.active && seen.since.is_none());
        if !case.is_open() || !missing || (seen.is_none() && self.open.len() >= self.open_max) {
            return;
        }
        let mut tracked = Tracked::new(&case.source, &case.condition);
        tracked.active = case.active;
        tracked.since = case.active.then_some(case.last_raised_at);
        if seen.is_none() && !case.quiet {
            self.alarm(&tracked, case.last_raised_at, case.severity);
            let call = Call {
                since: case.last_raised_at,
                severity: case.severity,
                customer: case.customer.clone(),
            };
            match &case.acknowledged {
                Some(by) => self.answer(call, Some((&by.by, by.at))),
                None => tracked.call = Some(call),
            }
        }
        self.open.insert(case.id, tracked);
    }

    /// Counts what needs to know nothing of the case.
    fn count(&mut self, record: &StepRecord) {
        let Counts {
            repeats,
            quiet,
            shelved,
            suppressed,
            out_of_service,
            ..
        } = &mut self.counts;
        let what = record.step.what;
        if matches!(what, What::Raised | What::Repeated) {
            *quiet += u64::from(record.quiet);
            let StepRecord {
                source,
                condition,
                step,
                ..
            } = record;
            self.sources
                .raise(source, condition, step.at, &self.options);
        }
        match what {
            What::Repeated => *repeats += 1,
            What::Shelved => *shelved += 1,
            What::Suppressed => *suppressed += 1,
            What::OutOfService => *out_of_service += 1,
            _ => {}
        }
    }

    fn follow(&mut self, case: &mut Tracked, record: &StepRecord) {
        let at = record.step.at;
        let meaning = case.step(record);
        if meaning.alarm {
            self.alarm(case, at, record.severity.unwrap_or(Severity::Low));
        }
        if let Some(since) = meaning.was_active_since {
            self.stale += u64::from(self.was_stale(since, at));
        }
        if let Some(call) = meaning.answered {
            let by = meaning.accepted.then_some((record.step.by.as_str(), at));
            self.answer(call, by);
        }
    }

    fn alarm(&mut self, case: &Tracked, at: Timestamp, severity: Severity) {
        if self.options.covers(at) {
            self.rates.add(at, self.calendar.day(at), severity);
            self.sources.alarm(&case.source, &case.condition);
            self.hours[self.calendar.hour(at)].1 += 1;
            self.months.entry(self.calendar.month(at)).or_default().1 += 1;
        }
    }

    /// A call is over: accepted by someone, or not at all.
    fn answer(&mut self, call: Call, by: Option<(&str, Timestamp)>) {
        if !self.options.covers(call.since) {
            return;
        }
        let fate = by.map_or(Fate::Unaccepted, |(_, at)| {
            Fate::Accepted(at.since(call.since))
        });
        if let Some((by, _)) = by {
            self.people.of(by.to_owned()).add(fate, &self.options);
        }
        self.settle(call, fate);
    }

    fn settle(&mut self, call: Call, fate: Fate) {
        if call.severity >= self.options.judged {
            let (hour, month) = (
                self.calendar.hour(call.since),
                self.calendar.month(call.since),
            );
            self.hours[hour].0.add(fate, &self.options);
            self.months
                .entry(month)
                .or_default()
                .0
                .add(fate, &self.options);
        }
        self.calls.add(call, fate, &self.options);
    }

    /// Whether something that was active from one time to another was stale within the report.
    fn was_stale(&self, since: Timestamp, until: Timestamp) -> bool {
        let from = since.saturating_add(self.options.stale_after);
        from < until && from < self.options.to && until > self.options.from
    }

    /// The report.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let (stale, stale_now) = self.settle_open();
        let rates = self.alarm_rates(stale, stale_now);
        let mut people: Vec<_> = self
            .people
            .each()
            .map(|(name, times)| (name.clone(), times.summary()))
            .collect();
        people.sort_by_key(|(_, summary)| Reverse(summary.accepted));
        people.extend(
            self.people
                .rest()
                .map(|times| (REST.to_owned(), times.summary())),
        );
        let hour = |(tally, alarms): (Tally, u64)| Hour {
            responses: tally.summary(),
            alarms,
        };
        let month = |(first, (tally, alarms)): (&Date, &(Tally, u64))| Month {
            first: *first,
            responses: tally.summary(),
            alarms: *alarms,
        };
        Report {
            all: self.calls.all(),
            customers: self.calls.customers(),
            people,
            hours: self.hours.map(hour),
            months: self.months.iter().map(month).collect(),
            days: self.rates.days(),
            rates,
            counts: self.counts,
            options: self.options,
        }
    }

    /// What becomes of the cases that are still open: how many alarms were stale, and the oldest that
    /// are.
    fn settle_open(&mut self) -> (u64, Vec<Stale>) {
        let Options {
            to,
            slow,
            fast,
            top,
            ..
        } = self.options;
        let mut stale_now = Vec::new();
        for (id, case) in std::mem::take(&mut self.open) {
            if let Some(call) = case.call.filter(|call| self.options.covers(call.since)) {
                let young = to.since(call.since) < slow.within.max(fast.within);
                let fate = if young {
                    Fate::Undecided
                } else {
                    Fate::Unaccepted
                };
                self.settle(call, fate);
            }
            if let Some(since) = case.since.filter(|since| self.was_stale(*since, to)) {
                self.stale += 1;
                stale_now.push(Stale {
                    case: id,
                    source: case.source,
                    condition: case.condition,
                    since,
                });
            }
        }
        // Stable: by case where they are as old.
        stale_now.sort_by_key(|stale| stale.since);
        stale_now.truncate(top);
        (self.stale, stale_now)
    }

    fn alarm_rates(&self, stale: u64, stale_now: Vec<Stale>) -> AlarmRates {
        let floods = self.rates.floods(&self.options);
        let (top, others) = self.sources.top(&self.options);
        let (chatters, chattering) = self.sources.chatters(&self.options);
        let [low, medium, high, emergency] = self.rates.severities();
        let priority = |severities, alarms, wanted_percent| Priority {
            severities,
            alarms,
            wanted_percent,
        };
        let limit = u64::from(self.options.per_day) * u64::from(self.options.operators);
        let days = self.rates.days();
        AlarmRates {
            alarms: low + medium + high + emergency,
            periods: self.rates.periods(),
            peak: floods.peak,
            flood_periods: floods.periods,
            floods: floods.count,
            longest_floods: floods.longest,
            days_above: days.iter().filter(|day| day.total() > limit).count() as u64,
            top,
            others,
            chattering,
            chatters,
            stale,
            stale_now,
            priorities: [
                priority(&[Severity::Emergency], emergency, 5),
                priority(&[Severity::High], high, 15),
                priority(&[Severity::Medium, Severity::Low], low + medium, 80),
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_cases::Step;

    #[test]
    fn cases_beyond_the_limit_are_counted_but_not_followed() {
        let at = Timestamp::from_secs;
        let mut proof = Proof::new(Options::new("root", at(0), at(86_400))).unwrap();
        proof.open_max = 2;
        for (what, state, secs) in [
            (What::Raised, "unacknowledged", 10),
            (What::Acknowledged, "acknowledged", 15),
        ] {
            for number in 1..=3 {
                let record = StepRecord {
                    step: Step {
                        what,
                        by: "operator:a".to_owned(),
                        at: at(secs),
                        why: None,
                        to: None,
                    },
                    source: number.to_string(),
                    condition: "man-down".to_owned(),
                    severity: Some(Severity::Emergency),
                    customer: None,
                    state: Some(state.to_owned()),
                    quiet: false,
                };
                proof.step(Some(CaseId { epoch: 1, number }), &record);
            }
        }
        let report = proof.finish();
        assert_eq!((report.rates.alarms, report.counts.untracked), (3, 1));
        // That nobody is known to have accepted the third is the careful reading.
        assert_eq!((report.all.judged.calls, report.all.judged.fast), (3, 2));
    }
}
