//! Walking a segment that no footer describes.

use bytes::Bytes;
use spica_model::Lane;

use crate::batch::{Batch, BatchHeader};
use crate::secret::SegmentKeys;

/// What stands next in a segment.
#[derive(Debug, Clone)]
pub enum Found {
    /// A batch whose header is right; its records may still be damaged.
    Batch(Batch),
    /// Bytes that are no batch, before another batch.
    Damaged {
        /// Where they begin.
        offset: u64,
        /// Where the next batch begins.
        end: u64,
    },
    /// No batch from here on.
    End {
        /// Where.
        offset: u64,
    },
}

/// Walks the batches in the bytes of a whole segment file.
#[derive(Debug, Clone)]
pub struct Scan {
    bytes: Bytes,
    lane: Lane,
    keys: SegmentKeys,
    at: usize,
    ended: bool,
}

impl Scan {
    /// A walk over `bytes`, the whole file, from offset `from` on.
    #[must_use]
    pub const fn new(bytes: Bytes, lane: Lane, keys: SegmentKeys, from: u64) -> Self {
        Self {
            bytes,
            lane,
            keys,
            at: from as usize,
            ended: false,
        }
    }
}

impl Iterator for Scan {
    type Item = Found;

    /// Batches and damage in the order of the file, then one [`Found::End`].
    fn next(&mut self) -> Option<Found> {
        if self.ended {
            return None;
        }
        let offset = self.at as u64;
        let rest = self.bytes.slice(self.at.min(self.bytes.len())..);
        if let Some(batch) = Batch::at_start_of(&rest, self.lane, self.keys, offset) {
            self.at = batch.end() as usize;
            return Some(Found::Batch(batch));
        }
        if let Some(end) = next_batch(&self.bytes, 0, self.keys, offset + 1) {
            self.at = end as usize;
            return Some(Found::Damaged { offset, end });
        }
        self.ended = true;
        Some(Found::End { offset })
    }
}

/// Where in the file the first batch at or after `from` begins, as far as `bytes` reach, which stand
/// at `base` of the file. Only whole batches with a right header count.
#[must_use]
pub fn next_batch(bytes: &[u8], base: u64, keys: SegmentKeys, from: u64) -> Option<u64> {
    let salt = keys.salt.to_le_bytes();
    let finder = memchr::memmem::Finder::new(&salt);
    let mut at = usize::try_from(from.checked_sub(base)?).ok()?;
    loop {
        at += finder.find(bytes.get(at..)?)?;
        let offset = base + at as u64;
        let whole = BatchHeader::decode(&bytes[at..], keys, offset)
            .is_some_and(|header| at as u64 + header.total_bytes() <= bytes.len() as u64);
        if whole {
            return Some(offset);
        }
        at += 1;
    }
}
