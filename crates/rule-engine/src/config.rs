//! What an operator may set about rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::FilePath;

/// Rules: what becomes of records by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "RuleSettings")]
pub struct Settings {
    /// The rules file (`docs/rules.md`). Without one there are no rules. Both nodes of a pair need the
    /// same.
    pub file: Option<FilePath>,
    /// Topics of each lane whose last payload is remembered, for rules that compare with it. Beyond
    /// it, the topic that came first is forgotten.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub previous_topics: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            file: None,
            previous_topics: 100_000,
        }
    }
}
