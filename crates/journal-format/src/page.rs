//! The first page of a segment file: what the segment is, and, once it is sealed, how it ended.

use spica_model::{Epoch, Lane, Seq, Timestamp};

use crate::fields::{Fields, PutFields, checked, put_checksum};
use crate::secret::Secret;
use crate::{FormatError, TimeRange, VERSION};

/// Bytes of the first page; batches begin after it.
pub const PAGE_BYTES: usize = 4_096;
/// Where in the page the seal stands: in a sector of its own, so that writing it endangers nothing.
const SEAL_AT: usize = 2_048;

const HEADER_MAGIC: [u8; 8] = *b"SPICASEG";
const SEAL_MAGIC: [u8; 8] = *b"SPICAEND";
/// Magic 8, version 2, lane 1, fresh 1, epoch 4, secret 16, number 8, first 8, created 8, file bytes
/// 8, checksum 4.
const HEADER_BYTES: usize = 68;
/// Magic 8, salt 8, data end 8, last 8, records 8, footer offset 8, footer bytes 8, earliest 8,
/// latest 8, checksum 4.
const SEAL_BYTES: usize = 76;

/// What a segment is, written with its first batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentHeader {
    /// Version of the format of everything in the file.
    pub version: u16,
    /// The lane.
    pub lane: Lane,
    /// Whether the file held only zeros when the segment began; else old bytes follow its end.
    pub fresh: bool,
    /// The epoch of all of its records.
    pub epoch: Epoch,
    /// The secret of the journal, so that it can be had back from any segment.
    pub secret: Secret,
    /// The number of the segment in its lane: never given twice.
    pub number: u64,
    /// The place of its first record.
    pub first: Seq,
    /// When it began.
    pub created: Timestamp,
    /// Length of the file.
    pub file_bytes: u64,
}

/// How a segment ended, written after its footer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seal {
    /// Where its batches end.
    pub data_end: u64,
    /// The place of its last record; the one before the first if it has none.
    pub last: Seq,
    /// How many records it holds; less than its places if some are lost.
    pub records: u64,
    /// Where its footer begins.
    pub footer_offset: u64,
    /// Length of the footer.
    pub footer_bytes: u64,
    /// Between which times its records were received.
    pub received: TimeRange,
}

/// A part of a page: never written, good, or damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot<T> {
    /// Only zeros: never written.
    Blank,
    /// As it was written.
    Good(T),
    /// Anything else: torn in a crash, or damaged since.
    Damaged,
}

impl<T> Slot<T> {
    /// What was written, if it is good.
    pub fn good(self) -> Option<T> {
        match self {
            Self::Good(value) => Some(value),
            Self::Blank | Self::Damaged => None,
        }
    }
}

/// The first page of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// What the segment is.
    pub header: Slot<SegmentHeader>,
    /// How it ended.
    pub seal: Slot<Seal>,
}

impl Page {
    /// Reads a page, whose segment has `salt`.
    ///
    /// # Errors
    /// [`FormatError::Newer`] if a later program wrote the segment. Damage is no error: see [`Slot`].
    pub fn decode(bytes: &[u8], salt: u64) -> Result<Self, FormatError> {
        let header = bytes.get(..HEADER_BYTES).unwrap_or_default();
        let seal = bytes.get(SEAL_AT..SEAL_AT + SEAL_BYTES).unwrap_or_default();
        let header = decode_header(header)?;
        let mut seal = decode_seal(seal, salt);
        if let (Slot::Good(header), Slot::Good(seal)) = (header, &mut seal)
            && header.version < 2
        {
            // Version 1 looked at the first record of each batch only.
            seal.received.earliest = TimeRange::ANY.earliest;
        }
        Ok(Self { header, seal })
    }

    /// Whether nothing was ever written here, as far as the page can tell.
    #[must_use]
    pub const fn is_blank(&self) -> bool {
        matches!((self.header, self.seal), (Slot::Blank, Slot::Blank))
    }
}

fn slot<T>(bytes: &[u8], decoded: Option<T>) -> Slot<T> {
    match decoded {
        Some(value) => Slot::Good(value),
        None if bytes.iter().all(|byte| *byte == 0) => Slot::Blank,
        None => Slot::Damaged,
    }
}

fn decode_header(bytes: &[u8]) -> Result<Slot<SegmentHeader>, FormatError> {
    let decoded = read_header(bytes);
    if let Some(header) = decoded
        && header.version > VERSION
    {
        return Err(FormatError::Newer {
            found: header.version,
        });
    }
    Ok(slot(bytes, decoded))
}

/// Every version keeps these fields and this checksum where they are.
fn read_header(bytes: &[u8]) -> Option<SegmentHeader> {
    let mut fields = Fields::new(checked(bytes)?);
    if fields.array()? != HEADER_MAGIC {
        return None;
    }
    Some(SegmentHeader {
        version: fields.u16()?,
        lane: fields.lane()?,
        fresh: fields.u8()? == 1,
        epoch: fields.epoch()?,
        secret: Secret(fields.array()?),
        number: fields.u64()?,
        first: fields.seq()?,
        created: fields.time()?,
        file_bytes: fields.u64()?,
    })
}

fn decode_seal(bytes: &[u8], salt: u64) -> Slot<Seal> {
    slot(bytes, read_seal(bytes, salt))
}

fn read_seal(bytes: &[u8], salt: u64) -> Option<Seal> {
    let mut fields = Fields::new(checked(bytes)?);
    if fields.array()? != SEAL_MAGIC || fields.u64()? != salt {
        return None;
    }
    Some(Seal {
        data_end: fields.u64()?,
        last: fields.seq()?,
        records: fields.u64()?,
        footer_offset: fields.u64()?,
        footer_bytes: fields.u64()?,
        received: TimeRange {
            earliest: fields.time()?,
            latest: fields.time()?,
        },
    })
}

impl SegmentHeader {
    /// The whole first page of a segment that begins: the header, and no seal.
    #[must_use]
    pub fn page(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAGE_BYTES);
        out.put(&HEADER_MAGIC)
            .put_u16(self.version)
            .put_u8(self.lane.index() as u8)
            .put_u8(u8::from(self.fresh))
            .put_u32(self.epoch.0)
            .put(&self.secret.0)
            .put_u64(self.number)
            .put_u64(self.first.0)
            .put_time(self.created)
            .put_u64(self.file_bytes);
        put_checksum(&mut out, 0);
        out.resize(PAGE_BYTES, 0);
        out
    }
}

impl Seal {
    /// Where in the file a seal stands.
    pub const OFFSET: u64 = SEAL_AT as u64;

    /// The bytes of the seal of the segment with `salt`.
    #[must_use]
    pub fn encode(&self, salt: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEAL_BYTES);
        out.put(&SEAL_MAGIC)
            .put_u64(salt)
            .put_u64(self.data_end)
            .put_u64(self.last.0)
            .put_u64(self.records)
            .put_u64(self.footer_offset)
            .put_u64(self.footer_bytes)
            .put_time(self.received.earliest)
            .put_time(self.received.latest);
        put_checksum(&mut out, 0);
        out
    }
}
