//! One segment file as the lane knows it while it runs: what is in it and where.

mod map;
mod read;
mod reader;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use spica_journal_format::{
    Batch, BatchHeader, Found, IndexEntry, Item, PAGE_BYTES, Scan, Seal, SegmentHeader,
    SegmentKeys, TimeRange,
};
use spica_model::{Epoch, Lane, Seq, Timestamp};
use spica_storage::{File, Storage};

pub(crate) use map::{Located, SegmentMap};
pub(crate) use read::{read_all, read_at, read_footer_index, read_footer_keys};
pub(crate) use reader::{SegmentReader, Step};

use crate::names;

/// A batch is noted in the index when so many bytes lie between it and the last one noted.
const INDEX_EVERY: u64 = 64 << 10;

/// A segment in use.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) lane: Lane,
    pub(crate) number: u64,
    pub(crate) name: String,
    pub(crate) keys: SegmentKeys,
    pub(crate) epoch: Epoch,
    pub(crate) first: Seq,
    pub(crate) file_bytes: u64,
    /// When it was begun.
    created: Timestamp,
    /// Set before retention gives the file another life: whatever is read from it then is no
    /// damage.
    retired: AtomicBool,
    extent: RwLock<Extent>,
    index: Mutex<Index>,
}

/// How far a segment reaches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// Where its batches end.
    pub(crate) data_end: u64,
    /// The place of its last record; the one before the first if it has none.
    pub(crate) last: Seq,
    /// How many records it holds.
    pub(crate) records: u64,
    /// Between which times its records were received, as far as they can be read.
    pub(crate) received: TimeRange,
    /// Its seal, once it has one.
    pub(crate) seal: Option<Seal>,
}

/// Where the batches of a segment are.
#[derive(Debug)]
enum Index {
    /// In memory, sparse, in the order of the file.
    Known(Vec<IndexEntry>),
    /// In the footer.
    InFooter,
}

impl Segment {
    /// A segment that begins with `header` and has no batch yet.
    pub(crate) fn begin(header: &SegmentHeader) -> Self {
        let extent = Extent {
            data_end: PAGE_BYTES as u64,
            last: Seq(header.first.0.saturating_sub(1)),
            records: 0,
            received: TimeRange::NONE,
            seal: None,
        };
        Self::new(header, extent, Index::Known(Vec::new()))
    }

    /// A sealed segment, whose footer says where its records are.
    pub(crate) fn sealed(header: &SegmentHeader, seal: Seal) -> Self {
        let extent = Extent {
            data_end: seal.data_end,
            last: seal.last,
            records: seal.records,
            received: seal.received,
            seal: Some(seal),
        };
        Self::new(header, extent, Index::InFooter)
    }

    /// A segment that was scanned.
    pub(crate) fn scanned(header: &SegmentHeader, extent: Extent, index: Vec<IndexEntry>) -> Self {
        Self::new(header, extent, Index::Known(index))
    }

    fn new(header: &SegmentHeader, extent: Extent, index: Index) -> Self {
        Self {
            lane: header.lane,
            number: header.number,
            name: names::segment(header.number),
            keys: header.secret.segment_keys(header.lane, header.number),
            epoch: header.epoch,
            first: header.first,
            file_bytes: header.file_bytes,
            created: header.created,
            retired: AtomicBool::new(false),
            extent: RwLock::new(extent),
            index: Mutex::new(index),
        }
    }

    pub(crate) fn extent(&self) -> Extent {
        *self.extent.read()
    }

    /// A time up to which it is certainly needed as a whole: when its latest record was received, or
    /// when it was begun. Restated records are older than what they stand among, and do not count.
    pub(crate) fn newest(&self) -> Timestamp {
        self.extent.read().received.latest.max(self.created)
    }

    pub(crate) fn last(&self) -> Seq {
        self.extent.read().last
    }

    /// Notes a durable batch at the end of the segment, whose records were received between these
    /// times.
    pub(crate) fn append(&self, header: &BatchHeader, received: TimeRange) {
        let offset = self.extent.read().data_end;
        if let Index::Known(index) = &mut *self.index.lock() {
            note_batch(index, header, offset, received);
        }
        let mut extent = self.extent.write();
        extent.data_end = offset + header.total_bytes();
        if header.count > 0 {
            extent.received.join(received);
            extent.records += u64::from(header.count);
            extent.last = Seq(header.next().0 - 1);
        }
    }

    /// Entries of the index, if it is in memory.
    pub(crate) fn known_index(&self) -> Option<Vec<IndexEntry>> {
        match &*self.index.lock() {
            Index::Known(index) => Some(index.clone()),
            Index::InFooter => None,
        }
    }

    /// How many entries of the index are in memory.
    pub(crate) fn known_index_len(&self) -> usize {
        match &*self.index.lock() {
            Index::Known(index) => index.len(),
            Index::InFooter => 0,
        }
    }

    /// Notes that the footer and the seal are durable.
    pub(crate) fn set_seal(&self, seal: Seal) {
        self.extent.write().seal = Some(seal);
    }

    /// Forgets the index, which the footer has too, or a scan.
    pub(crate) fn unload(&self) {
        *self.index.lock() = Index::InFooter;
    }

    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::SeqCst)
    }

    /// Looks into the index; reads the footer if the index is not in memory, and says in the second
    /// place whether it did.
    pub(crate) fn look_up<T>(
        &self,
        storage: &dyn Storage,
        file: &dyn File,
        look: impl FnOnce(&[IndexEntry]) -> T,
    ) -> io::Result<(T, bool)> {
        let mut index = self.index.lock();
        if let Index::Known(entries) = &*index {
            return Ok((look(entries), false));
        }
        let entries = self.load_index(storage, file)?;
        let found = look(&entries);
        *index = Index::Known(entries);
        Ok((found, true))
    }

    /// The index in the footer; or, if that is damaged, one that is made anew by a scan.
    fn load_index(&self, storage: &dyn Storage, file: &dyn File) -> io::Result<Vec<IndexEntry>> {
        if let Some(seal) = self.extent().seal
            && let Some(index) = read_footer_index(file, &seal, self.keys.salt)?
        {
            return Ok(index);
        }
        tracing::warn!(
            file = %storage.describe(&self.name),
            "the footer of a segment is damaged: its records are found by a scan"
        );
        let bytes = read_all(file, self.extent().data_end)?;
        let mut index = Vec::new();
        for found in Scan::new(bytes, self.lane, self.keys, PAGE_BYTES as u64) {
            if let Found::Batch(batch) = found {
                let (header, offset) = (batch.header, batch.offset);
                note_batch(&mut index, &header, offset, received(batch));
            }
        }
        Ok(index)
    }
}

/// Between which times the records of a batch were received, as far as they can be read.
fn received(batch: Batch) -> TimeRange {
    let mut received = TimeRange::NONE;
    for item in batch.records() {
        if let Item::Record(record) = item {
            received.add(record.received);
        }
    }
    received
}

/// Adds a batch to a sparse index: as a new entry if it is far enough from the last one, else to
/// what that says.
pub(crate) fn note_batch(
    index: &mut Vec<IndexEntry>,
    header: &BatchHeader,
    offset: u64,
    received: TimeRange,
) {
    if header.count == 0 {
        return;
    }
    match index.last_mut() {
        Some(last) if offset < last.offset + INDEX_EVERY => last.received.join(received),
        _ => index.push(IndexEntry {
            first: header.first,
            offset,
            received,
        }),
    }
}
