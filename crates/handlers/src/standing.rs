//! What handlers want to know of the node's state.

use spica_model::{Lane, Record, Seq, Topic};
use spica_views::Views;

/// The `state` topics of the node, as the journal was folded so far.
pub trait Standing: Send + Sync + 'static {
    /// The last record of a topic, unless that deletes it.
    fn get(&self, topic: &Topic) -> Option<Record>;

    /// The values of `prefix` and below, in order of topics after `after`, at most `limit`.
    fn subtree(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Record>;

    /// Up to where a lane is folded.
    fn applied(&self, lane: Lane) -> Seq;
}

impl Standing for Views {
    fn get(&self, topic: &Topic) -> Option<Record> {
        Self::get(self, topic)
    }

    fn subtree(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Record> {
        Self::subtree(self, prefix, after, limit)
    }

    fn applied(&self, lane: Lane) -> Seq {
        self.status().applied[lane.index()]
    }
}
