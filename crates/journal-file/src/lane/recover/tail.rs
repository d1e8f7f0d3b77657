//! The end of a lane: torn, damaged, or sound; and whether it can go on.

use std::sync::Arc;

use spica_journal_format::{BatchHeader, PAGE_BYTES, Page, Slot};
use spica_model::Seq;
use spica_storage::File;

use super::inventory::SegmentFile;
use super::pass::Pass;
use super::{Opening, Scanned};
use crate::OpenError;
use crate::lane::roll::Active;
use crate::names;
use crate::report::TornTail;
use crate::segment::{Segment, read_at};

impl Pass<'_> {
    /// The newest segment that holds anything.
    pub(super) fn newest(&mut self, segment: &SegmentFile) -> Result<(), OpenError> {
        if self.opens() && self.trust(segment) {
            return Ok(());
        }
        if matches!(segment.page.seal, Slot::Good(_)) {
            return self.older(segment);
        }
        let Some(scanned) = self.scan_surely(segment)? else {
            return Ok(());
        };
        let scanned = self.decide(scanned, &segment.name);
        self.take_over(&scanned);
        self.report.clean = scanned.closed;
        let lost_end = self.expected <= self.proven;
        if scanned.remains && !lost_end {
            self.cut(segment, &scanned)?;
        }
        if !scanned.closed && self.opens() {
            let path = self.describe.storage.describe(&segment.name);
            let file = self.file(segment)?;
            rewrite_last(&*file, &scanned).map_err(OpenError::io(path, "rewritten"))?;
        }
        let sound = scanned.damaged.is_empty()
            && scanned.notes.is_empty()
            && segment.header().is_some()
            && scanned.header.epoch == self.opening.epoch
            && !lost_end;
        if sound && self.page_holds(segment)? {
            self.go_on(segment, scanned)
        } else {
            self.close_segment(segment, scanned)
        }
    }

    /// Whether a last batch in doubt is damaged or torn. If something proves that it was durable,
    /// whatever is wrong with it came later.
    fn decide(&self, scanned: Scanned, name: &str) -> Scanned {
        let proven = self.proven.max(scanned.proven);
        match &scanned.doubtful {
            Some(batch) if batch.header.first <= proven => {
                scanned.accept_doubtful(self.describe, name)
            }
            _ => scanned.cut_doubtful(self.describe, name),
        }
    }

    /// Scans the segment; once more if its end seems torn, or another look at the end finds more. A
    /// read that went wrong must not cut what is there: the scan that came further holds.
    pub(super) fn scan_surely(
        &mut self,
        segment: &SegmentFile,
    ) -> Result<Option<Scanned>, OpenError> {
        let before = self.report.notes.len();
        let Some(first) = self.scan(segment)? else {
            return Ok(None);
        };
        let torn = first.remains || first.doubtful.is_some();
        if !torn && !self.goes_on(segment, &first)? {
            return Ok(Some(first));
        }
        let notes = self.report.notes.split_off(before);
        let second = self.scan(segment)?;
        let reach = |scanned: &Scanned| {
            let doubtful = scanned.doubtful.as_ref().map(|batch| batch.header.next());
            (scanned.next.max(doubtful.unwrap_or_default()), scanned.next)
        };
        match second {
            Some(second) if reach(&second) >= reach(&first) => Ok(Some(second)),
            _ => {
                self.report.notes.truncate(before);
                self.report.notes.extend(notes);
                Ok(Some(first))
            }
        }
    }

    /// Whether a batch begins where a scan found none.
    fn goes_on(&self, segment: &SegmentFile, scanned: &Scanned) -> Result<bool, OpenError> {
        let Opening { lane, secret, .. } = *self.opening;
        let keys = secret.segment_keys(lane, segment.number);
        let end = scanned.extent.data_end;
        let file = self.file(segment)?;
        let head = read_at(&*file, end, BatchHeader::BYTES);
        let head = head.map_err(self.read_error(&segment.name))?;
        Ok(BatchHeader::decode(&head, keys, end).is_some())
    }

    /// Whether another look at the first page finds the same. Where a seal was overlooked, nothing
    /// must be added behind it.
    fn page_holds(&self, segment: &SegmentFile) -> Result<bool, OpenError> {
        let Opening { lane, secret, .. } = *self.opening;
        let salt = secret.segment_keys(lane, segment.number).salt;
        let file = self.file(segment)?;
        let head = read_at(&*file, 0, PAGE_BYTES).map_err(self.read_error(&segment.name))?;
        Ok(Page::decode(&head, salt) == Ok(segment.page))
    }

    /// Zeros what a crash has left of a batch, so that it cannot come back.
    fn cut(&mut self, segment: &SegmentFile, scanned: &Scanned) -> Result<(), OpenError> {
        let offset = scanned.extent.data_end;
        self.report.torn = Some(TornTail {
            file: self.describe.storage.describe(&segment.name),
            offset,
            seq: scanned.next,
        });
        if !self.opens() {
            return Ok(());
        }
        let keys = scanned
            .header
            .secret
            .segment_keys(self.opening.lane, segment.number);
        let path = || self.describe.storage.describe(&segment.name);
        let file = self.file(segment)?;
        let head =
            read_at(&*file, offset, BatchHeader::BYTES).map_err(OpenError::io(path(), "read"))?;
        let torn = BatchHeader::decode(&head, keys, offset);
        let len = torn.map_or(BatchHeader::BYTES as u64, |header| header.total_bytes());
        let zeros = vec![0; len.min(segment.bytes - offset) as usize];
        let cut = file
            .write_at(&zeros, offset)
            .and_then(|()| file.sync_data());
        cut.map_err(OpenError::io(path(), "cut"))
    }

    /// Lets the lane go on in this segment.
    fn go_on(&mut self, file: &SegmentFile, scanned: Scanned) -> Result<(), OpenError> {
        let end = scanned.extent.data_end;
        let segment = Segment::scanned(&scanned.header, scanned.extent, scanned.index);
        let segment = Arc::new(segment);
        self.segments.push_back(Arc::clone(&segment));
        let (file, keys) = (self.file(file)?, scanned.keys);
        self.active = Some(Active {
            segment,
            file,
            end,
            keys,
            page: None,
        });
        Ok(())
    }

    /// Makes sure that no record was ever acknowledged after the last one that was recovered.
    pub(super) fn check_end(&mut self, unused: &[SegmentFile]) -> Result<(), OpenError> {
        let recovered = Seq(self.expected.0 - 1);
        let lost_from = self.expected;
        let known = self.proven.max(self.describe.ledger.last());
        let missing = unused
            .first()
            .is_some_and(|segment| segment.number > self.next_number);
        let given_up = self.describe.ledger.holding(lost_from).is_some();
        if missing && !given_up {
            let file = self
                .describe
                .storage
                .describe(&names::segment(self.next_number));
            return Err(OpenError::SegmentMissing {
                lane: self.opening.lane,
                file,
                recovered,
            });
        }
        if known <= recovered {
            return Ok(());
        }
        if !self.describe.ledger.covers(lost_from, known) {
            return Err(self.tail_damaged(recovered, known));
        }
        let end = self
            .segments
            .back()
            .map_or(0, |segment| segment.extent().data_end);
        let damage = self.describe.damage(lost_from, known, "", end, "");
        self.damaged(damage);
        self.expected = known.next();
        Ok(())
    }

    fn tail_damaged(&mut self, recovered: Seq, known: Seq) -> OpenError {
        let newest = self.segments.back();
        self.damaged_segments
            .extend(newest.map(|segment| segment.number));
        let name = newest.map_or_else(|| names::segment(1), |segment| segment.name.clone());
        OpenError::TailDamaged {
            lane: self.opening.lane,
            recovered,
            known,
            file: self.describe.storage.describe(&name),
            offset: newest.map_or(PAGE_BYTES as u64, |segment| segment.extent().data_end),
        }
    }
}

/// Writes the last batch once more. It may have been written by a process that ended before it was
/// flushed, or whose flush failed: then it can be read, but is on no disk, and no flush would put it
/// there. What was scanned is written, not what another read may find.
fn rewrite_last(file: &dyn File, scanned: &Scanned) -> std::io::Result<()> {
    let Some(last) = scanned.last_batch else {
        return Ok(());
    };
    // The first batch was written together with the first page.
    let from = if last == PAGE_BYTES as u64 { 0 } else { last };
    let bytes = scanned
        .bytes
        .slice(from as usize..scanned.extent.data_end as usize);
    file.write_at(&bytes, from)?;
    file.sync_all()
}
