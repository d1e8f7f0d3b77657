//! The last record of a topic, as far as time is concerned.

use spica_model::{Lane, Record, Seq, Timestamp};

/// The last record of a topic: when it came, and where it stands, so that an older one that is read
/// again after a start changes nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) at: Timestamp,
    lane: Lane,
    seq: Seq,
}

impl Seen {
    pub(super) const fn of(record: &Record) -> Self {
        let origin = record.origin();
        Self {
            at: record.received,
            lane: origin.lane,
            seq: origin.seq,
        }
    }

    /// Whether this stands behind the other one. What stands in different lanes came as it came.
    pub(super) fn is_after(&self, other: &Self) -> bool {
        self.lane != other.lane || self.seq > other.seq
    }
}
