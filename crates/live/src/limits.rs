//! What bounds the engine.

use std::time::Duration;

/// The limits of everything that grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Subscriptions of a session.
    pub subs: usize,
    /// Different subscriptions of all sessions.
    pub groups: usize,
    /// Topics with a value, or with a window, that one subscription shows.
    pub topics: usize,
    /// Events kept for the slow sessions of one subscription, per lane.
    pub queue: usize,
    /// As `queue`, in bytes.
    pub queue_bytes: usize,
    /// Bytes of the events of all subscriptions together.
    pub total_bytes: usize,
    /// Bytes of encoded rows.
    pub cache_bytes: usize,
    /// Bytes of older values of topics, of which changes can be sent.
    pub history_bytes: usize,
    /// Older values of one topic.
    pub history: usize,
    /// Deleted topics that are remembered.
    pub tombstones: usize,
    /// Topics that only had events, whose numbers are remembered.
    pub idle_topics: usize,
    /// Records behind which a session does not go on from its place any more.
    pub resume: u64,
    /// Bytes of one `data` frame, unless one row alone is larger.
    pub frame_bytes: usize,
    /// Answers that wait for a session to take them; more are dropped and counted.
    pub answers: usize,
    /// Topics of a slow subscription for which it is known what it holds, and per lane those that have
    /// had their turn.
    pub held: usize,
    /// Values of all windows of one subscription together.
    pub window_values: usize,
    /// Bytes of records that were read again from the journal, beyond which sessions get little at a
    /// time.
    pub replay_bytes: usize,
    /// How long what a subscription needs is kept when the last session has left it.
    pub linger: Duration,
}

impl Limits {
    /// After how many records a client that had no news is told where it stands.
    pub(crate) fn refresh(&self) -> u64 {
        (self.resume / 4).max(1)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subs: 64,
            groups: 20_000,
            topics: 200_000,
            queue: 4_096,
            queue_bytes: 8 << 20,
            total_bytes: 512 << 20,
            cache_bytes: 32 << 20,
            history_bytes: 64 << 20,
            history: 16,
            tombstones: 100_000,
            idle_topics: 65_536,
            resume: 100_000,
            frame_bytes: 64 << 10,
            answers: 256,
            held: 1_024,
            window_values: 1_000_000,
            replay_bytes: 64 << 20,
            linger: Duration::from_secs(10),
        }
    }
}
