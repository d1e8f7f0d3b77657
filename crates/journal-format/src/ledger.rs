//! The file `lost` of a lane: ranges an operator has given up by a repair.

use spica_model::{Seq, Timestamp};

use crate::fields::{Fields, PutFields, put_checksum, read_small_file};
use crate::{FormatError, VERSION};

const MAGIC: [u8; 8] = *b"SPICALST";

/// Records that are lost, and known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The first of them.
    pub from: Seq,
    /// The last of them.
    pub to: Seq,
    /// The file in which they stood, if it is known.
    pub file: String,
    /// Where in the file.
    pub offset: u64,
    /// When they were given up.
    pub repaired: Timestamp,
    /// Why they are lost, and where their bytes are kept.
    pub reason: String,
}

/// All ranges that are lost and known to be, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The ranges.
    pub lost: Vec<Lost>,
}

impl Ledger {
    /// The lost range that holds `seq`.
    #[must_use]
    pub fn holding(&self, seq: Seq) -> Option<&Lost> {
        self.lost
            .iter()
            .find(|lost| lost.from <= seq && seq <= lost.to)
    }

    /// The last record of all lost ranges.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.lost
            .iter()
            .map(|lost| lost.to)
            .max()
            .unwrap_or_default()
    }

    /// Whether every record of `from..=to` is given up.
    #[must_use]
    pub fn covers(&self, from: Seq, to: Seq) -> bool {
        let mut next = from;
        while next <= to {
            match self.holding(next) {
                Some(lost) => next = lost.to.next(),
                None => return false,
            }
        }
        true
    }

    /// The bytes of the file: magic 8, version 2, reserved 2, count 4, the ranges, checksum 4.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put(&MAGIC)
            .put_u16(VERSION)
            .put_u16(0)
            .put_u32(self.lost.len() as u32);
        for lost in &self.lost {
            out.put_u64(lost.from.0)
                .put_u64(lost.to.0)
                .put_u64(lost.offset)
                .put_time(lost.repaired)
                .put_short_text(&lost.file)
                .put_long_text(&lost.reason);
        }
        put_checksum(&mut out, 0);
        out
    }

    /// Reads the file.
    ///
    /// # Errors
    /// If it is damaged, or a later program wrote it.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        read_small_file(bytes, MAGIC, Self::read)
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        fields.u16()?;
        let count = fields.u32()?;
        let lost = (0..count).map(|_| {
            Some(Lost {
                from: fields.seq()?,
                to: fields.seq()?,
                offset: fields.u64()?,
                repaired: fields.time()?,
                file: fields.short_text()?,
                reason: fields.long_text()?,
            })
        });
        lost.collect::<Option<_>>().map(|lost| Self { lost })
    }
}
