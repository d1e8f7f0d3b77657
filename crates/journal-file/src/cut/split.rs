//! Parting the records of a lane: those that stay, and those that are put aside.

use std::collections::BTreeSet;

use spica_journal_format::{Batch, BatchKind, Item};
use spica_model::{Record, Seq};

use super::aside::AsideWriter;
use crate::error::OpenError;

/// Parts the records of a lane, in their order.
pub(super) struct Split<'a> {
    /// The last record that may stay.
    pub(super) stays: Seq,
    /// Where the records behind it go; none if they go nowhere.
    pub(super) aside: Option<AsideWriter<'a>>,
    /// The place after the last record that was met.
    pub(super) next: Seq,
    /// The last record that stays, and where it stands.
    pub(super) last: Option<(Seq, u64, Batch)>,
    /// The first segment that is in use.
    pub(super) oldest: Option<(u64, Seq)>,
    /// Segments that hold what cannot be read, or is not used.
    pub(super) unclear: BTreeSet<u64>,
}

impl Split<'_> {
    /// Takes the records of the next batch of the lane, which stands in `segment`.
    pub(super) fn batch(&mut self, segment: u64, batch: &Batch) -> Result<(), OpenError> {
        let header = batch.header;
        if header.kind != BatchKind::Records {
            return Ok(());
        }
        for item in batch.clone().records() {
            match item {
                Item::Record(record) if record.position.seq >= self.next => {
                    self.record(segment, batch, &record)?;
                }
                Item::Record(_) | Item::Damaged { .. } => drop(self.unclear.insert(segment)),
            }
        }
        self.next = self.next.max(header.next());
        Ok(())
    }

    fn record(&mut self, segment: u64, batch: &Batch, record: &Record) -> Result<(), OpenError> {
        let seq = record.position.seq;
        self.next = seq.next();
        if seq <= self.stays {
            self.last = Some((seq, segment, batch.clone()));
            return Ok(());
        }
        match &mut self.aside {
            Some(aside) => aside.push(record),
            None => Ok(()),
        }
    }
}
