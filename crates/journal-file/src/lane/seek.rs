//! Finding a place by time.

use std::sync::Arc;

use spica_journal_format::Item;
use spica_model::{Seq, Timestamp};

use super::LaneLog;
use crate::segment::{Segment, SegmentReader, Step};

impl LaneLog {
    /// See [`spica_journal::Journal::seek`].
    pub(crate) fn seek(self: &Arc<Self>, time: Timestamp) -> Seq {
        let durable = self.watermark.durable();
        let mut before = durable;
        for segment in self.segments.all().into_iter().rev() {
            before = Seq(segment.first.0.saturating_sub(1)).min(durable);
            if segment.extent().earliest < time {
                return self.seek_in(&segment, time).unwrap_or(before);
            }
        }
        before
    }

    /// The place before the first record of `segment` that was received at `time` or later.
    fn seek_in(self: &Arc<Self>, segment: &Arc<Segment>, time: Timestamp) -> Option<Seq> {
        let mut reader = SegmentReader::open(&*self.storage, Arc::clone(segment), 0).ok()?;
        let (at, loaded) = segment
            .place(&*self.storage, reader.file(), |entry| entry.received < time)
            .ok()?;
        if loaded {
            self.segments.note_loaded(segment);
        }
        reader.seek(at);
        let mut before = Seq(segment.first.0.saturating_sub(1));
        loop {
            let batch = match reader.step().ok()? {
                Step::Batch(batch) => batch,
                Step::Damaged { .. } => continue,
                Step::End => return Some(before.min(self.watermark.durable())),
            };
            for item in batch.records() {
                match item {
                    Item::Record(record) if record.received >= time => return Some(before),
                    Item::Record(record) => before = record.position.seq,
                    Item::Damaged { to, .. } => before = to,
                }
            }
        }
    }
}
