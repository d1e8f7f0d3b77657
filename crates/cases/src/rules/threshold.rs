//! Limits on values in records.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use spica_model::{TopicError, TopicFilter};
use spica_settings::Span;

use crate::Severity;

/// A limit on a value in the records of some topics, or on their silence or their quality.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ThresholdRule")]
pub struct Threshold {
    /// The topics, below the node's own, with `+` and `#` as in MQTT: `plant/+/level`.
    pub topic: Filter,
    /// What is the matter beyond the limit, in kebab case: `level-high`. The source of the case is
    /// the topic.
    pub condition: String,
    /// How bad it is.
    pub severity: Severity,
    /// One line for people; without it one is made from `condition`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A JSON pointer to a number in the payload, such as `/level`. Empty: the payload is the
    /// number.
    #[serde(default)]
    pub pointer: String,
    /// Raised when the value is above this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// Raised when the value is below this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
    /// Cleared only when the value has come back by as much behind the limit.
    #[serde(default)]
    pub hysteresis: f64,
    /// Raised only when the value has been beyond the limit for so long.
    #[serde(default = "at_once")]
    #[schemars(extend("x-most" = "30d"))]
    pub delay_on: Span,
    /// Cleared only when the value has been back for so long.
    #[serde(default = "at_once")]
    #[schemars(extend("x-most" = "30d"))]
    pub delay_off: Span,
    /// When no record has come for so long, the condition `stale` is raised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-least" = "1s", "x-most" = "365d"))]
    pub stale_after: Option<Span>,
    /// Whether a record of bad quality raises the condition `bad-quality`. Without it, such a record
    /// changes nothing.
    #[serde(default)]
    pub bad_quality: bool,
    /// How bad `stale` and `bad-quality` are.
    #[serde(default = "medium")]
    pub quality_severity: Severity,
}

const fn at_once() -> Span {
    Span::ZERO
}

const fn medium() -> Severity {
    Severity::Medium
}

impl Threshold {
    /// A rule without any limit yet.
    #[must_use]
    pub fn new(topic: Filter, condition: impl Into<String>, severity: Severity) -> Self {
        Self {
            topic,
            condition: condition.into(),
            severity,
            text: None,
            pointer: String::new(),
            above: None,
            below: None,
            hysteresis: 0.0,
            delay_on: Span::ZERO,
            delay_off: Span::ZERO,
            stale_after: None,
            bad_quality: false,
            quality_severity: medium(),
        }
    }
}

/// A topic filter below the node's own path, with MQTT's rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(TopicFilter);

impl Filter {
    /// A filter from text.
    ///
    /// # Errors
    /// If the text breaks one of MQTT's rules.
    pub fn new(text: impl Into<String>) -> Result<Self, TopicError> {
        TopicFilter::new(text).map(Self)
    }

    /// The filter as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Filter {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Filter {
    fn schema_name() -> Cow<'static, str> {
        "TopicFilter".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A topic filter: levels between `/`; `+` stands for one level, `#` at the \
                            end for all the rest.",
        })
    }
}
