//! What an operator may set about the views.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_state::Limits;

/// The views: state tree, registry of devices, command queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Most topics with a value. A record of a topic beyond it is in the journal, but not in the
    /// state tree; over HTTP it is refused.
    pub max_topics: usize,
    /// Most tombstones of deleted topics that are remembered; the oldest go first.
    pub max_tombstones: usize,
    /// How long a tombstone is remembered.
    pub tombstone_age: Duration,
    /// How often what has changed is written to the checkpoint.
    pub checkpoint_interval: Duration,
    /// How many records after the last checkpoint lead to the next one, if the interval does not.
    pub checkpoint_records: usize,
    /// How many records of a lane are folded at once.
    pub chunk_records: usize,
    /// How many batches of folded records wait for a live subscriber; one that is slower misses
    /// some and is told so.
    pub live_batches: usize,
    /// Most commands of one device that wait or are unanswered; more are refused.
    pub pending_commands: usize,
    /// How many settled commands of one device are kept; older ones are deleted from the state tree,
    /// not from the journal.
    pub settled_commands_kept: usize,
}

impl Default for Settings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            max_topics: limits.topics,
            max_tombstones: limits.tombstones,
            tombstone_age: limits.tombstone_age,
            checkpoint_interval: Duration::from_secs(30),
            checkpoint_records: 100_000,
            chunk_records: 4_096,
            live_batches: 256,
            pending_commands: 64,
            settled_commands_kept: 100,
        }
    }
}

impl Settings {
    pub(crate) const fn limits(&self) -> Limits {
        Limits {
            topics: self.max_topics,
            tombstones: self.max_tombstones,
            tombstone_age: self.tombstone_age,
        }
    }
}
