//! What becomes of a publish, by its topic.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_model::Kind;
use spica_settings::ByteSize;

use crate::topic_rules::Treatment;

/// What becomes of a publish to some topics.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "MqttTopicSettings")]
pub struct TopicSettings {
    /// Which topics: a filter such as `plant/+/alarm`.
    #[schemars(length(min = 1, max = 1024))]
    pub filter: String,
    /// What their records are. Without it, state if a publish is retained, or else event.
    pub kind: Option<TopicKind>,
    /// The lane of their records.
    #[serde(default)]
    pub lane: Lane,
    /// Whether a publisher may choose the critical lane with the user property
    /// `spica-class: critical`.
    #[serde(default)]
    pub user_class: bool,
    /// Whether a publish of QoS 0 becomes a record, too.
    #[serde(default = "yes")]
    pub keep_qos0: bool,
    /// The longest payload. Without it, as long as a packet may be.
    pub payload: Option<ByteSize>,
}

/// What a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MqttTopicKind")]
pub enum TopicKind {
    /// The last one counts, as a retained message.
    State,
    /// Each one counts.
    Event,
}

/// A lane of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "MqttLane")]
pub enum Lane {
    /// What must not wait for the rest.
    Critical,
    /// Everything else.
    #[default]
    Normal,
}

const fn yes() -> bool {
    true
}

impl From<Lane> for spica_model::Lane {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Critical => Self::Critical,
            Lane::Normal => Self::Normal,
        }
    }
}

impl TopicSettings {
    pub(crate) fn treatment(&self) -> Treatment {
        let kind = self.kind.map(|kind| match kind {
            TopicKind::State => Kind::State,
            TopicKind::Event => Kind::Event,
        });
        Treatment {
            kind,
            lane: self.lane.into(),
            user_class: self.user_class,
            keep_qos0: self.keep_qos0,
            payload_bytes: self.payload.map(ByteSize::as_usize),
        }
    }
}
