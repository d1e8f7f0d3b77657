//! Limits and figures.

/// What the table may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Subscriptions of all sessions.
    pub subscriptions: usize,
    /// Subscriptions of one session.
    pub session_subscriptions: usize,
    /// Bytes of a filter.
    pub filter_bytes: usize,
    /// Levels of a filter.
    pub filter_levels: usize,
    /// Members of one shared group. Choosing one looks at all of them.
    pub members: usize,
    /// Nodes that the look-up of one topic may visit: see [`spica_matcher::Matcher::width`].
    pub width: usize,
    /// How much of it one session may add.
    pub session_width: usize,
    /// About how many bytes of topics, and again of targets, are kept ready.
    pub cache_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            subscriptions: 10_000_000,
            session_subscriptions: 10_000,
            filter_bytes: 1_024,
            filter_levels: 128,
            members: 1_000,
            width: 4_096,
            session_width: 512,
            cache_bytes: 32 << 20,
        }
    }
}

/// How things stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Status {
    /// Subscriptions of all sessions.
    pub subscriptions: usize,
    /// Different filters.
    pub filters: usize,
    /// Nodes that the look-up of one topic may visit.
    pub width: usize,
    /// Topics whose targets are kept ready.
    pub topics: usize,
    /// Look-ups that found their targets ready.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
}
