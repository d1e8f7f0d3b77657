//! Shared subscriptions: their names and their strategies.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::RouteError;

/// How the member of a shared group that gets a message is chosen. Members that cannot take it now
/// are passed over as long as there is one that can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Each in turn.
    #[default]
    RoundRobin,
    /// The same one for all messages of a publisher, as long as it stays.
    StickyPublisher,
    /// The same one for all messages of a topic, as long as it stays.
    StickyTopic,
    /// The one with the least to do.
    LeastBacklog,
}

/// The strategies of shared groups, by the name in `$share/<name>/<filter>`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shares {
    /// For names that are not listed.
    pub otherwise: Strategy,
    /// By name.
    pub named: BTreeMap<String, Strategy>,
}

impl Shares {
    pub(crate) fn of(&self, name: &str) -> Strategy {
        self.named.get(name).copied().unwrap_or(self.otherwise)
    }
}

/// Name and filter of a shared subscription; `None` if it is none.
pub(crate) fn split(filter: &str) -> Result<Option<(&str, &str)>, RouteError> {
    if filter == "$share" {
        return Err(RouteError::Share);
    }
    let Some(rest) = filter.strip_prefix("$share/") else {
        return Ok(None);
    };
    let (name, filter) = rest.split_once('/').ok_or(RouteError::Share)?;
    if name.is_empty() || name.contains(['+', '#']) || filter.is_empty() {
        return Err(RouteError::Share);
    }
    Ok(Some((name, filter)))
}

/// The filter that topics are matched against.
pub(crate) fn inner(filter: &str) -> &str {
    split(filter).ok().flatten().map_or(filter, |(_, it)| it)
}
