//! What the engine counts.

/// Counts since the engine began, and how much there is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Rows sent to sessions.
    pub rows: u64,
    /// Rows sent that say what has changed, or that nothing has.
    pub delta_rows: u64,
    /// Bytes of `data` frames sent.
    pub bytes: u64,
    /// Bytes that full values would have cost.
    pub bytes_full: u64,
    /// Values left out for a newer one, over all sessions.
    pub conflated: u64,
    /// Gaps said, by reason: queue, retention, damaged, unknown.
    pub gaps: [u64; 4],
    /// Subscriptions that began anew since something was forgotten.
    pub resets: u64,
    /// Subscriptions ended since their promise could not be kept.
    pub lost: u64,
    /// Subscriptions refused.
    pub refused: u64,
    /// Answers dropped, since a session did not take those it had.
    pub answers_dropped: u64,
    /// Topics and window values left out, since a subscription had too many.
    pub over_limit: u64,
    /// Events removed from queues while their sessions may have needed them.
    pub evicted: u64,
    /// Frames built.
    pub built: u64,
    /// Frames that were built for another session.
    pub shared: u64,
    /// Reads of the journal asked for.
    pub replays: u64,
    /// Payloads that a window or a composition could not use.
    pub unusable: u64,
    /// Sessions that come back: those that went on from their place.
    pub resumed: u64,
}

/// How much the engine holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Levels {
    /// Sessions.
    pub sessions: usize,
    /// Subscriptions.
    pub subs: usize,
    /// Different subscriptions.
    pub groups: usize,
    /// Topics.
    pub topics: usize,
    /// Bytes of events.
    pub queue_bytes: usize,
    /// Bytes of encoded rows.
    pub cache_bytes: usize,
    /// Bytes of older values.
    pub history_bytes: usize,
    /// Deleted topics that are remembered.
    pub tombstones: usize,
    /// Bytes of records that were read again.
    pub replay_bytes: usize,
    /// Sessions that were woken and have not had their turn.
    pub due: usize,
}
