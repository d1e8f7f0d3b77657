//! `[[plans]]`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use spica_cases::Severity;
use spica_model::TopicFilter;
use spica_settings::Span;

use super::fields::{self, NAME_BYTES};
use super::targets;
use super::templates::condition_name;
use super::walk::{Item, Report, Table};
use crate::Plans;
use crate::plans::{DEFAULT_FALLBACK_AFTER, Match, Plan, Step};

/// Most plans.
const PLANS: usize = 1_000;
/// Most steps of one plan.
const STEPS: usize = 20;
/// Most names in one list of a match.
const MATCHES: usize = 1_000;
/// Most repetitions of the last step.
const REPEATS: u32 = 100;
/// Most attempts of one notice.
const ATTEMPTS: u32 = 1_000;

const SECOND: Span = Span::from_secs(1);
const DAY: Span = Span::from_days(1);
/// How long before a step, at most.
const DELAY: (Span, Span) = (Span::ZERO, Span::from_days(7));
const REPEAT_EVERY: (Span, Span) = (Span::from_secs(10), DAY);
const FALLBACK_AFTER: (Span, Span) = (SECOND, Span::from_hours(1));
const EMERGENCY_FOR: (Span, Span) = (Span::from_mins(1), DAY);

/// What steps may name.
pub(super) struct Known<'a> {
    pub(super) plans: &'a Plans,
    pub(super) channels: BTreeSet<&'a str>,
    pub(super) people: BTreeSet<&'a str>,
    pub(super) rotas: BTreeSet<&'a str>,
}

/// `all` has channels, people, rotas and the time zone.
pub(super) fn plans(item: &Item<'_>, all: &Plans, report: &mut Report<'_>) -> Vec<Plan> {
    let all = &Known {
        plans: all,
        channels: keys(&all.channels),
        people: keys(&all.people),
        rotas: keys(&all.rotas),
    };
    let items = item.list(PLANS, report).unwrap_or_default();
    let mut plans: Vec<Plan> = Vec::new();
    for item in items {
        let Some(plan) = plan(&item, all, report) else {
            continue;
        };
        if plans.iter().any(|other| other.name == plan.name) {
            report.add(
                &item.at,
                format_args!("there are two plans with the name {:?}", plan.name),
            );
        }
        if let Some(wider) = plans
            .iter()
            .find(|other| other.matches.covers(&plan.matches))
        {
            let reason = "this plan is never reached: whatever it matches is matched by the plan";
            let name = &wider.name;
            report.add(
                &item.at,
                format_args!("{reason} {name:?} before it. Put it before that one"),
            );
        }
        plans.push(plan);
    }
    plans
}

fn plan(item: &Item<'_>, all: &Known<'_>, report: &mut Report<'_>) -> Option<Plan> {
    let mut table = item.table(report)?;
    let name = table
        .need("name", report)
        .and_then(|item| item.text(NAME_BYTES, report));
    let matches = table
        .get("match")
        .map(|item| matches(&item, report))
        .unwrap_or_default();
    let steps = table
        .need("steps", report)
        .map(|item| steps(&item, all, report));
    let mut long = |key, (bounds, default)| {
        let item = table.get(key);
        item.and_then(|item| item.duration(bounds, report))
            .unwrap_or(default)
    };
    let repeat_every = long("repeat_every", (REPEAT_EVERY, Duration::from_secs(300)));
    let fallback_after = long("fallback_after", (FALLBACK_AFTER, DEFAULT_FALLBACK_AFTER));
    let emergency_for = long("emergency_for", (EMERGENCY_FOR, Duration::from_secs(3_600)));
    let mut count = |key, (bounds, default)| {
        let item = table.get(key);
        item.and_then(|item| item.whole(bounds, report))
            .unwrap_or(default)
    };
    let repeat = count("repeat", ((0, REPEATS), 3));
    let attempts = count("attempts", ((1, ATTEMPTS), 10));
    let mut truth = |key| table.get(key).and_then(|item| item.truth(report));
    let stop_on_clear = truth("stop_on_clear").unwrap_or(false);
    let notify_cleared = truth("notify_cleared");
    let notify_closed = truth("notify_closed").unwrap_or(false);
    let quiet = fields::quiet_hours(&mut table, all.plans.zone.clone(), report);
    table.finish(report);
    Some(Plan {
        name: name?.to_owned(),
        matches,
        steps: steps?,
        repeat,
        repeat_every,
        stop_on_clear,
        notify_cleared,
        notify_closed,
        fallback_after,
        attempts,
        emergency_for,
        quiet,
    })
}

impl Default for Match {
    fn default() -> Self {
        Self {
            severity: Severity::Low,
            conditions: Vec::new(),
            customers: Vec::new(),
            sources: Vec::new(),
        }
    }
}

fn matches(item: &Item<'_>, report: &mut Report<'_>) -> Match {
    let Some(mut table) = item.table(report) else {
        return Match::default();
    };
    let severity = table.get("severity").and_then(|item| item.parsed(report));
    let conditions = texts(&mut table, "conditions", report);
    for (name, item) in &conditions {
        condition_name(name, item, report);
    }
    let customers = texts(&mut table, "customers", report);
    let sources = texts(&mut table, "sources", report);
    let sources = sources.iter().filter_map(|(text, item)| {
        let filter = TopicFilter::new(*text);
        filter.map_err(|error| report.add(&item.at, error)).ok()
    });
    let sources = sources.collect();
    table.finish(report);
    let plain = |list: Vec<(&str, _)>| list.into_iter().map(|(text, _)| text.to_owned()).collect();
    Match {
        severity: severity.unwrap_or(Severity::Low),
        conditions: plain(conditions),
        customers: plain(customers),
        sources,
    }
}

/// A list of texts, not empty if it is there: an empty one would say "any" and look like "none".
fn texts<'a>(
    table: &mut Table<'a>,
    key: &'static str,
    report: &mut Report<'_>,
) -> Vec<(&'a str, Item<'a>)> {
    let Some(item) = table.get(key) else {
        return Vec::new();
    };
    let items = item.list(MATCHES, report);
    if items.as_ref().is_some_and(Vec::is_empty) {
        report.add(
            &item.at,
            format_args!("an empty list would match nothing; leave `{key}` out to match all"),
        );
    }
    let texts = items.unwrap_or_default().into_iter().filter_map(|item| {
        let text = item.text(1_000, report)?;
        Some((text, item))
    });
    texts.collect()
}

fn steps(item: &Item<'_>, all: &Known<'_>, report: &mut Report<'_>) -> Vec<Step> {
    let items = item.list(STEPS, report).unwrap_or_default();
    if items.is_empty() {
        report.add(&item.at, "a plan has at least one step");
    }
    let mut before = Duration::ZERO;
    let mut steps = Vec::new();
    for item in items {
        let Some(mut table) = item.table(report) else {
            continue;
        };
        let after = table.get("after");
        let delay = after
            .as_ref()
            .and_then(|item| item.duration(DELAY, report))
            .unwrap_or_default();
        if let Some(item) = after.filter(|_| delay < before) {
            let reason = "a step cannot come before the step above it: delays count from the raise";
            report.add(&item.at, reason);
        }
        before = before.max(delay);
        let targets = targets::targets(&mut table, all, report);
        table.finish(report);
        steps.push(Step {
            after: delay,
            targets,
        });
    }
    steps
}

/// The names that a map has.
fn keys<T>(map: &BTreeMap<String, T>) -> BTreeSet<&str> {
    map.keys().map(String::as_str).collect()
}
