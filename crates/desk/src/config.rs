//! What an operator may set about the desk.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_cases::Rules;
use spica_settings::{FilePath, Span};

/// Cases and alerts: what becomes a case, who is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "AlarmSettings")]
pub struct Settings {
    /// The plan file: people, rotas, channels, plans, thresholds, texts (`docs/alerts.md`). Without
    /// one, cases are raised and shown, and nobody is told. Both nodes of a pair need the same.
    pub plans: Option<FilePath>,
    /// How long the link in a message lets its reader acknowledge the case.
    #[schemars(extend("x-least" = "1min", "x-most" = "30d"))]
    pub link_valid: Span,
    /// How cases end, and how many there may be.
    pub cases: Rules,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plans: None,
            link_valid: Span::from_hours(24),
            cases: Rules::default(),
        }
    }
}
