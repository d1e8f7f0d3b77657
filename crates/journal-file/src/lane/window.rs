//! Finding places by the times at which records were received.
//!
//! Clocks are set back, and writers take the time before they get their place: a lane is not in the
//! order of these times. So nothing here is a binary search. Each segment says between which times its
//! records were received, and each entry of its index says so of some 64 KiB.

use std::sync::Arc;

use spica_journal::{FollowError, Window};
use spica_journal_format::{IndexEntry, TimeRange};
use spica_model::{Seq, Timestamp};
use spica_storage::Mode;

use super::LaneLog;
use super::place::read_error;
use crate::segment::Segment;

impl LaneLog {
    /// See [`spica_journal::Journal::window`].
    pub(crate) fn window(
        &self,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Result<Window, FollowError> {
        // Before the segments: all that is durable now is in those.
        let durable = self.watermark.durable();
        let segments = self.segments.all();
        let wanted = |received: TimeRange| {
            from.is_none_or(|from| received.latest >= from)
                && until.is_none_or(|until| received.earliest < until)
        };
        let after = match from {
            Some(_) => self.first_wanted(&segments, wanted)?,
            None => segments.first().map(|segment| segment.first),
        };
        let after = after.map_or(durable, before).min(durable);
        let through = match until {
            Some(_) => self.last_wanted(&segments, wanted)?.unwrap_or(after),
            None => durable,
        };
        let through = through.clamp(after, durable);
        Ok(Window { after, through })
    }

    /// The place where what is wanted begins, at the earliest; none if there is nothing.
    fn first_wanted(
        &self,
        segments: &[Arc<Segment>],
        wanted: impl Fn(TimeRange) -> bool,
    ) -> Result<Option<Seq>, FollowError> {
        for segment in segments {
            if !wanted(segment.extent().received) {
                continue;
            }
            let first = |index: &[IndexEntry]| {
                let entry = index.iter().find(|entry| wanted(entry.received))?;
                Some(entry.first)
            };
            if let Some(first) = self.look_up(segment, first)? {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    /// The place where what is wanted ends, at the latest; none if there is nothing.
    fn last_wanted(
        &self,
        segments: &[Arc<Segment>],
        wanted: impl Fn(TimeRange) -> bool,
    ) -> Result<Option<Seq>, FollowError> {
        for segment in segments.iter().rev() {
            if !wanted(segment.extent().received) {
                continue;
            }
            let last = |index: &[IndexEntry]| {
                let at = index.iter().rposition(|entry| wanted(entry.received))?;
                let next = index.get(at + 1);
                Some(next.map_or_else(|| segment.last(), |next| before(next.first)))
            };
            if let Some(last) = self.look_up(segment, last)? {
                return Ok(Some(last));
            }
        }
        Ok(None)
    }

    /// Looks into the index of a segment; none also if retention has taken it meanwhile.
    fn look_up(
        &self,
        segment: &Arc<Segment>,
        look: impl FnOnce(&[IndexEntry]) -> Option<Seq>,
    ) -> Result<Option<Seq>, FollowError> {
        let looked = self
            .storage
            .open(&segment.name, Mode::Read)
            .and_then(|file| segment.look_up(&*self.storage, &*file, look));
        match looked {
            _ if segment.is_retired() => Ok(None),
            Ok((found, loaded)) => {
                if loaded {
                    self.segments.note_loaded(segment);
                }
                Ok(found)
            }
            Err(error) => Err(read_error(self, segment, &error)),
        }
    }
}

/// The place before `seq`.
const fn before(seq: Seq) -> Seq {
    Seq(seq.0.saturating_sub(1))
}
