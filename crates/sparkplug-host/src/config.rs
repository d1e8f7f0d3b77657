//! What an operator may set about Sparkplug.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_model::Topic;
use spica_settings::{ByteSize, Span};
use spica_sparkplug::{Limits, SPARKPLUG};

/// The Sparkplug B host application. Without this section there is none, and what edge nodes publish
/// is as any other message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "SparkplugSettings")]
pub struct Settings {
    /// What edge nodes know the host by: one level of a topic. The nodes of a pair have the same.
    #[schemars(length(min = 1, max = 128))]
    pub host: String,
    /// The lane in which all messages of edge nodes come. A topic rule of the MQTT station that puts
    /// some of them elsewhere takes them out of its sight.
    pub lane: Lane,
    /// How long a missing message is waited for. Then a new birth is asked for.
    #[schemars(extend("x-least" = "10ms", "x-most" = "1min"))]
    pub reorder_timeout: Span,
    /// Messages of an edge node that wait meanwhile. One more, and the missing one is given up.
    #[schemars(range(max = 127))]
    pub reorder_messages: usize,
    /// Bytes of the payloads of all messages that wait.
    #[schemars(extend("x-most" = "1GiB"))]
    pub reorder_bytes: ByteSize,
    /// Least time between two requests for a birth, for each edge node.
    #[schemars(extend("x-least" = "1s", "x-most" = "1h"))]
    pub rebirth_interval: Span,
    /// Edge nodes that are known. One more takes the place of the one that has been offline for
    /// longest.
    #[schemars(range(min = 1, max = 100_000))]
    pub edges: usize,
    /// Devices of an edge node that are online.
    #[schemars(range(max = 10_000))]
    pub devices: usize,
    /// Metrics of one birth. What is beyond is left out.
    #[schemars(range(min = 1, max = 100_000))]
    pub metrics: usize,
    /// Metrics of all births.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub metrics_total: usize,
}

/// A lane of the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "SparkplugLane")]
pub enum Lane {
    /// The lane of what must not wait behind anything.
    Critical,
    /// The other.
    #[default]
    Normal,
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("sparkplug.host: {0:?} is no level of a topic: it is to be without / and wildcards")]
pub struct SettingError(String);

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            host: "spica".to_owned(),
            lane: Lane::default(),
            reorder_timeout: Span::from_secs(2),
            reorder_messages: limits.reorder_messages,
            reorder_bytes: ByteSize::new(limits.reorder_bytes as u64),
            rebirth_interval: Span::from_secs(limits.rebirth_interval.as_secs()),
            edges: limits.edges,
            devices: limits.devices,
            metrics: limits.metrics,
            metrics_total: limits.metrics_total,
        }
    }
}

impl Settings {
    /// Says what no schema can say.
    ///
    /// # Errors
    /// If the host's name is no level of a topic.
    pub fn check(&self) -> Result<(), SettingError> {
        let is_level = !self.host.contains('/') && !self.host.is_empty();
        if !is_level || Topic::new(self.host.as_str()).is_err() {
            return Err(SettingError(self.host.clone()));
        }
        Ok(())
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            edges: self.edges,
            devices: self.devices,
            metrics: self.metrics,
            metrics_total: self.metrics_total,
            reorder_messages: self.reorder_messages,
            reorder_bytes: self.reorder_bytes.as_usize(),
            rebirth_interval: self.rebirth_interval.as_duration(),
        }
    }

    /// Where the host says that it is there, below the node.
    pub(crate) fn state_topic(&self) -> String {
        format!("{SPARKPLUG}/STATE/{}", self.host)
    }
}

impl From<Lane> for spica_model::Lane {
    fn from(lane: Lane) -> Self {
        match lane {
            Lane::Critical => Self::Critical,
            Lane::Normal => Self::Normal,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_level_of_a_topic() {
        let named = |host: &str| Settings {
            host: host.to_owned(),
            ..Settings::default()
        };
        assert_eq!(named("plant 1").check(), Ok(()));
        for bad in ["", "a/b", "+", "a#", "a\n"] {
            assert!(named(bad).check().is_err(), "{bad:?}");
        }
    }
}
