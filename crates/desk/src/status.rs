//! How the desk stands, for people.

use spica_model::{Seq, Timestamp};
use spica_notify::Health;

/// How the desk stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeskStatus {
    /// Whether it decides: only while this node serves.
    pub serves: bool,
    /// The last record of each lane on which everything is decided, critical first.
    pub mark: [Seq; 2],
    /// Records that are durable and not decided on, critical first.
    pub behind: [u64; 2],
    /// Cases that are not closed.
    pub open_cases: usize,
    /// When something is due next.
    pub next_due: Option<Timestamp>,
    /// The channels, by name.
    pub channels: Vec<ChannelStatus>,
}

/// How a channel stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelStatus {
    /// Its name in the plan file.
    pub name: String,
    /// What it is: `webhook`, `email`, ….
    pub kind: &'static str,
    /// How it goes.
    pub health: Health,
}
