//! What the node itself has to complain about.

use serde_json::Value;

use crate::Severity;

/// A trouble of the node itself, or its end. It may be said as often as one likes: only a change
/// makes a difference.
#[derive(Debug, Clone, PartialEq)]
pub struct Trouble {
    /// What it is about: a path below the node, such as `system/handlers/history`.
    pub source: String,
    /// What is the matter, in kebab case, such as `handler-trouble`.
    pub condition: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it holds.
    pub active: bool,
    /// One line for people.
    pub text: String,
    /// More, for programs; at most [`DETAIL_BYTES`](crate::DETAIL_BYTES) of JSON are kept.
    pub detail: Value,
}
