//! How the views stand, for health checks.

use std::sync::Arc;

use spica_model::Seq;

/// How the views stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The last record of each lane that the views show, critical first.
    pub applied: [Seq; 2],
    /// How many durable records of each lane they do not show yet.
    pub behind: [u64; 2],
    /// Records that retention removed before they were folded: topics may show older values.
    pub gap_records: u64,
    /// Records that are damaged on disk: topics may show older values.
    pub damaged_records: u64,
    /// Device records whose payload is none: the device or command is not shown.
    pub undecodable: u64,
    /// Records of topics beyond the limit of topics: these topics are not shown.
    pub over_limit: u64,
    /// Why the last checkpoint could not be written, until one could.
    pub checkpoint_failure: Option<Arc<str>>,
    /// Why a lane cannot be followed any more: the views show older values.
    pub failure: Option<Arc<str>>,
}

impl Status {
    /// Whether the views show everything that is durable, up to their lag.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        self.failure.is_none()
            && self.gap_records == 0
            && self.damaged_records == 0
            && self.over_limit == 0
            && self.undecodable == 0
    }
}
