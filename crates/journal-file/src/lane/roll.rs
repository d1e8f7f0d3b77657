//! Going on from a full segment to the next one.

use std::sync::Arc;

use spica_journal::{CommitError, CommitErrorKind};
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
    /// Whether a batch fits, and a footer that describes it too.
    fn has_room(&self, batch_bytes: u64, keys: usize) -> bool {
        let index = self.segment.known_index_len() + 1;
        let footer = Footer::bytes(index, self.keys.len() + keys);
        self.end + batch_bytes + MARK_ROOM + footer <= self.segment.file_bytes
    }
}

/// A segment that is full, on its way to the keeper.
pub(crate) struct Full {
    pub(crate) segment: Arc<Segment>,
    pub(crate) file: Box<dyn File>,
    pub(crate) keys: Vec<KeyEntry>,
}

impl Committer {
    /// Begins the next segment if the batch does not fit in this one, or is of another epoch.
    pub(super) fn make_room(&mut self, filling: &Filling, keys: usize) -> Result<(), CommitError> {
        let builder = &filling.builder;
        let fits = self.active.as_ref().is_some_and(|active| {
            active.segment.epoch == builder.epoch() && active.has_room(builder.len() as u64, keys)
        });
        if fits {
            return Ok(());
        }
        let prepared = self
            .lane
            .big_enough(self.lane.shelf.take()?, builder.len(), keys)?;
        let header = SegmentHeader {
            version: VERSION,
            lane: self.lane.lane,
            fresh: prepared.fresh,
            epoch: builder.epoch(),
            secret: self.lane.secret,
            number: prepared.number,
            first: builder.first(),
            created: self.lane.clock.wall(),
            file_bytes: prepared.bytes,
        };
        if let Some(active) = self.active.replace(begin(&header, prepared)) {
            let Active {
                segment,
                file,
                keys,
                ..
            } = active;
            self.lane.chores.seal(Full {
                segment,
                file,
                keys,
            });
        }
        self.lane.chores.wake();
        Ok(())
    }
}

fn begin(header: &SegmentHeader, prepared: Prepared) -> Active {
    Active {
        segment: Arc::new(Segment::begin(header)),
        file: prepared.file,
        end: PAGE_BYTES as u64,
        keys: Vec::new(),
        page: Some(header.page()),
    }
}

impl LaneLog {
    /// Grows a segment that is too small for the batch it is to begin with: segments were configured
    /// smaller than a batch, or are left from when they were.
    fn big_enough(
        &self,
        mut prepared: Prepared,
        batch_bytes: usize,
        keys: usize,
    ) -> Result<Prepared, CommitError> {
        let footer = Footer::bytes(1, keys);
        let needed = (PAGE_BYTES + batch_bytes) as u64 + MARK_ROOM + footer;
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

    pub(super) fn no_segment(&self) -> CommitError {
        CommitError {
            lane: self.lane,
            kind: CommitErrorKind::Write,
            detail: "no segment to write to".into(),
        }
    }
}
