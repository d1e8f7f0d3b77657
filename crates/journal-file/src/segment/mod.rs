//! One segment file as the lane knows it while it runs: what is in it and where.

mod map;
mod read;
mod reader;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, RwLock};
use spica_journal_format::{BatchHeader, IndexEntry, PAGE_BYTES, Seal, SegmentHeader, SegmentKeys};
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
    /// Earliest received time of a batch.
    pub(crate) earliest: Timestamp,
    /// Latest received time of a record.
    pub(crate) latest: Timestamp,
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
            earliest: header.created,
            latest: Timestamp::EPOCH,
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
            earliest: seal.earliest,
            latest: seal.latest,
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
            retired: AtomicBool::new(false),
            extent: RwLock::new(extent),
            index: Mutex::new(index),
        }
    }

    pub(crate) fn extent(&self) -> Extent {
        *self.extent.read()
    }

    pub(crate) fn last(&self) -> Seq {
        self.extent.read().last
    }

    /// Notes a durable batch at the end of the segment.
    pub(crate) fn append(&self, header: &BatchHeader, latest: Timestamp) {
        let offset = self.extent.read().data_end;
        self.index_batch(header, offset);
        let mut extent = self.extent.write();
        extent.data_end = offset + header.total_bytes();
        if header.count > 0 {
            extent.earliest = extent.earliest.min(header.base);
            extent.latest = extent.latest.max(latest);
            extent.records += u64::from(header.count);
            extent.last = Seq(header.next().0 - 1);
        }
    }

    fn index_batch(&self, header: &BatchHeader, offset: u64) {
        if let Index::Known(index) = &mut *self.index.lock() {
            note_batch(index, header, offset);
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

    /// Where to begin reading: the last indexed batch of which `not_too_late` holds, or the first
    /// batch. Reads the footer if the index is not in memory; says in the second place whether it
    /// did.
    pub(crate) fn place(
        &self,
        storage: &dyn Storage,
        file: &dyn File,
        not_too_late: impl Fn(&IndexEntry) -> bool,
    ) -> io::Result<(u64, bool)> {
        let mut index = self.index.lock();
        let mut loaded = false;
        if matches!(*index, Index::InFooter) {
            *index = Index::Known(self.load_index(storage, file)?);
            loaded = true;
        }
        let Index::Known(entries) = &*index else {
            return Ok((PAGE_BYTES as u64, loaded));
        };
        let after = entries.partition_point(not_too_late);
        let entry = after.checked_sub(1).and_then(|at| entries.get(at));
        Ok((
            entry.map_or(PAGE_BYTES as u64, |entry| entry.offset),
            loaded,
        ))
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
        for found in spica_journal_format::Scan::new(bytes, self.lane, self.keys, PAGE_BYTES as u64)
        {
            if let spica_journal_format::Found::Batch(batch) = found {
                note_batch(&mut index, &batch.header, batch.offset);
            }
        }
        Ok(index)
    }
}

/// Adds a batch to a sparse index, if it is far enough from the last one in it.
pub(crate) fn note_batch(index: &mut Vec<IndexEntry>, header: &BatchHeader, offset: u64) {
    let due = index
        .last()
        .is_none_or(|last| offset >= last.offset + INDEX_EVERY);
    if due && header.count > 0 {
        index.push(IndexEntry {
            first: header.first,
            offset,
            received: header.base,
        });
    }
}
