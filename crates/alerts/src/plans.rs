//! The plan file as it is used: who is told what, in which order.

use std::collections::BTreeMap;
use std::time::Duration;

use spica_cases::{Case, Severity, Threshold};
use spica_model::{Topic, TopicFilter};

use crate::quiet::QuietHours;
use crate::rota::Rota;
use crate::texts::{AllTexts, Texts, built_in};
use crate::zone::Zone;
use crate::{ChannelKind, Destination, Language};

/// How long a notice may take before a fallback is tried, unless the plan says it.
pub(crate) const DEFAULT_FALLBACK_AFTER: Duration = Duration::from_secs(30);

/// The plan file, read and checked: every name in it leads somewhere. Made by [`Plans::parse`].
#[derive(Debug, Clone)]
pub struct Plans {
    pub(crate) language: Language,
    pub(crate) zone: Zone,
    pub(crate) link_base: Option<String>,
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) people: BTreeMap<String, Person>,
    pub(crate) rotas: BTreeMap<String, Rota>,
    /// In the order of the file: the first that matches counts.
    pub(crate) plans: Vec<Plan>,
    pub(crate) thresholds: Vec<Threshold>,
    /// Built-in languages and those of the file.
    pub(crate) texts: AllTexts,
}

/// One thing that is wrong in a plan file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("line {line}, column {column}: {path}: {reason}")]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong, as a path into the file: `plans[2].steps[1].after`; empty for the whole file.
    pub path: String,
    /// What is wrong with it, and what is allowed.
    pub reason: String,
}

/// The table of a channel as its adapter reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChannelTable<'a> {
    /// Its name in the file.
    pub name: &'a str,
    /// One of the kinds that were given to [`Plans::parse`].
    pub kind: &'a str,
    /// Everything in it but `kind`.
    pub table: &'a toml::Table,
    /// The line of its header, from 1.
    pub line: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) kind: ChannelKind,
    pub(crate) table: toml::Table,
    pub(crate) line: usize,
}

#[derive(Debug, Clone)]
pub(crate) struct Person {
    /// For people.
    pub(crate) name: String,
    pub(crate) language: Language,
    /// What times in messages are shown in.
    pub(crate) zone: Zone,
    /// In the order in which they are tried.
    pub(crate) addresses: Vec<Destination>,
    pub(crate) quiet: QuietHours,
}

#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) matches: Match,
    /// Never empty; the delays never decrease.
    pub(crate) steps: Vec<Step>,
    pub(crate) repeat: u32,
    pub(crate) repeat_every: Duration,
    pub(crate) stop_on_clear: bool,
    /// `None`: only channels whose receivers keep alarms of their own.
    pub(crate) notify_cleared: Option<bool>,
    pub(crate) notify_closed: bool,
    pub(crate) fallback_after: Duration,
    pub(crate) attempts: u32,
    pub(crate) emergency_for: Duration,
    pub(crate) quiet: QuietHours,
}

/// Which cases a plan is for. An empty list matches everything.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Match {
    pub(crate) severity: Severity,
    pub(crate) conditions: Vec<String>,
    pub(crate) customers: Vec<String>,
    pub(crate) sources: Vec<TopicFilter>,
}

#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub(crate) after: Duration,
    /// Never empty.
    pub(crate) targets: Vec<Target>,
}

/// Whom a step tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    Person {
        name: String,
        /// Only these, in this order; empty for all that the person has.
        channels: Vec<String>,
    },
    Rota {
        name: String,
        place: Place,
        channels: Vec<String>,
    },
    Receiver(Destination),
}

/// Which of the people on duty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Counted from 0.
    At(usize),
    All,
}

impl Plans {
    /// No plan: nobody is told of anything.
    #[must_use]
    pub fn none() -> Self {
        Self {
            language: Language::ENGLISH,
            zone: Zone::UTC,
            link_base: None,
            channels: BTreeMap::new(),
            people: BTreeMap::new(),
            rotas: BTreeMap::new(),
            plans: Vec::new(),
            thresholds: Vec::new(),
            texts: built_in().clone(),
        }
    }

