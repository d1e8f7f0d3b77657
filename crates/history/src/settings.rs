//! What an operator may set about history.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::Span;

/// History: the index of the journal, and series of numbers for plots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "HistorySettings")]
pub struct Settings {
    /// How long records of some topics can be found by history; the first rule that fits counts.
    /// Without one, and at most, for as long as the journal has them.
    pub retention: Vec<RetentionRule>,
    /// Of which topics series are kept; the first rule that fits counts.
    pub series: Vec<SeriesRule>,
    /// For how long series are kept.
    pub series_ages: SeriesAges,
    /// Most topics of which series are kept. Later topics have none, which is counted.
    pub max_series: usize,
    /// Most topics with a list of their own in the index. The records of later ones share a list: to
    /// find them takes longer.
    #[schemars(range(min = 1))]
    pub max_topics: usize,
    /// After how many records what is in memory is written. Each takes about 50 bytes.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub flush_records: usize,
    /// Of how many topics the place in the index is kept in memory; each takes about 200 bytes.
    #[schemars(range(min = 16))]
    pub cached_topics: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            retention: Vec::new(),
            series: vec![SeriesRule::default()],
            series_ages: SeriesAges::default(),
            max_series: 20_000,
            max_topics: 2_000_000,
            flush_records: 65_536,
            cached_topics: 131_072,
        }
    }
}

/// How long records of some topics can be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    /// A topic filter: `+` for one level, a final `#` for all below.
    pub topics: String,
    /// For how long.
    pub age: Span,
}

/// Topics of which series are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesRule {
    /// A topic filter: `+` for one level, a final `#` for all below.
    pub topics: String,
    /// Where in a JSON payload the number is, as an RFC 6901 pointer such as `/value`. Empty: the
    /// whole payload, JSON or text, is the number.
    pub pointer: String,
    /// By which time a value counts.
    pub time: SeriesTime,
}

impl Default for SeriesRule {
    fn default() -> Self {
        Self {
            topics: "#".into(),
            pointer: String::new(),
            time: SeriesTime::Received,
        }
    }
}

/// By which time a value counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeriesTime {
    /// When this node received it.
    #[default]
    Received,
    /// When its source says it was; when it was received if that is not said.
    Source,
}

/// For how long the intervals of series are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SeriesAges {
    /// Intervals of a minute.
    pub minute: Span,
    /// Intervals of a quarter of an hour.
    pub quarter: Span,
    /// Intervals of an hour.
    pub hour: Span,
    /// Intervals of a day.
    pub day: Span,
}

impl Default for SeriesAges {
    fn default() -> Self {
        Self {
            minute: Span::from_days(7),
            quarter: Span::from_days(90),
            hour: Span::from_days(730),
            day: Span::from_days(3_650),
        }
    }
}
