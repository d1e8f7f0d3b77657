//! What no schema can say: values that contradict each other or the machine.

mod addresses;
mod alarms;
mod automation;
mod machine;
mod mqtt;
mod paths;
mod sizes;
mod station;

use super::Config;
use super::finding::{Code, Finding, Severity};
use super::load::Draft;
use super::tree::KeyPath;

pub(super) use machine::Machine;

/// What the rules look at, and where they report.
pub(super) struct Rules<'a> {
    pub(super) draft: &'a mut Draft<Config>,
    pub(super) machine: Machine,
}

/// What a rule found: the keys it is about, the first of them to blame.
struct Breach<'a> {
    code: Code,
    severity: Severity,
    message: String,
    help: String,
    /// Keys and what to write under their values.
    keys: &'a [(&'a str, String)],
}

impl Rules<'_> {
    /// Checks all rules.
    pub(super) fn check(&mut self) {
        self.addresses();
        self.sizes();
        self.paths();
        self.station();
        self.alarms();
        self.automation();
        self.mqtt();
        self.machine();
    }

    /// Reports, unless one of the keys was wrong already: a default that stands in for what was
    /// meant, or what another rule has blamed, says nothing more.
    fn report(&mut self, breach: Breach<'_>) {
        let Draft {
            tree,
            removed,
            findings,
            ..
        } = &mut *self.draft;
        let mut paths: Vec<_> = breach
            .keys
            .iter()
            .map(|(key, label)| (KeyPath::dotted(key), label))
            .collect();
        let judged = |path: &KeyPath| {
            removed
                .iter()
                .any(|gone| gone.holds(path) || path.holds(gone))
        };
        if paths.iter().any(|(path, _)| judged(path)) {
            return;
        }
        // A default is not to blame for what was written against it.
        paths.sort_by_key(|(path, _)| tree.at(path).is_none());
        let mut finding = match breach.severity {
            Severity::Error => Finding::error(breach.code, breach.message),
            Severity::Warning => Finding::warning(breach.code, breach.message),
        };
        finding.key = paths.first().map(|(path, _)| path.clone());
        finding.help = Some(breach.help).filter(|help| !help.is_empty());
        for (path, label) in &paths {
            if let Some(node) = tree.at(path) {
                finding.labels.push((node.place.clone(), (*label).clone()));
            }
        }
        if breach.severity == Severity::Error {
            removed.extend(finding.key.clone());
        }
        findings.push(finding);
    }

    /// A value for a message, which says so if it is the default: nothing can point at it then.
    fn value(&self, key: &str, value: impl std::fmt::Display) -> String {
        match self.draft.tree.at(&KeyPath::dotted(key)) {
            Some(_) => value.to_string(),
            None => format!("{value}, the default"),
        }
    }
}
