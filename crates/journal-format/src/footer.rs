//! The footer of a sealed segment: where its records are, and which keys it holds.

use spica_model::{Seq, Timestamp};

use crate::TimeRange;
use crate::fields::{Fields, PutFields, checked, put_checksum};
use crate::secret::KeyHash;

const MAGIC: [u8; 8] = *b"SPICAFT2";
/// The footer of version 1: its index had 24 bytes per entry, with the received time of a batch's
/// first record at the end.
const MAGIC_1: [u8; 8] = *b"SPICAFTR";
const INDEX_ENTRY_BYTES_1: usize = 24;

/// Where in a segment a batch begins, and what is said of the records from there to the next entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexEntry {
    /// The place of its first record.
    pub first: Seq,
    /// Its offset in the file.
    pub offset: u64,
    /// Between which times the records were received that stand from here to the batch of the next
    /// entry, or to the end.
    pub received: TimeRange,
}

/// An idempotency key of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyEntry {
    /// Its keyed hash.
    pub hash: KeyHash,
    /// The record that has it.
    pub seq: Seq,
    /// When that was received, in whole seconds since 1970; 0 if before.
    pub received_secs: u32,
}

impl KeyEntry {
    /// The entry of the record at `seq`.
    #[must_use]
    pub fn new(hash: KeyHash, seq: Seq, received: Timestamp) -> Self {
        let secs = received.as_micros().div_euclid(1_000_000);
        let received_secs = secs.clamp(0, i64::from(u32::MAX)) as u32;
        Self {
            hash,
            seq,
            received_secs,
        }
    }
}

/// What stands before the two tables of a footer, with their checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FooterHead {
    /// Entries of the index.
    pub index_entries: u64,
    /// Entries of the key table.
    pub key_entries: u64,
    /// Whether the index says between which times records were received.
    timed: bool,
    index_checksum: u32,
    keys_checksum: u32,
}

/// The two tables, for writing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Footer {
    /// Some of the batches, in the order of the file; the first batch is always among them.
    pub index: Vec<IndexEntry>,
    /// All keys, in the order of their records: so the window of the newest keys is the end of it.
    pub keys: Vec<KeyEntry>,
}

impl FooterHead {
    /// Bytes of the head: magic 8, salt 8, counts 8 + 8, checksums 4 + 4 + 4.
    pub const BYTES: usize = 44;

    /// Reads the head of the footer of the segment with `salt`; `None` if it is damaged.
    #[must_use]
    pub fn decode(bytes: &[u8], salt: u64) -> Option<Self> {
        let mut fields = Fields::new(checked(bytes.get(..Self::BYTES)?)?);
        let magic = fields.array()?;
        if ![MAGIC, MAGIC_1].contains(&magic) || fields.u64()? != salt {
            return None;
        }
        Some(Self {
            timed: magic == MAGIC,
            index_entries: fields.u64()?,
            key_entries: fields.u64()?,
            index_checksum: fields.u32()?,
            keys_checksum: fields.u32()?,
        })
    }

    /// Where in the footer the index stands: offset and length; `None` if the head is absurd.
    #[must_use]
    pub fn index_span(&self) -> Option<(u64, u64)> {
        let len = self
            .index_entries
            .checked_mul(self.index_entry_bytes() as u64)?;
        Some((Self::BYTES as u64, len))
    }

    /// Where in the footer the keys stand: offset and length; `None` if the head is absurd.
    #[must_use]
    pub fn keys_span(&self) -> Option<(u64, u64)> {
        let (at, len) = self.index_span()?;
        let keys_len = self
            .key_entries
            .checked_mul(Footer::KEY_ENTRY_BYTES as u64)?;
        Some((at.checked_add(len)?, keys_len))
    }

    /// Reads the index from the bytes of its span; `None` if they are damaged.
    #[must_use]
    pub fn index(&self, bytes: &[u8]) -> Option<Vec<IndexEntry>> {
        if crc32c::crc32c(bytes) != self.index_checksum {
            return None;
        }
        let entries = bytes.chunks_exact(self.index_entry_bytes()).map(|entry| {
            let mut fields = Fields::new(entry);
            Some(IndexEntry {
                first: fields.seq()?,
                offset: fields.u64()?,
                received: self.received(&mut fields)?,
            })
        });
        entries.collect()
    }

    const fn index_entry_bytes(&self) -> usize {
        if self.timed {
            Footer::INDEX_ENTRY_BYTES
        } else {
            INDEX_ENTRY_BYTES_1
        }
    }

    fn received(&self, fields: &mut Fields<'_>) -> Option<TimeRange> {
        if !self.timed {
            return Some(TimeRange::ANY);
        }
        Some(TimeRange {
            earliest: fields.time()?,
            latest: fields.time()?,
        })
    }

    /// Reads the keys from the bytes of their span, those of records from `first` on; `None` if they
    /// are damaged.
    #[must_use]
    pub fn keys(&self, bytes: &[u8], first: Seq) -> Option<Vec<KeyEntry>> {
        if crc32c::crc32c(bytes) != self.keys_checksum {
            return None;
        }
        let entries = bytes.chunks_exact(Footer::KEY_ENTRY_BYTES).map(|entry| {
            let mut fields = Fields::new(entry);
            Some(KeyEntry {
                hash: KeyHash(fields.u64()?, fields.u64()?),
                seq: Seq(first.0.checked_add(u64::from(fields.u32()?))?),
                received_secs: fields.u32()?,
            })
        });
        entries.collect()
    }
}

impl Footer {
    /// Bytes of an index entry: first 8, offset 8, earliest 8, latest 8.
    pub const INDEX_ENTRY_BYTES: usize = 32;
    /// Bytes of a key entry: hash 16, distance from the segment's first record 4, seconds 4.
    pub const KEY_ENTRY_BYTES: usize = 24;

    /// Bytes of a footer with so many entries.
    #[must_use]
    pub const fn bytes(index_entries: usize, key_entries: usize) -> u64 {
        let tables = index_entries * Self::INDEX_ENTRY_BYTES + key_entries * Self::KEY_ENTRY_BYTES;
        (FooterHead::BYTES + tables) as u64
    }

    /// The bytes of the footer of a segment with `salt` and `first`.
    #[must_use]
    pub fn encode(&self, salt: u64, first: Seq) -> Vec<u8> {
        let mut index = Vec::with_capacity(self.index.len() * Self::INDEX_ENTRY_BYTES);
        for entry in &self.index {
            index
                .put_u64(entry.first.0)
                .put_u64(entry.offset)
                .put_time(entry.received.earliest)
                .put_time(entry.received.latest);
        }
        let mut keys = Vec::with_capacity(self.keys.len() * Self::KEY_ENTRY_BYTES);
        for entry in &self.keys {
            let distance = entry.seq.0.saturating_sub(first.0);
            keys.put_u64(entry.hash.0)
                .put_u64(entry.hash.1)
                .put_u32(u32::try_from(distance).unwrap_or(u32::MAX))
                .put_u32(entry.received_secs);
        }
        let mut out = Vec::with_capacity(FooterHead::BYTES + index.len() + keys.len());
        out.put(&MAGIC)
            .put_u64(salt)
            .put_u64(self.index.len() as u64)
            .put_u64(self.keys.len() as u64)
            .put_u32(crc32c::crc32c(&index))
            .put_u32(crc32c::crc32c(&keys));
        put_checksum(&mut out, 0);
        out.put(&index).put(&keys);
        out
    }
}
