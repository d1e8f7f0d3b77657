//! How the views read one lane.

use std::time::{Duration, Instant};

use spica_journal::{FollowError, Followed, Follower};
use spica_model::{Lane, Seq};

use super::CURSOR;
use crate::OpenError;
use crate::apply::Miss;
use crate::checkpoint::{Mark, hold};
use crate::restate::STANDING;
use crate::shared::Shared;

/// How often a read that fails is tried again before the views give up.
const READ_RETRIES: u32 = 5;
/// The pause before the first of those; each one after it is twice as long. In all some 6 s.
const READ_PAUSE: Duration = Duration::from_millis(200);

/// Reads one lane.
pub(super) struct LaneReader {
    pub(super) follower: Box<dyn Follower>,
    pub(super) mark: Mark,
    /// Nothing more will come.
    pub(super) ended: bool,
    /// Reads that failed one after the other.
    failures: u32,
    /// When the next read is due after one that failed.
    pub(super) retry_at: Option<Instant>,
}

impl LaneReader {
    pub(super) fn new(shared: &Shared, lane: Lane, mark: Mark) -> Result<Self, OpenError> {
        shared.journal.open_cursor(CURSOR, lane, hold(mark.seq))?;
        Ok(Self {
            follower: shared.journal.follow(lane, mark.seq)?,
            mark,
            ended: false,
            failures: 0,
            retry_at: None,
        })
    }

    /// What comes next; `None` if that cannot be said now. A read that fails is tried again a few
    /// times, after pauses: a disk may be out of breath, and views that end end the node.
    pub(super) fn read(
        &mut self,
        now: Instant,
        max: usize,
    ) -> Result<Option<Followed>, FollowError> {
        if self.ended || self.retry_at.is_some_and(|at| now < at) {
            return Ok(None);
        }
        self.retry_at = None;
        match self.follower.read(max) {
            Ok(followed) => {
                self.failures = 0;
                Ok(Some(followed))
            }
            Err(error @ FollowError::Read { .. }) if self.failures < READ_RETRIES => {
                let pause = READ_PAUSE * 2u32.pow(self.failures);
                self.failures += 1;
                self.retry_at = Some(now + pause);
                tracing::warn!(%error, ?pause, "the views try to read again after a pause");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

impl Shared {
    /// Notes that records were removed before the views had them. If their state was restated
    /// before, it is still to come, and nothing is missing.
    pub(super) fn gap(&self, lane: Lane, from: Seq, to: Seq) {
        let cursors = self.journal.cursors();
        let covered = cursors
            .iter()
            .any(|cursor| cursor.name == STANDING && cursor.lane == lane && cursor.seq >= to);
        if covered {
            tracing::info!(
                %lane, %from, %to,
                "the views begin behind records that were removed: what stood in them was restated"
            );
        } else {
            tracing::warn!(%lane, %from, %to, "records were removed before the views had them");
            self.missed(lane, from, to, Miss::Gap);
        }
    }
}
