//! Going on from a full segment to the next one.

use std::sync::Arc;

use spica_journal::CommitError;
use spica_journal_format::{BatchHeader, Footer, KeyEntry, PAGE_BYTES, SegmentHeader, VERSION};
use spica_storage::File;

use super::commit::Committer;
use super::queue::Filling;
use super::shelf::Prepared;
use super::{Failing, LaneLog};
use crate::names;
use crate::segment::Segment;

/// Room that is left in a segment for a mark: the lane may be closed at any time.
pub(super) const MARK_ROOM: u64 = BatchHeader::BYTES as u64;

/// The segment that is written.
pub(crate) struct Active {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Box<dyn File>,
    /// Where the next batch goes.
    pub(crate) end: u64,
    /// The keys of its records, for the footer.
    pub(crate) keys: Vec<KeyEntry>,
    /// The first page, until it is written with the first batch.
    pub(crate) page: Option<Vec<u8>>,
}

impl Active {
    /// Whether a batch belongs here and fits, and a footer that describes it too.
    fn takes(&self, filling: &Filling) -> bool {
        let builder = &filling.builder;
        let index = self.segment.known_index_len() + 1;
        let footer = Footer::bytes(index, self.keys.len() + filling.keys.len());
        let end = self.end + builder.len() as u64 + MARK_ROOM + footer;
        self.segment.epoch == builder.epoch() && end <= self.segment.file_bytes
    }
}

/// A segment that is full, on its way to the keeper.
pub(crate) struct Full {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Box<dyn File>,
    pub(crate) keys: Vec<KeyEntry>,
}

impl From<Active> for Full {
    fn from(active: Active) -> Self {
        let Active {
            segment,
            file,
            keys,
            ..
        } = active;
        Self {
            segment,
            file,
            keys,
        }
    }
}

impl Committer {
    /// The segment for this batch: the next one if it does not fit in the present one, or is of
    /// another epoch.
    pub(super) fn room_for(&mut self, filling: &Filling) -> Result<&mut Active, CommitError> {
        let active = match self.active.take() {
            Some(active) if active.takes(filling) => active,
            full => {
                let next = self.lane.begin_segment(filling)?;
                if let Some(full) = full {
                    self.lane.chores.seal(full.into());
                }
                self.lane.chores.wake();
                next
            }
        };
        Ok(self.active.insert(active))
    }
}

impl LaneLog {
    /// The next segment, to begin with this batch.
    fn begin_segment(&self, filling: &Filling) -> Result<Active, CommitError> {
        let prepared = self.big_enough(self.shelf.take()?, filling)?;
        let header = SegmentHeader {
            version: VERSION,
            lane: self.lane,
            fresh: prepared.fresh,
            epoch: filling.builder.epoch(),
            secret: self.secret,
            number: prepared.number,
            first: filling.builder.first(),
            created: self.clock.wall(),
            file_bytes: prepared.bytes,
        };
        Ok(Active {
            segment: Arc::new(Segment::begin(&header)),
            file: prepared.file,
            end: PAGE_BYTES as u64,
            keys: Vec::new(),
            page: Some(header.page()),
        })
    }

    /// Grows a segment that is too small for the batch it is to begin with: segments were configured
    /// smaller than a batch.
    fn big_enough(
        &self,
        mut prepared: Prepared,
        filling: &Filling,
    ) -> Result<Prepared, CommitError> {
        let footer = Footer::bytes(1, filling.keys.len());
        let needed = (PAGE_BYTES + filling.builder.len()) as u64 + MARK_ROOM + footer;
        if needed > prepared.bytes {
            let bytes = needed.next_multiple_of(PAGE_BYTES as u64);
            let name = names::segment(prepared.number);
            let grown = prepared.file.allocate(bytes);
            grown.map_err(|error| self.commit_error(Failing::Write, &name, &error))?;
            let synced = prepared.file.sync_all();
            synced.map_err(|error| self.commit_error(Failing::Sync, &name, &error))?;
            prepared.bytes = bytes;
        }
        Ok(prepared)
    }
}
