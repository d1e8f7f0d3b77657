//! What rules count.

use std::collections::BTreeSet;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use spica_rules::{RuleSet, Verdict};

use crate::journal::NAME;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRule {
    handler: String,
    rule: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

/// The counters of rules: as many as the rules file has rules, for each handler that applies them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    matched: Family<ByRule, Counter>,
    done: Family<ByRule, Counter>,
    failed: Family<ByRule, Counter>,
    looped: Family<ByRule, Counter>,
    reloads: Family<ByOutcome, Counter>,
}

/// The counters of one rule.
#[derive(Debug, Clone)]
struct OfRule {
    matched: Counter,
    done: Counter,
    failed: Counter,
    looped: Counter,
}

/// The counters of all rules of a set, by their number.
#[derive(Debug, Clone)]
pub(crate) struct OfRules(Vec<OfRule>);

impl Metrics {
    /// Makes them known to `registry`, with names that begin with `rule_`.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("rule");
        for (name, help, family) in [
            ("matched", "Records that fulfilled a rule", &self.matched),
            (
                "done",
                "Records for which all that a rule wants was done, repetitions among them",
                &self.done,
            ),
            (
                "failed",
                "Records that a rule failed on; they become dead letters",
                &self.failed,
            ),
            (
                "looped",
                "Records that a rule passed over since they had come through too many rules",
                &self.looped,
            ),
        ] {
            registry.register(name, help, family.clone());
        }
        registry.register(
            "reloads",
            "How often the rules file was read again: taken, or refused for what is wrong with it",
            self.reloads.clone(),
        );
    }

    pub(crate) fn reloaded(&self, is_taken: bool) {
        let outcome = if is_taken { "taken" } else { "refused" };
        self.reloads.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// Drops the counters of rules that were in `before` and are not in `now`.
    pub(crate) fn forget(&self, before: &RuleSet, now: &RuleSet) {
        let now: BTreeSet<&str> = now.names().collect();
        let sinks = before.sinks().iter().map(|it| format!("sink-{}", it.name));
        let handlers: Vec<String> = sinks.chain([NAME.to_owned()]).collect();
        for rule in before.names().filter(|name| !now.contains(name)) {
            for handler in &handlers {
                let labels = ByRule {
                    handler: handler.clone(),
                    rule: rule.to_owned(),
                };
                for family in [&self.matched, &self.done, &self.failed, &self.looped] {
                    family.remove(&labels);
                }
            }
        }
    }

    pub(crate) fn of(&self, handler: &str, set: &RuleSet) -> OfRules {
        let of_rule = |rule: &str| {
            let labels = ByRule {
                handler: handler.to_owned(),
                rule: rule.to_owned(),
            };
            OfRule {
                matched: self.matched.get_or_create(&labels).clone(),
                done: self.done.get_or_create(&labels).clone(),
                failed: self.failed.get_or_create(&labels).clone(),
                looped: self.looped.get_or_create(&labels).clone(),
            }
        };
        OfRules(set.names().map(of_rule).collect())
    }
}

impl OfRules {
    /// Counts what was made of a record, once it is done.
    pub(crate) fn count(&self, verdict: &Verdict) {
        for judged in &verdict.rules {
            let Some(rule) = self.0.get(judged.rule) else {
                continue;
            };
            rule.matched.inc_by(judged.matched.into());
            rule.done.inc_by(judged.matched.into());
            rule.failed.inc_by(judged.failure.is_some().into());
            rule.looped.inc_by(judged.looped.into());
        }
    }
}
