//! What an operator may set about the views.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_model::Topic;
use spica_settings::Span;
use spica_state::Limits;

/// The views: state tree, registry of devices, command queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "ViewsSettings")]
pub struct Settings {
    /// Most topics with a value. A record of a topic beyond it is in the journal, but not in the
    /// state tree; over HTTP it is refused. A topic costs about 500 bytes of memory and its payload.
    #[schemars(range(min = 1))]
    pub max_topics: usize,
    /// Most tombstones of deleted topics that are remembered; the oldest go first.
    #[schemars(range(min = 1))]
    pub max_tombstones: usize,
    /// How long a tombstone is remembered.
    #[schemars(extend("x-least" = "1s"))]
    pub tombstone_age: Span,
    /// How often what has changed is written to the checkpoint.
    #[schemars(extend("x-least" = "100ms", "x-most" = "1d"))]
    pub checkpoint_interval: Span,
    /// How many records after the last checkpoint lead to the next one, if the interval does not.
    #[schemars(range(min = 1))]
    pub checkpoint_records: usize,
    /// How many records of a lane are folded at once.
    #[schemars(range(min = 1, max = 65_536))]
    pub chunk_records: usize,
    /// How many batches of folded records wait for a live subscriber; one that is slower misses
    /// some and is told so.
    #[schemars(range(min = 1, max = 65_536))]
    pub live_batches: usize,
    /// Most commands of one device that wait or are unanswered; more are refused.
    #[schemars(range(min = 1, max = 10_000))]
    pub pending_commands: usize,
    /// How many settled commands of one device are kept; older ones are deleted from the state tree,
    /// not from the journal.
    #[schemars(range(min = 1, max = 10_000))]
    pub settled_commands_kept: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            max_topics: limits.topics,
            max_tombstones: limits.tombstones,
            tombstone_age: Span::from_secs(limits.tombstone_age.as_secs()),
            checkpoint_interval: Span::from_secs(30),
            checkpoint_records: 100_000,
            chunk_records: 1_024,
            live_batches: 256,
            pending_commands: 64,
            settled_commands_kept: 100,
        }
    }
}

impl Settings {
    /// The limits of the state tree of `node`, whose open cases have room in any case.
    pub(crate) fn limits(&self, node: &Topic) -> Limits {
        Limits {
            always: Some(format!("{node}/alarms").into()),
            topics: self.max_topics,
            tombstones: self.max_tombstones,
            tombstone_age: self.tombstone_age.as_duration(),
        }
    }
}
