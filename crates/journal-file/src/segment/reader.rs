//! Reading the batches of a segment in order, a window of the file at a time.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use spica_journal_format::{Batch, BatchHeader, next_batch};
use spica_storage::{File, Mode, Storage};

use super::{Segment, read_at};

/// How much is read at once. A record that a reader keeps holds on to all of it.
const WINDOW_BYTES: usize = 256 << 10;

/// Reads the batches of a segment in order.
pub(crate) struct SegmentReader {
    pub(crate) segment: Arc<Segment>,
    file: Box<dyn File>,
    window: Bytes,
    window_at: u64,
    /// Where the next batch begins.
    at: u64,
}

/// What stands next in a segment.
#[derive(Debug)]
pub(crate) enum Step {
    /// A batch whose header is right.
    Batch(Batch),
    /// Bytes that are none, from here to the next one or to the end.
    Damaged { offset: u64 },
    /// Nothing more, as far as the segment reaches now.
    End,
}

impl SegmentReader {
    pub(crate) fn open(storage: &dyn Storage, segment: Arc<Segment>, at: u64) -> io::Result<Self> {
        let file = storage.open(&segment.name, Mode::Read)?;
        Ok(Self {
            segment,
            file,
            window: Bytes::new(),
            window_at: at,
            at,
        })
    }

    pub(crate) fn file(&self) -> &dyn File {
        &*self.file
    }

    /// Goes to another place of the segment, where a batch begins.
    pub(crate) const fn seek(&mut self, at: u64) {
        self.at = at;
    }

    /// The next batch. Only what was durable at some time of the call is read.
    pub(crate) fn step(&mut self) -> io::Result<Step> {
        let end = self.segment.extent().data_end;
        if self.at >= end {
            return Ok(Step::End);
        }
        if let Some(batch) = self.batch(end)? {
            return Ok(Step::Batch(batch));
        }
        // A read can go wrong once: what seems damaged is read again.
        self.window = Bytes::new();
        if let Some(batch) = self.batch(end)? {
            return Ok(Step::Batch(batch));
        }
        let offset = self.at;
        let rest = read_at(&*self.file, offset, (end - offset) as usize)?;
        self.at = next_batch(&rest, offset, self.segment.keys, offset + 1).unwrap_or(end);
        Ok(Step::Damaged { offset })
    }

    /// The batch at the present place, if it is good, and goes on after it.
    fn batch(&mut self, end: u64) -> io::Result<Option<Batch>> {
        let keys = self.segment.keys;
        let mut bytes = self.bytes(BatchHeader::BYTES, end)?;
        let header = BatchHeader::decode(&bytes, keys, self.at);
        if let Some(header) = header
            && header.total_bytes() <= end - self.at
        {
            if header.total_bytes() > bytes.len() as u64 {
                bytes = self.bytes(header.total_bytes() as usize, end)?;
            }
            if let Some(batch) = Batch::at_start_of(&bytes, self.segment.lane, keys, self.at) {
                self.at = batch.end();
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// What the window holds from the present place on, at least `len` bytes unless the file ends.
    fn bytes(&mut self, len: usize, end: u64) -> io::Result<Bytes> {
        let held = self
            .at
            .checked_sub(self.window_at)
            .and_then(|skip| usize::try_from(skip).ok())
            .filter(|skip| skip + len <= self.window.len());
        if let Some(skip) = held {
            return Ok(self.window.slice(skip..));
        }
        let wanted = (len.max(WINDOW_BYTES) as u64).min(end - self.at);
        self.window = read_at(&*self.file, self.at, wanted as usize)?;
        self.window_at = self.at;
        Ok(self.window.clone())
    }
}
