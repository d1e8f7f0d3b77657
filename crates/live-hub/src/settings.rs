//! What an operator may set about live sessions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use spica_settings::{ByteSize, Span};

/// The live sessions: how many, how much each may ask for, and how much is kept for them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "LiveHubSettings")]
pub struct Settings {
    /// Most sessions; more are refused with 503 and `Retry-After`.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_sessions: usize,
    /// Most subscriptions of one session.
    #[schemars(range(min = 1, max = 65_536))]
    pub max_subs: usize,
    /// Most different subscriptions of all sessions: those that ask for the same thing count once.
    #[schemars(range(min = 1))]
    pub max_groups: usize,
    /// Most topics with a value that one subscription shows; topics beyond it are left out and
    /// counted.
    #[schemars(range(min = 1))]
    pub max_topics: usize,
    /// Events that are kept for slow sessions of one subscription, and the most that `max_queue` may
    /// ask for. A session that is further behind is told of a gap.
    #[schemars(range(min = 16, max = 1_000_000))]
    pub max_queue: usize,
    /// As `max_queue`, in bytes.
    #[schemars(extend("x-least" = "64KiB"))]
    pub queue_bytes: ByteSize,
    /// Bytes that events of all subscriptions may take together.
    #[schemars(extend("x-least" = "1MiB"))]
    pub total_bytes: ByteSize,
    /// Bytes of encoded rows that are kept to be sent again.
    #[schemars(extend("x-least" = "64KiB"))]
    pub cache_bytes: ByteSize,
    /// Bytes of older values of topics that are kept to send changes only.
    #[schemars(extend("x-least" = "64KiB"))]
    pub history_bytes: ByteSize,
    /// Deleted topics that are remembered for sessions that come back.
    #[schemars(range(min = 1))]
    pub max_tombstones: usize,
    /// The newest records of each lane that are kept in memory, for sessions that come back.
    #[schemars(range(min = 1))]
    pub tail_records: usize,
    /// As `tail_records`, in bytes.
    #[schemars(extend("x-least" = "64KiB"))]
    pub tail_bytes: ByteSize,
    /// Most records between the place a session comes back with and now that are read from the
    /// journal for it. A session that is further behind is told of a gap, and gets the state.
    #[schemars(range(min = 1))]
    pub resume_limit: u64,
    /// The most that one `data` frame has, unless one row alone is larger.
    #[schemars(extend("x-least" = "1KiB", "x-most" = "1MiB"))]
    pub frame_bytes: ByteSize,
    /// The shortest time between two looks at what has happened: what happens in between is sent
    /// together.
    #[schemars(extend("x-least" = "1ms", "x-most" = "1s"))]
    pub tick: Span,
    /// The longest time between two looks, when sessions are slow to take what they are given.
    #[schemars(extend("x-least" = "1ms", "x-most" = "10s"))]
    pub tick_most: Span,
    /// How far the sessions together may be behind before new ones are refused.
    #[schemars(extend("x-least" = "10ms"))]
    pub saturation: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_sessions: 12_000,
            max_subs: 64,
            max_groups: 20_000,
            max_topics: 200_000,
            max_queue: 4_096,
            queue_bytes: ByteSize::mib(8),
            total_bytes: ByteSize::mib(512),
            cache_bytes: ByteSize::mib(32),
            history_bytes: ByteSize::mib(64),
            max_tombstones: 100_000,
            tail_records: 65_536,
            tail_bytes: ByteSize::mib(64),
            resume_limit: 100_000,
            frame_bytes: ByteSize::kib(64),
            tick: Span::from_millis(5),
            tick_most: Span::from_millis(20),
            saturation: Span::from_secs(1),
        }
    }
}