    /// The channels by name.
    pub fn channels(&self) -> impl Iterator<Item = ChannelTable<'_>> {
        self.channels.iter().map(|(name, channel)| ChannelTable {
            name,
            kind: channel.kind.name,
            table: &channel.table,
            line: channel.line,
        })
    }

    /// The limits on values, in the order of the file, for [`Rules`](spica_cases::Rules).
    #[must_use]
    pub fn thresholds(&self) -> &[Threshold] {
        &self.thresholds
    }

    /// What signed links begin with, without a slash at the end, such as
    /// `https://alarms.example.org`.
    #[must_use]
    pub fn link_base(&self) -> Option<&str> {
        self.link_base.as_deref()
    }

    /// The words of a language; those of English if there are none, which [`Plans::parse`] excludes.
    pub(crate) fn texts(&self, language: Language) -> &Texts {
        let texts = self.texts.get(&language);
        texts.unwrap_or_else(|| &built_in()[&Language::ENGLISH])
    }

    /// The first plan that is for the case.
    pub(crate) fn plan_of(&self, case: &Case) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.matches.is_for(case))
    }

    pub(crate) fn plan(&self, name: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.name == name)
    }
}

impl Person {
    /// Where they are reached: by these channels in this order, or by all of theirs.
    pub(crate) fn reached_by(&self, channels: &[String]) -> Vec<Destination> {
        if channels.is_empty() {
            return self.addresses.clone();
        }
        let by = |channel: &String| self.addresses.iter().find(|to| to.channel == *channel);
        channels.iter().filter_map(by).cloned().collect()
    }
}

impl Match {
    fn is_for(&self, case: &Case) -> bool {
        let any_or = |list: &[String], value: Option<&str>| {
            list.is_empty() || list.iter().any(|item| Some(item.as_str()) == value)
        };
        case.severity >= self.severity
            && any_or(&self.conditions, Some(&case.condition))
            && any_or(&self.customers, case.customer.as_deref())
            && self.has_source(&case.source)
    }

    fn has_source(&self, source: &str) -> bool {
        let Ok(source) = Topic::new(source) else {
            return self.sources.is_empty();
        };
        self.sources.is_empty() || self.sources.iter().any(|filter| filter.matches(&source))
    }

    /// Whether it matches whatever the other one matches.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let all_in = |mine: &[String], theirs: &[String]| {
            mine.is_empty() || (!theirs.is_empty() && theirs.iter().all(|item| mine.contains(item)))
        };
        let within = |filter: &TopicFilter| {
            let wider = |own: &TopicFilter| filter_covers(own.as_str(), filter.as_str());
            self.sources.iter().any(wider)
        };
        self.severity <= other.severity
            && all_in(&self.conditions, &other.conditions)
            && all_in(&self.customers, &other.customers)
            && (self.sources.is_empty()
                || (!other.sources.is_empty() && other.sources.iter().all(within)))
    }
}

/// Whether every topic that the filter `narrow` matches is matched by `wide`.
fn filter_covers(wide: &str, narrow: &str) -> bool {
    let mut narrow = narrow.split('/');
    for level in wide.split('/') {
        match (level, narrow.next()) {
            ("#", _) => return true,
            (_, None | Some("#")) => return false,
            ("+", Some(_)) => {}
            (literal, Some(other)) if literal == other => {}
            _ => return false,
        }
    }
    narrow.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wider_filters_cover_narrower_ones() {
        for (wide, narrow, want) in [
            ("#", "a/b", true),
            ("devices/#", "devices/+", true),
            ("devices/+", "devices/#", false),
            ("devices/+", "devices/7", true),
            ("devices/7", "devices/+", false),
            ("a/b", "a/b", true),
            ("a/b", "a/b/c", false),
            ("a/#", "a", true),
            ("a/b/#", "a", false),
        ] {
            assert_eq!(filter_covers(wide, narrow), want, "{wide} over {narrow}");
        }
    }
}
