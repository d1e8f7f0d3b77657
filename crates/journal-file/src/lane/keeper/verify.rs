//! Verifying sealed segments behind the scenes: they were trusted when the lane was opened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use spica_journal_format::Item;
use spica_model::Seq;

use crate::lane::LaneLog;
use crate::segment::{Segment, SegmentReader, Step};

/// How much is verified at once.
const PART_BYTES: u64 = 1 << 20;
/// How long it waits when there is nothing to verify.
const NEVER: Duration = Duration::from_secs(3_600);

/// Reads the segments that were sealed when the lane was opened, once, slowly.
pub(super) struct Verifier {
    lane: Arc<LaneLog>,
    waiting: VecDeque<Arc<Segment>>,
    reader: Option<SegmentReader>,
    /// The place of the next record of the segment that is read.
    next: Seq,
}

impl Verifier {
    pub(super) fn new(lane: Arc<LaneLog>, waiting: Vec<Arc<Segment>>) -> Self {
        let waiting = if lane.limits.common.verify_rate == 0 {
            VecDeque::new()
        } else {
            waiting.into()
        };
        Self {
            lane,
            waiting,
            reader: None,
            next: Seq::ZERO,
        }
    }

    /// Verifies a part; returns how long to wait before the next one.
    pub(super) fn step(&mut self) -> Duration {
        if self.reader.is_none() && !self.open_next() {
            return NEVER;
        }
        let mut bytes = 0;
        while bytes < PART_BYTES {
            match self.verify_batch() {
                Some(verified) => bytes += verified,
                None => break,
            }
        }
        let rate = self.lane.limits.common.verify_rate.max(1);
        Duration::from_secs_f64(bytes as f64 / rate as f64)
    }

    fn open_next(&mut self) -> bool {
        while let Some(segment) = self.waiting.pop_front() {
            let start = spica_journal_format::PAGE_BYTES as u64;
            self.next = segment.first;
            match SegmentReader::open(&*self.lane.storage, Arc::clone(&segment), start) {
                Ok(reader) => {
                    self.reader = Some(reader);
                    return true;
                }
                Err(_) if segment.is_retired() => {}
                Err(error) => self.unreadable(&segment, &error),
            }
        }
        false
    }

    /// Verifies the next batch; none at the end of the segment.
    fn verify_batch(&mut self) -> Option<u64> {
        let reader = self.reader.as_mut()?;
        let segment = Arc::clone(&reader.segment);
        let step = reader.step();
        if segment.is_retired() {
            self.reader = None;
            return None;
        }
        let batch = match step {
            Ok(Step::Batch(batch)) => batch,
            Ok(Step::Damaged { .. }) => return Some(0),
            Ok(Step::End) => {
                self.hole(&segment, segment.last().next());
                self.reader = None;
                return None;
            }
            Err(error) => {
                self.unreadable(&segment, &error);
                self.reader = None;
                return None;
            }
        };
        self.hole(&segment, batch.header.first);
        self.next = batch.header.next();
        let bytes = batch.header.total_bytes();
        if !batch.is_whole() {
            for item in batch.records() {
                if let Item::Damaged { from, to, offset } = item {
                    self.report(&segment, from, to, offset);
                }
            }
        }
        Some(bytes)
    }

    /// Reports records that should stand before `to`.
    fn hole(&self, segment: &Segment, to: Seq) {
        if self.next < to {
            let offset = segment.extent().data_end;
            self.report(segment, self.next, Seq(to.0 - 1), offset);
        }
    }

    fn report(&self, segment: &Segment, from: Seq, to: Seq, offset: u64) {
        let reason = "found by verification: the bytes are not what was written";
        let damage = self.lane.damage(from, to, &segment.name, offset, reason);
        self.lane.report_damage(&damage);
    }

    fn unreadable(&self, segment: &Segment, error: &std::io::Error) {
        let file = self.lane.storage.describe(&segment.name);
        tracing::error!(lane = %self.lane.lane, file, "a segment cannot be verified: {error}");
    }
}
