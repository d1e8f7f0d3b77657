//! Encoding records into a batch, in one buffer that is written as it is.

use spica_model::{Epoch, NewRecord, Op, Seq, Timestamp, limits};

use crate::TimeRange;
use crate::batch::{BatchHeader, BatchKind};
use crate::record::{self, ORIGINAL_BYTES_MAX, PREFIX_BYTES_MAX, Place};
use crate::secret::SegmentKeys;

/// The most bytes a record with this topic and payload can take in a batch, whatever its place.
#[must_use]
pub fn record_bytes_max(record: &NewRecord<'_>) -> usize {
    // Key, cause and content type by their limits would be far too much for most: count them.
    let key = record.key.map_or(0, |key| 1 + key.as_bytes().len());
    let cause = record.cause.map_or(0, |cause| 1 + cause.as_str().len());
    let properties = record.properties.map_or(0, |it| it.as_bytes().len());
    let other = 1 + limits::CONTENT_TYPE_BYTES;
    let content = match record.content_type {
        spica_model::ContentType::Other(_) => other,
        _ => 0,
    };
    let original = match record.op {
        Op::Restate(_) => ORIGINAL_BYTES_MAX,
        Op::Put | Op::Delete => 0,
    };
    let texts = record.topic.as_bytes().len() + original + key + cause + properties + content;
    PREFIX_BYTES_MAX + texts + record.payload.len()
}

/// A batch that is being filled. The buffer is kept when it is started again.
#[derive(Debug)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    count: u32,
    first: Seq,
    epoch: u32,
    base: Timestamp,
    received: TimeRange,
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl BatchBuilder {
    /// An empty batch with room for `capacity` bytes, to be [started](Self::start).
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
            count: 0,
            first: Seq::ZERO,
            epoch: 0,
            base: Timestamp::EPOCH,
            received: TimeRange::NONE,
        }
    }

    /// Empties the batch and begins it anew: its first record will stand at `first`, times are
    /// relative to `base`.
    pub fn start(&mut self, first: Seq, epoch: Epoch, base: Timestamp) {
        self.bytes.clear();
        self.bytes.resize(BatchHeader::BYTES, 0);
        self.count = 0;
        (self.first, self.epoch) = (first, epoch.0);
        (self.base, self.received) = (base, TimeRange::NONE);
    }

    /// Appends a record; returns its place.
    pub fn push(&mut self, record: &NewRecord<'_>, lane_key: u64) -> Seq {
        let seq = self.next();
        let place = Place {
            index: self.count,
            seq,
            base: self.base,
            lane_key,
        };
        record::encode(&mut self.bytes, record, place);
        self.count += 1;
        // Copies are old and no part of any history: nobody looks for them by time.
        if !matches!(record.op, Op::Restate(_)) {
            self.received.add(record.received);
        }
        seq
    }

    /// Header and records so far, in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no records.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many records.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The place of the first record.
    #[must_use]
    pub const fn first(&self) -> Seq {
        self.first
    }

    /// The place of the next record.
    #[must_use]
    pub const fn next(&self) -> Seq {
        Seq(self.first.0 + self.count as u64)
    }

    /// The epoch of its records.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        Epoch(self.epoch)
    }

    /// The received time of the first record.
    #[must_use]
    pub const fn base(&self) -> Timestamp {
        self.base
    }

    /// Between which times its records were received, copies left out.
    #[must_use]
    pub const fn received(&self) -> TimeRange {
        self.received
    }

    /// Bytes of the buffer, used or not.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Completes the batch for its place in a segment: its header, and all of its bytes.
    pub fn finish(&mut self, keys: SegmentKeys, offset: u64) -> (BatchHeader, &[u8]) {
        let header = BatchHeader {
            kind: BatchKind::Records,
            body_bytes: (self.bytes.len() - BatchHeader::BYTES) as u32,
            count: self.count,
            first: self.first,
            epoch: self.epoch(),
            base: self.base,
        };
        self.bytes[..BatchHeader::BYTES].copy_from_slice(&header.encode(keys, offset));
        (header, &self.bytes)
    }

    /// All bytes, as of the last [`finish`](Self::finish).
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}
