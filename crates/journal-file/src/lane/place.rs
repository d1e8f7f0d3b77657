//! Where the batch with a record is: in memory, on disk, or nowhere.

use std::io;
use std::sync::Arc;

use spica_journal::{FollowError, Followed};
use spica_journal_format::{Batch, IndexEntry, PAGE_BYTES};
use spica_model::Seq;

use super::LaneLog;
use super::damage::{NO_BATCH, NO_SEGMENT};
use crate::segment::{Located, Segment, SegmentReader, Step};

/// Finds batches of a lane, best in order.
pub(super) struct Places {
    lane: Arc<LaneLog>,
    disk: Option<SegmentReader>,
}

/// What there is at a place.
pub(super) enum Found {
    /// The batch that holds it, and its segment unless it comes from memory.
    Batch(Batch, Option<Arc<Segment>>),
    /// Why there is none.
    Other(Followed),
}

/// What the disk has at a place.
enum OnDisk {
    Batch(Batch, Arc<Segment>),
    Other(Followed),
    /// The segment is gone: look again.
    Retired,
}

impl Places {
    pub(super) const fn new(lane: Arc<LaneLog>) -> Self {
        Self { lane, disk: None }
    }

    /// Looks everything up anew.
    pub(super) fn forget(&mut self) {
        self.disk = None;
    }

    /// The batch that holds the record at `next`, of a lane that has records up to `end`.
    pub(super) fn find(&mut self, next: Seq, end: Seq) -> Result<Found, FollowError> {
        loop {
            if let Some(batch) = self.lane.recent.holding(next) {
                return Ok(Found::Batch(batch, None));
            }
            match self.on_disk(next, end)? {
                OnDisk::Batch(batch, segment) => return Ok(Found::Batch(batch, Some(segment))),
                OnDisk::Other(other) => return Ok(Found::Other(other)),
                OnDisk::Retired => self.disk = None,
            }
        }
    }

    fn on_disk(&mut self, next: Seq, durable: Seq) -> Result<OnDisk, FollowError> {
        let reader = match &mut self.disk {
            Some(reader) if holds(&reader.segment, next) => reader,
            _ => match self.lane.segments.locate(next) {
                Located::In(segment) => match open(&self.lane, &segment, next)? {
                    Some(reader) => self.disk.insert(reader),
                    None => return Ok(OnDisk::Retired),
                },
                nowhere => return Ok(OnDisk::Other(self.nowhere(next, durable, nowhere))),
            },
        };
        let mut damaged_at = None;
        loop {
            match reader
                .step()
                .map_err(|error| read_error(&self.lane, &reader.segment, &error))?
            {
                Step::Batch(batch) if batch.header.next() <= next => {}
                Step::Batch(batch) if batch.header.first <= next => {
                    return Ok(OnDisk::Batch(batch, Arc::clone(&reader.segment)));
                }
                Step::Batch(batch) => {
                    let offset = damaged_at.unwrap_or(batch.offset);
                    let to = Seq(batch.header.first.0 - 1);
                    reader.seek(batch.offset);
                    return Ok(bad_batch(&self.lane, &reader.segment, next, to, offset));
                }
                Step::Damaged { offset } => damaged_at = damaged_at.or(Some(offset)),
                Step::End => {
                    let segment = Arc::clone(&reader.segment);
                    let offset = damaged_at.unwrap_or_else(|| segment.extent().data_end);
                    let to = segment.last().min(durable);
                    self.disk = None;
                    return Ok(bad_batch(&self.lane, &segment, next, to, offset));
                }
            }
        }
    }

    /// What is said of records that stand in no segment.
    fn nowhere(&self, next: Seq, durable: Seq, located: Located) -> Followed {
        let (segment, to) = match located {
            Located::Before(first) => {
                return Followed::Gap {
                    from: next,
                    to: Seq(first.0 - 1).min(durable),
                };
            }
            Located::Between(segment, first) => (Some(segment), Seq(first.0 - 1).min(durable)),
            Located::In(segment) => (Some(segment), next),
            Located::After(segment) => (segment, durable),
        };
        let name = segment
            .as_ref()
            .map(|segment| segment.name.clone())
            .unwrap_or_default();
        let offset = segment.map_or(0, |segment| segment.extent().data_end);
        Followed::Damaged(self.lane.damage(next, to, &name, offset, NO_SEGMENT))
    }
}

/// A file that could not be read.
pub(super) fn read_error(lane: &LaneLog, segment: &Segment, error: &io::Error) -> FollowError {
    let file = lane.storage.describe(&segment.name);
    FollowError::Read {
        lane: lane.lane,
        detail: format!("{file}: {error}").into(),
    }
}

fn holds(segment: &Segment, seq: Seq) -> bool {
    segment.first <= seq && seq <= segment.last() && !segment.is_retired()
}

/// A reader of `segment` at or before `next`; none if the segment is gone.
fn open(
    lane: &LaneLog,
    segment: &Arc<Segment>,
    next: Seq,
) -> Result<Option<SegmentReader>, FollowError> {
    let opened = SegmentReader::open(&*lane.storage, Arc::clone(segment), 0).and_then(|reader| {
        let place = |index: &[IndexEntry]| {
            let after = index.partition_point(|entry| entry.first <= next);
            let entry = after.checked_sub(1).and_then(|at| index.get(at));
            entry.map_or(PAGE_BYTES as u64, |entry| entry.offset)
        };
        let place = segment.look_up(&*lane.storage, reader.file(), place)?;
        Ok((reader, place))
    });
    match opened {
        Ok((mut reader, (at, loaded))) => {
            if loaded {
                lane.segments.note_loaded(segment);
            }
            reader.seek(at);
            Ok(Some(reader))
        }
        Err(_) if segment.is_retired() => Ok(None),
        Err(error) => Err(read_error(lane, segment, &error)),
    }
}

fn bad_batch(lane: &LaneLog, segment: &Segment, from: Seq, to: Seq, offset: u64) -> OnDisk {
    if segment.is_retired() {
        return OnDisk::Retired;
    }
    OnDisk::Other(Followed::Damaged(lane.damage(
        from,
        to,
        &segment.name,
        offset,
        NO_BATCH,
    )))
}
