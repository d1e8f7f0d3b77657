//! What a client may do: its roles, and what holds for all.

use std::sync::Arc;

use spica_matcher::covers;

use crate::role::{Action, Role, Verdict};
use crate::who::{Who, WhoError};

/// The first levels that the node itself writes. No MQTT client may, but for what a device says of
/// itself, if its roles allow it: `devices/<its serial>/data/…` and
/// `devices/<its serial>/commands/<id>/response`.
pub const RESERVED: [&str; 7] = [
    "devices", "audit", "system", "alarms", "cases", "handlers", "mqtt",
];

/// What a device may publish below the reserved levels, if its roles allow it: its own data, and
/// answers to its own commands.
const OWN: [&str; 2] = ["data/", "commands/"];

/// What no MQTT client gets, whatever its roles: what the node keeps for itself (tokens, users, keys,
/// the sessions of others), and how far its parts have come, which says nothing to anybody else and
/// would come several times a second.
pub const HIDDEN: [&str; 5] = [
    "system/#",
    "mqtt/#",
    "alarms/mark",
    "handlers/+/place",
    "handlers/+/standing/#",
];

/// Whether the messages of a topic are [hidden](HIDDEN): whoever may subscribe to a wider filter does
/// not get them.
#[must_use]
pub fn is_hidden(topic: &str) -> bool {
    HIDDEN.iter().any(|hidden| covers(hidden, topic))
}

/// Why something is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The topic is written by the node itself, or begins with `$`.
    #[error("{0} is reserved: the node itself writes there")]
    Reserved(String),
    /// Nobody gets what the filter asks for.
    #[error("{0} is hidden from MQTT clients")]
    Hidden(String),
    /// The client has no role.
    #[error("the client has no role, and may do nothing without one")]
    NoRole,
    /// None of its roles has a rule that allows it.
    #[error("no rule of its roles allows it")]
    NotAllowed,
    /// A rule denies it, and no other role allows it.
    #[error("rule {rule} of the role {role} denies it")]
    Rule {
        /// The role.
        role: Arc<str>,
        /// The number of the rule in it, from 1.
        rule: usize,
    },
}

impl Denial {
    /// One word for it, for counters.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Reserved(_) => "reserved",
            Self::Hidden(_) => "hidden",
            Self::NoRole => "no-role",
            Self::NotAllowed => "not-allowed",
            Self::Rule { .. } => "rule",
        }
    }
}

/// What a client may do: the roles that it has. What one of them allows is allowed; a rule that denies
/// binds its own role only. Cheap to clone: clients with the same roles share it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grant(Option<Arc<[Arc<Role>]>>);

impl Grant {
    /// What these roles allow.
    #[must_use]
    pub fn new(roles: impl IntoIterator<Item = Arc<Role>>) -> Self {
        let roles: Arc<[Arc<Role>]> = roles.into_iter().collect();
        Self((!roles.is_empty()).then_some(roles))
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self) -> &[Arc<Role>] {
        self.0.as_deref().unwrap_or_default()
    }

    /// Whether a client may publish to a topic, or subscribe to a filter (also to a shared one:
    /// `$share/<name>/<filter>` is what `<filter>` is).
    ///
    /// A filter is allowed if everything that it matches is: by one rule that covers it, and none that
    /// denies some of it.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, who: &Who<'_>, action: Action, filter: &str) -> Result<(), Denial> {
        let filter = match action {
            Action::Publish => {
                check_reserved(who, filter)?;
                filter
            }
            Action::Subscribe => {
                let filter = shared(filter);
                if HIDDEN.iter().any(|hidden| covers(hidden, filter)) {
                    return Err(Denial::Hidden(filter.to_owned()));
                }
                filter
            }
        };
        let mut denial = match self.0 {
            Some(_) => Denial::NotAllowed,
            None => Denial::NoRole,
        };
        for role in self.roles() {
            match role.verdict(who, action, filter) {
                Verdict::Allowed => return Ok(()),
                Verdict::Silent => {}
                Verdict::Denied(rule) => {
                    let role = Arc::clone(&role.name);
                    denial = Denial::Rule { role, rule };
                }
            }
        }
        Err(denial)
    }

    /// Checks that every placeholder in the rules stands for something: a client for whom one does not
    /// is better refused when it connects than left to wonder why its topics are.
    ///
    /// # Errors
    /// Which placeholder, and why.
    pub fn check_who(&self, who: &Who<'_>) -> Result<(), WhoError> {
        let rules = self.roles().iter().flat_map(|role| &role.rules);
        let mut filters = rules.flat_map(|rule| &rule.filters);
        filters.try_for_each(|filter| filter.resolve(who).map(|_| ()))
    }
}

/// The filter in a shared one.
fn shared(filter: &str) -> &str {
    let inner = filter.strip_prefix("$share/");
    inner
        .and_then(|rest| rest.split_once('/'))
        .map_or(filter, |(_, inner)| inner)
}

fn check_reserved(who: &Who<'_>, topic: &str) -> Result<(), Denial> {
    let first = topic.split('/').next().unwrap_or_default();
    let is_reserved = first.starts_with('$') || RESERVED.contains(&first);
    if !is_reserved || is_own(who, topic) {
        return Ok(());
    }
    Err(Denial::Reserved(first.to_owned()))
}

/// Whether a device says something of itself.
fn is_own(who: &Who<'_>, topic: &str) -> bool {
    let own = || {
        let serial = who.value("%s").ok()?;
        let rest = topic.strip_prefix("devices/")?.strip_prefix(serial)?;
        let rest = rest.strip_prefix('/')?;
        if let Some(below) = rest.strip_prefix(OWN[0]) {
            return Some(!below.is_empty());
        }
        let id = rest.strip_prefix(OWN[1])?.strip_suffix("/response")?;
        Some(!id.is_empty() && !id.contains('/'))
    };
    own().unwrap_or(false)
}

#[cfg(test)]
#[path = "acl_tests.rs"]
mod tests;
