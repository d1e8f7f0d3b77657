//! Writing the records that are put aside: a segment of its own, with number 0, which no segment of
//! a lane has. It may hold records of several epochs, and places may be missing in it. It has a seal
//! and no footer.

use std::io;

use spica_journal_format::{
    BatchBuilder, PAGE_BYTES, Seal, Secret, SegmentHeader, SegmentKeys, TimeRange, VERSION,
};
use spica_model::{Epoch, Lane, Record, Seq, Timestamp};
use spica_storage::{File, Storage};

use crate::error::OpenError;
use crate::names::ASIDE_NEW;

/// The number under which the bytes of such a file are checked.
pub(super) const NUMBER: u64 = 0;
/// A batch is written when it is longer.
const BATCH_BYTES: usize = 256 << 10;

/// Writes records that are put aside, in order.
pub(super) struct AsideWriter<'a> {
    storage: &'a dyn Storage,
    lane: Lane,
    secret: Secret,
    keys: SegmentKeys,
    now: Timestamp,
    /// Made for the first record.
    file: Option<Box<dyn File>>,
    batch: BatchBuilder,
    written: Written,
    received: TimeRange,
    end: u64,
}

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written {
    /// The epoch of the first record.
    pub(super) epoch: Epoch,
    pub(super) from: Seq,
    pub(super) to: Seq,
    pub(super) records: u64,
}

impl<'a> AsideWriter<'a> {
    pub(super) fn new(
        storage: &'a dyn Storage,
        lane: Lane,
        secret: Secret,
        now: Timestamp,
    ) -> Self {
        Self {
            storage,
            lane,
            secret,
            keys: secret.segment_keys(lane, NUMBER),
            now,
            file: None,
            batch: BatchBuilder::with_capacity(2 * BATCH_BYTES),
            written: Written {
                epoch: Epoch::FIRST,
                from: Seq::ZERO,
                to: Seq::ZERO,
                records: 0,
            },
            received: TimeRange::NONE,
            end: PAGE_BYTES as u64,
        }
    }

    pub(super) fn push(&mut self, record: &Record) -> Result<(), OpenError> {
        let position = record.position;
        if self.file.is_none() {
            let file = self.storage.create(ASIDE_NEW).map_err(self.failed())?;
            self.file = Some(file);
            (self.written.epoch, self.written.from) = (position.epoch, position.seq);
        }
        let fits = self.batch.next() == position.seq
            && self.batch.epoch() == position.epoch
            && self.batch.len() < BATCH_BYTES;
        if !fits || self.batch.is_empty() {
            self.flush()?;
            self.batch
                .start(position.seq, position.epoch, record.received);
        }
        self.batch.push(&record.as_new(), self.keys.lane_key);
        self.written.to = position.seq;
        self.written.records += 1;
        Ok(())
    }

    /// Makes all of it durable, under a name that does not count yet; none if there is no record.
    pub(super) fn finish(mut self) -> Result<Option<Written>, OpenError> {
        self.flush()?;
        let Some(file) = self.file.take() else {
            return Ok(None);
        };
        let header = SegmentHeader {
            version: VERSION,
            lane: self.lane,
            fresh: true,
            epoch: self.written.epoch,
            secret: self.secret,
            number: NUMBER,
            first: self.written.from,
            created: self.now,
            file_bytes: self.end,
        };
        let seal = Seal {
            data_end: self.end,
            last: self.written.to,
            records: self.written.records,
            footer_offset: self.end,
            footer_bytes: 0,
            received: self.received,
        };
        let written = file
            .write_at(&header.page(), 0)
            .and_then(|()| file.write_at(&seal.encode(self.keys.salt), Seal::OFFSET))
            .and_then(|()| file.sync_all());
        written.map_err(self.failed())?;
        Ok(Some(self.written))
    }

    fn flush(&mut self) -> Result<(), OpenError> {
        let Some(file) = self.file.as_ref().filter(|_| !self.batch.is_empty()) else {
            return Ok(());
        };
        self.received.join(self.batch.received());
        let (header, bytes) = self.batch.finish(self.keys, self.end);
        let written = file.write_at(bytes, self.end);
        written.map_err(self.failed())?;
        self.end += header.total_bytes();
        self.batch.start(header.next(), header.epoch, header.base);
        Ok(())
    }

    fn failed(&self) -> impl FnOnce(io::Error) -> OpenError + use<> {
        OpenError::io(self.storage.describe(ASIDE_NEW), "written")
    }
}
