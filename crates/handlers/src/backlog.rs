//! What the watch over the backlog last saw.

use std::time::Duration;

use spica_model::{Lane, Seq};

use crate::watch::forecast::Trend;

/// How far a consumer of the journal is behind.
#[derive(Debug, Clone, PartialEq)]
pub struct CursorLag {
    /// The consumer: the name of a cursor, or a mark of the node.
    pub name: String,
    /// The lane.
    pub lane: Lane,
    /// The last record that it has done with.
    pub seq: Seq,
    /// Durable records behind that.
    pub lag_records: u64,
    /// Age of the oldest of them, in seconds; 0 if there are none.
    pub lag_seconds: f64,
}

/// How a lane of the journal grows, over the watch's window.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneGrowth {
    /// The lane.
    pub lane: Lane,
    /// Bytes of its segments in use.
    pub bytes: u64,
    /// How that changes, bytes per second; negative while retention removes more than comes.
    pub bytes_per_s: f64,
    /// Records placed per second.
    pub records_per_s: f64,
}

/// The disk of the data directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Disk {
    /// Bytes that may still be written.
    pub free: u64,
    /// Bytes of the file system.
    pub total: u64,
    /// Where it goes, if it was seen for long enough.
    pub trend: Option<Trend>,
}

/// What the watch last saw. Empty before its first look.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Backlog {
    /// All consumers, the furthest behind first.
    pub cursors: Vec<CursorLag>,
    /// The lanes, critical first.
    pub lanes: Vec<LaneGrowth>,
    /// The disk; none if the system does not say.
    pub disk: Option<Disk>,
    /// Age of the oldest critical record that not all consumers have done with, in seconds.
    pub critical_unhandled_seconds: f64,
}

impl Backlog {
    /// When the disk will be full as it fills now; none if it does not.
    #[must_use]
    pub fn full_in(&self) -> Option<Duration> {
        self.disk.as_ref()?.trend?.reaches_zero_in
    }
}
