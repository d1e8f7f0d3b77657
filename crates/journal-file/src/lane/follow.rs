//! Followers: from memory while they keep up, from disk while they do not.

use std::io;
use std::sync::Arc;

use spica_journal::{Durable, FollowError, Followed, Follower, READ_BYTES};
use spica_journal_format::{IndexEntry, Item, PAGE_BYTES, Records};
use spica_model::{Record, Seq};

use super::LaneLog;
use super::damage::{BAD_RECORD, NO_BATCH, NO_SEGMENT};
use crate::segment::{Located, Segment, SegmentReader, Step};

/// A reader of one lane.
pub(crate) struct FileFollower {
    lane: Arc<LaneLog>,
    after: Seq,
    /// The batch that is being read.
    records: Option<Source>,
    disk: Option<SegmentReader>,
    /// What comes after the records that were just returned.
    pending: Option<Followed>,
}

/// A batch, and where it comes from.
struct Source {
    records: Records,
    /// None if it comes from memory.
    segment: Option<Arc<Segment>>,
}

/// What the disk has at a place.
enum OnDisk {
    Batch(Records, Arc<Segment>),
    Other(Followed),
    /// The segment is gone: look again.
    Retired,
}

impl LaneLog {
    /// See [`spica_journal::Journal::follow`].
    pub(crate) fn follow(self: &Arc<Self>, after: Seq) -> Result<FileFollower, FollowError> {
        let durable = self.watermark.durable();
        if after > durable {
            return Err(FollowError::Beyond {
                lane: self.lane,
                after,
                durable,
            });
        }
        let lane = Arc::clone(self);
        Ok(FileFollower {
            lane,
            after,
            records: None,
            disk: None,
            pending: None,
        })
    }
}

impl Follower for FileFollower {
    fn read(&mut self, max: usize) -> Result<Followed, FollowError> {
        if let Some(pending) = self.pending.take() {
            return Ok(self.pass(pending));
        }
        let durable = self.lane.watermark.durable();
        let mut found = Vec::new();
        let (mut bytes, max) = (0, max.max(1));
        while found.len() < max && bytes < READ_BYTES && self.after < durable {
            let other = match &mut self.records {
                Some(source) => match source.records.next() {
                    Some(Item::Record(record)) => {
                        self.after = record.position.seq;
                        bytes += record.payload.len();
                        found.push(record);
                        None
                    }
                    Some(Item::Damaged { from, to, offset }) => self.bad_records(from, to, offset),
                    None => {
                        self.records = None;
                        None
                    }
                },
                None => match self.next_batch(durable) {
                    Ok(other) => other,
                    Err(error) if found.is_empty() => return Err(error),
                    // The next call meets the error again.
                    Err(_) => break,
                },
            };
            if let Some(other) = other {
                return Ok(self.after_records(found, other));
            }
        }
        Ok(if found.is_empty() {
            Followed::UpToDate
        } else {
            Followed::Records(found)
        })
    }

    fn after(&self) -> Seq {
        self.after
    }

    fn more(&self) -> Durable {
        self.lane.watermark.reached(self.after.next())
    }
}

impl FileFollower {
    /// Returns what was found now, and `other` with the next call.
    fn after_records(&mut self, found: Vec<Record>, other: Followed) -> Followed {
        if found.is_empty() {
            return self.pass(other);
        }
        self.pending = Some(other);
        Followed::Records(found)
    }

    /// Goes on after what cannot be served.
    fn pass(&mut self, other: Followed) -> Followed {
        match &other {
            Followed::Gap { to, .. } => self.after = *to,
            Followed::Damaged(damage) => {
                self.lane.report_damage(damage);
                self.after = damage.to;
            }
            Followed::Records(_) | Followed::UpToDate => {}
        }
        other
    }

    /// Bad records in a batch. If retention has given its file another life since, they are not
    /// damaged but gone, and the place is looked up again.
    fn bad_records(&mut self, from: Seq, to: Seq, offset: u64) -> Option<Followed> {
        let segment = self.records.as_ref()?.segment.clone();
        if segment.as_ref().is_some_and(|segment| segment.is_retired()) {
            (self.records, self.disk) = (None, None);
            return None;
        }
        let name = segment
            .map(|segment| segment.name.clone())
            .unwrap_or_default();
        let from = from.max(self.after.next());
        Some(Followed::Damaged(
            self.lane.damage(from, to, &name, offset, BAD_RECORD),
        ))
    }

    /// Finds the batch that holds the next record; or says why there is none.
    fn next_batch(&mut self, durable: Seq) -> Result<Option<Followed>, FollowError> {
        let next = self.after.next();
        let (mut records, segment) = match self.lane.recent.holding(next) {
            Some(batch) => (batch.records(), None),
            None => match self.on_disk(next, durable) {
                Ok(OnDisk::Batch(records, segment)) => (records, Some(segment)),
                Ok(OnDisk::Other(other)) => return Ok(Some(other)),
                Ok(OnDisk::Retired) => {
                    self.disk = None;
                    return Ok(None);
                }
                Err(error) => return Err(error),
            },
        };
        records.skip_to(next);
        self.records = Some(Source { records, segment });
        Ok(None)
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
                    return Ok(OnDisk::Batch(batch.records(), Arc::clone(&reader.segment)));
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
