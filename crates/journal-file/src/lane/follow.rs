//! Followers: from memory while they keep up, from disk while they do not.

use std::sync::Arc;

use spica_journal::{Durable, FollowError, Followed, Follower, READ_BYTES};
use spica_journal_format::{Item, Records};
use spica_model::{Record, Seq};

use super::LaneLog;
use super::damage::BAD_RECORD;
use super::place::{Found, Places};
use crate::segment::Segment;

/// A reader of one lane.
pub(crate) struct FileFollower {
    lane: Arc<LaneLog>,
    after: Seq,
    /// The batch that is being read.
    records: Option<Source>,
    places: Places,
    /// What comes after the records that were just returned.
    pending: Option<Followed>,
}

/// A batch, and where it comes from.
struct Source {
    records: Records,
    /// None if it comes from memory.
    segment: Option<Arc<Segment>>,
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
            places: Places::new(Arc::clone(&lane)),
            lane,
            after,
            records: None,
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
            self.records = None;
            self.places.forget();
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
        let (mut records, segment) = match self.places.find(next, durable)? {
            Found::Batch(batch, segment) => (batch.records(), segment),
            Found::Other(other) => return Ok(Some(other)),
        };
        records.skip_to(next);
        self.records = Some(Source { records, segment });
        Ok(None)
    }
}
