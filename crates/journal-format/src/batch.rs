//! A batch: the unit of a commit. A header, and the frames of its records.

use bytes::Bytes;
use spica_model::{Epoch, Lane, Seq, Timestamp};

use crate::fields::Fields;
use crate::records::Records;
use crate::secret::{SegmentKeys, offset_seed};

/// What a batch is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchKind {
    /// Records.
    Records,
    /// No records: everything before it was durable before it was written, so that damage before it
    /// cannot be taken for a torn tail.
    Mark,
    /// As [`BatchKind::Mark`], and nothing was waiting: the lane was closed in order.
    Close,
}

/// What stands before the records of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchHeader {
    /// What it is for.
    pub kind: BatchKind,
    /// The bytes after the header.
    pub body_bytes: u32,
    /// How many records.
    pub count: u32,
    /// The place of the first record; of the next one to come if there are none.
    pub first: Seq,
    /// The epoch of all of its records.
    pub epoch: Epoch,
    /// What the received times are relative to.
    pub base: Timestamp,
}

impl BatchHeader {
    /// Bytes of a header: salt 8, checksum 4, body length 4, first 8, base time 8, count 4, epoch 4,
    /// kind 1, reserved 3.
    pub const BYTES: usize = 44;

    /// The place after the last record.
    #[must_use]
    pub const fn next(&self) -> Seq {
        Seq(self.first.0.saturating_add(self.count as u64))
    }

    /// Header and body, in bytes.
    #[must_use]
    pub const fn total_bytes(&self) -> u64 {
        Self::BYTES as u64 + self.body_bytes as u64
    }

    /// The bytes of the header in the segment of `keys` at `offset` of its file.
    #[must_use]
    pub fn encode(&self, keys: SegmentKeys, offset: u64) -> [u8; Self::BYTES] {
        let mut out = [0; Self::BYTES];
        out[..8].copy_from_slice(&keys.salt.to_le_bytes());
        out[12..16].copy_from_slice(&self.body_bytes.to_le_bytes());
        out[16..24].copy_from_slice(&self.first.0.to_le_bytes());
        out[24..32].copy_from_slice(&self.base.as_micros().to_le_bytes());
        out[32..36].copy_from_slice(&self.count.to_le_bytes());
        out[36..40].copy_from_slice(&self.epoch.0.to_le_bytes());
        out[40] = match self.kind {
            BatchKind::Records => 0,
            BatchKind::Mark => 1,
            BatchKind::Close => 2,
        };
        let checksum = crc32c::crc32c_append(offset_seed(offset), &out[12..]);
        out[8..12].copy_from_slice(&checksum.to_le_bytes());
        out
    }

    /// The header at the start of `bytes`, which stand at `offset` of the file, if its salt and its
    /// checksum are right.
    #[must_use]
    pub fn decode(bytes: &[u8], keys: SegmentKeys, offset: u64) -> Option<Self> {
        let header = bytes.first_chunk::<{ Self::BYTES }>()?;
        let mut fields = Fields::new(header);
        let (salt, checksum) = (fields.u64()?, fields.u32()?);
        let right = salt == keys.salt
            && checksum == crc32c::crc32c_append(offset_seed(offset), &header[12..]);
        if !right {
            return None;
        }
        let body_bytes = fields.u32()?;
        let (first, base) = (fields.seq()?, fields.time()?);
        let (count, epoch) = (fields.u32()?, fields.epoch()?);
        let kind = match (fields.u8()?, count) {
            (0, 1..) => BatchKind::Records,
            (1, 0) => BatchKind::Mark,
            (2, 0) => BatchKind::Close,
            _ => return None,
        };
        Some(Self {
            kind,
            body_bytes,
            count,
            first,
            epoch,
            base,
        })
    }
}

/// A batch whose header is right; its records are checked one by one as they are read.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The header.
    pub header: BatchHeader,
    /// Where it begins in its file.
    pub offset: u64,
    pub(crate) body: Bytes,
    pub(crate) lane: Lane,
    pub(crate) lane_key: u64,
}

impl Batch {
    /// The batch at the start of `bytes`, which stand at `offset` of the file. `None` if the header
    /// is wrong, or if `bytes` end before the batch does.
    #[must_use]
    pub fn at_start_of(bytes: &Bytes, lane: Lane, keys: SegmentKeys, offset: u64) -> Option<Self> {
        let header = BatchHeader::decode(bytes, keys, offset)?;
        let end = BatchHeader::BYTES + header.body_bytes as usize;
        if end > bytes.len() {
            return None;
        }
        let body = bytes.slice(BatchHeader::BYTES..end);
        Some(Self {
            header,
            offset,
            body,
            lane,
            lane_key: keys.lane_key,
        })
    }

    /// The batch that a builder has just encoded: `body` is what it calls its body.
    #[must_use]
    pub const fn new(
        header: BatchHeader,
        offset: u64,
        body: Bytes,
        lane: Lane,
        keys: SegmentKeys,
    ) -> Self {
        Self {
            header,
            offset,
            body,
            lane,
            lane_key: keys.lane_key,
        }
    }

    /// A batch as another node wrote it, with the lane key of that node's journal. Nothing is known of
    /// its file.
    #[must_use]
    pub const fn of_partner(header: BatchHeader, body: Bytes, lane: Lane, lane_key: u64) -> Self {
        Self {
            header,
            offset: 0,
            body,
            lane,
            lane_key,
        }
    }

    /// The frames of its records.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// Where the next batch begins in the file.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.offset.saturating_add(self.header.total_bytes())
    }

    /// The records from the first on.
    #[must_use]
    pub const fn records(self) -> Records {
        Records::new(self)
    }

    /// The header of this batch if it ended with the record at `last`: the bytes of the records up to
    /// there stay as they are. `None` if no good record stands at `last`.
    #[must_use]
    pub fn header_up_to(&self, last: Seq) -> Option<BatchHeader> {
        let body_bytes = Records::new(self.clone()).end_of(last)?;
        let count = last.0.checked_sub(self.header.first.0)? + 1;
        Some(BatchHeader {
            body_bytes: u32::try_from(body_bytes).ok()?,
            count: u32::try_from(count).ok()?,
            ..self.header
        })
    }

    /// Whether every record is good.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        Records::new(self.clone()).all_hold()
    }
}
