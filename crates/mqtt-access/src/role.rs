//! Roles: named lists of rules.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pattern::Pattern;
use crate::who::Who;

/// What a client wants to do with a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Publish to it; also by a will.
    Publish,
    /// Subscribe to a filter.
    Subscribe,
}

/// How the rules of a role decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decide {
    /// A set: whatever a rule denies is denied, wherever it stands.
    #[default]
    DenyWins,
    /// A list: the first rule that says something decides.
    InOrder,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Allows.
    Allow,
    /// Denies.
    Deny,
}

/// A rule of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// What it does.
    pub effect: Effect,
    /// Whether it is about publishing.
    pub publish: bool,
    /// Whether it is about subscribing.
    pub subscribe: bool,
    /// Where: any of these.
    pub filters: Vec<Pattern>,
}

/// A role: what those who have it may do. Nothing but what a rule allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: Arc<str>,
    /// How its rules decide.
    pub decide: Decide,
    /// Its rules.
    pub rules: Vec<Rule>,
}

/// What a role says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allowed,
    /// By the rule with this number, from 1.
    Denied(usize),
    /// No rule says anything.
    Silent,
}

impl Rule {
    fn is_about(&self, action: Action) -> bool {
        match action {
            Action::Publish => self.publish,
            Action::Subscribe => self.subscribe,
        }
    }

    /// Whether the rule says something: one that allows only if it allows all of it, one that denies
    /// as soon as it denies some of it.
    fn speaks(&self, who: &Who<'_>, filter: &str) -> bool {
        self.filters.iter().any(|own| match self.effect {
            Effect::Allow => own.covers(who, filter),
            Effect::Deny => own.overlaps(who, filter),
        })
    }
}

impl Role {
    /// What this role says of a filter, or of a topic.
    pub(crate) fn verdict(&self, who: &Who<'_>, action: Action, filter: &str) -> Verdict {
        let mut verdict = Verdict::Silent;
        for (at, rule) in self.rules.iter().enumerate() {
            let is_settled = verdict == Verdict::Allowed && rule.effect == Effect::Allow;
            if is_settled || !rule.is_about(action) || !rule.speaks(who, filter) {
                continue;
            }
            match rule.effect {
                Effect::Deny => return Verdict::Denied(at + 1),
                Effect::Allow if self.decide == Decide::InOrder => return Verdict::Allowed,
                Effect::Allow => verdict = Verdict::Allowed,
            }
        }
        verdict
    }

    /// The role of a token of this name, if there is one: see [`Role::built_in`].
    pub const BUILT_IN: [&'static str; 4] = ["reader", "operator", "admin", "device"];

    /// What the roles of Spica's tokens may do over MQTT.
    ///
    /// | role | may subscribe | may publish |
    /// |---|---|---|
    /// | `reader` | everything, and `$SYS/#` | nothing |
    /// | `operator` | everything, and `$SYS/#` | everything that is not reserved |
    /// | `admin` | everything, and `$SYS/#` | everything that is not reserved |
    /// | `device` | `devices/%s/commands/#` | `devices/%s/data/#`, `devices/%s/commands/+/response` |
    ///
    /// *Everything* is without what is [hidden](crate::HIDDEN), which no MQTT client gets;
    /// [reserved](crate::RESERVED) subtrees are written by the node itself, for whom there are the
    /// HTTP interface and the command line. So an admin may do no more here than an operator.
    #[must_use]
    pub fn built_in() -> Vec<Self> {
        let everything = ["#", "$SYS/#"];
        let people = [
            ("reader", [].as_slice()),
            ("operator", ["#"].as_slice()),
            ("admin", ["#"].as_slice()),
        ];
        let people = people.map(|(name, publish)| Self::allowing(name, publish, &everything));
        let publish = ["devices/%s/data/#", "devices/%s/commands/+/response"];
        let device = Self::allowing("device", &publish, &["devices/%s/commands/#"]);
        people.into_iter().chain([device]).collect()
    }

    fn allowing(name: &str, publish: &[&str], subscribe: &[&str]) -> Self {
        let rule = |filters: &[&str], is_publish: bool| Rule {
            effect: Effect::Allow,
            publish: is_publish,
            subscribe: !is_publish,
            filters: filters.iter().filter_map(|it| it.parse().ok()).collect(),
        };
        Self {
            name: name.into(),
            decide: Decide::default(),
            rules: vec![rule(publish, true), rule(subscribe, false)],
        }
    }
}
