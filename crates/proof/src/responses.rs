//! How fast calls were accepted.

use std::collections::BTreeMap;
use std::time::Duration;

use spica_cases::Severity;

use crate::Options;
use crate::call::Call;
use crate::durations::Durations;
use crate::report::{BINS_S, Responses, Summary};

/// Customers and people that are counted each, most.
pub(crate) const NAMES: usize = 500;
/// What the rest is called.
pub(crate) const REST: &str = "…";

/// What became of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Accepted(Duration),
    Unaccepted,
    /// Too young at the end of the report.
    Undecided,
}

/// Counts without quantiles.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally(Summary);

impl Tally {
    pub(crate) fn add(&mut self, fate: Fate, options: &Options) {
        let Self(summary) = self;
        match fate {
            Fate::Undecided => summary.undecided += 1,
            Fate::Unaccepted => summary.calls += 1,
            Fate::Accepted(after) => {
                summary.calls += 1;
                summary.accepted += 1;
                summary.fast += u64::from(after <= options.fast.within);
                summary.slow += u64::from(after <= options.slow.within);
                summary.worst = summary.worst.max(Some(after));
            }
        }
    }

    pub(crate) const fn summary(&self) -> Summary {
        self.0
    }
}

/// Counts and quantiles.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times {
    tally: Tally,
    durations: Durations,
}

impl Times {
    pub(crate) fn add(&mut self, fate: Fate, options: &Options) {
        self.tally.add(fate, options);
        if let Fate::Accepted(after) = fate {
            self.durations.add(after);
        }
    }

    pub(crate) fn summary(&self) -> Summary {
        Summary {
            p50: self.durations.quantile(50),
            p95: self.durations.quantile(95),
            worst: (self.tally.0.accepted > 0).then(|| self.durations.worst()),
            ..self.tally.0
        }
    }
}

/// The calls of all customers or one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    judged: Times,
    severities: [Times; 4],
    bins: [u64; BINS_S.len() + 1],
}

impl Group {
    pub(crate) fn add(&mut self, severity: Severity, fate: Fate, options: &Options) {
        self.severities[severity as usize].add(fate, options);
        if severity >= options.judged {
            self.judged.add(fate, options);
            if let Fate::Accepted(after) = fate {
                self.bins[bin(after)] += 1;
            }
        }
    }

    pub(crate) fn responses(&self, customer: Option<String>) -> Responses {
        Responses {
            customer,
            judged: self.judged.summary(),
            severities: [0, 1, 2, 3].map(|at| self.severities[at].summary()),
            bins: self.bins,
        }
    }
}

/// The bin of a response time.
fn bin(after: Duration) -> usize {
    let within = |limit: &u64| after <= Duration::from_secs(*limit);
    BINS_S.iter().position(within).unwrap_or(BINS_S.len())
}

/// Something for each name, and for all beyond [`NAMES`] together.
#[derive(Debug, Clone)]
pub(crate) struct ByName<K, T> {
    each: BTreeMap<K, T>,
    rest: Option<T>,
}

impl<K, T> Default for ByName<K, T> {
    fn default() -> Self {
        Self {
            each: BTreeMap::new(),
            rest: None,
        }
    }
}

impl<K: Ord, T: Default> ByName<K, T> {
    pub(crate) fn of(&mut self, name: K) -> &mut T {
        if self.each.len() >= NAMES && !self.each.contains_key(&name) {
            return self.rest.get_or_insert_with(T::default);
        }
        self.each.entry(name).or_default()
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = (&K, &T)> {
        self.each.iter()
    }

    pub(crate) const fn rest(&self) -> Option<&T> {
        self.rest.as_ref()
    }
}

/// All calls, and those of each customer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calls {
    all: Group,
    customers: ByName<Option<String>, Group>,
}

impl Calls {
    pub(crate) fn add(&mut self, call: Call, fate: Fate, options: &Options) {
        self.all.add(call.severity, fate, options);
        let customer = self.customers.of(call.customer);
        customer.add(call.severity, fate, options);
    }

    pub(crate) fn all(&self) -> Responses {
        self.all.responses(None)
    }

    /// Each customer, most judged calls first, the rest last.
    pub(crate) fn customers(&self) -> Vec<Responses> {
        let each = self.customers.each();
        let mut found: Vec<_> = each
            .map(|(name, group)| group.responses(name.clone()))
            .collect();
        // Stable: by name where the calls are as many.
        found.sort_by_key(|responses| std::cmp::Reverse(responses.judged.calls));
        let rest = self.customers.rest();
        found.extend(rest.map(|group| group.responses(Some(REST.to_owned()))));
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_end_at_their_limits() {
        for (millis, want) in [(0, 0), (5_000, 0), (5_001, 1), (40_000, 3), (600_001, 8)] {
            assert_eq!(bin(Duration::from_millis(millis)), want, "{millis}");
        }
    }

    #[test]
    fn names_beyond_the_limit_are_counted_together() {
        let mut names = ByName::<usize, u64>::default();
        for name in (0..NAMES + 7).chain(0..3) {
            *names.of(name) += 1;
        }
        assert_eq!(names.each().count(), NAMES);
        assert_eq!(names.each().map(|(_, n)| n).sum::<u64>(), NAMES as u64 + 3);
        assert_eq!(names.rest(), Some(&7));
    }
}
