//! The limits, all with defaults.

use std::time::Duration;

use ipnet::IpNet;

/// How often something may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How often per second in the long run; 0 counts as 1.
    pub per_second: u32,
    /// How often at once after a rest; 0 counts as 1.
    pub burst: u32,
}

/// When a source is banned automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BanRule {
    /// This many offences ban, unless the source brought at least as many good dialogues.
    pub offences: u32,
    /// They count when they lie within this time.
    pub within: Duration,
    /// How long the ban lasts.
    pub lasts: Duration,
}

/// What [`crate::Admission`] allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once, in all.
    pub connections: usize,
    /// Connections open at once from one source.
    pub connections_per_source: u32,
    /// Connections accepted, in all.
    pub accepts: Rate,
    /// Connections accepted from one source.
    pub accepts_per_source: Rate,
    /// Sources in these nets have no cap and no rate of their own, and are never banned
    /// automatically. A ban by hand still holds.
    pub trusted: Vec<IpNet>,
    /// Sources remembered at once. Never less than `connections` in effect: a source with an open
    /// connection is not forgotten.
    pub sources: usize,
    /// Bans at once.
    pub bans: usize,
    /// When a source is banned automatically.
    pub ban: BanRule,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_000,
            connections_per_source: 256,
            accepts: Rate {
                per_second: 20_000,
                burst: 20_000,
            },
            accepts_per_source: Rate {
                per_second: 100,
                burst: 300,
            },
            trusted: Vec::new(),
            sources: 65_536,
            bans: 10_000,
            ban: BanRule {
                offences: 20,
                within: Duration::from_secs(60),
                lasts: Duration::from_secs(600),
            },
        }
    }
}
