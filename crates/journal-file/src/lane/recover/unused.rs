//! Segments that hold nothing: what retention has given up, and what was prepared.

use spica_journal_format::{PAGE_BYTES, Slot, next_batch};

use super::Purpose;
use super::inventory::SegmentFile;
use super::pass::Pass;
use crate::OpenError;
use crate::lane::keeper::Spare;
use crate::lane::shelf::Prepared;
use crate::names;
use crate::segment::read_all;

impl Pass<'_> {
    /// Segments that retention had given up when a crash came lose their names now.
    pub(super) fn retire_leftovers(
        &mut self,
        segments: Vec<SegmentFile>,
    ) -> Result<Vec<SegmentFile>, OpenError> {
        let first = self.oldest.map_or(0, |(number, _)| number);
        let (gone, kept): (Vec<_>, Vec<_>) = segments
            .into_iter()
            .partition(|segment| segment.number < first);
        for segment in gone
            .iter()
            .filter(|_| self.opening.purpose == Purpose::Open)
        {
            self.demote(&segment.name, segment.number, segment.bytes)?;
        }
        Ok(kept)
    }

    /// Makes a segment a spare.
    fn demote(&mut self, name: &str, number: u64, bytes: u64) -> Result<(), OpenError> {
        let storage = self.describe.storage;
        let spare = names::spare(number);
        let renamed = storage
            .rename(name, &spare)
            .and_then(|()| storage.sync_directory());
        renamed.map_err(OpenError::io(storage.describe(name), "renamed"))?;
        self.spares.push(Spare { name: spare, bytes });
        Ok(())
    }

    /// Takes out the segments at the end that hold no batch.
    pub(super) fn split_off_unused(
        &mut self,
        segments: &mut Vec<SegmentFile>,
    ) -> Result<Vec<SegmentFile>, OpenError> {
        let mut at = segments.len();
        while at > 0 && self.is_unused(&segments[at - 1])? {
            at -= 1;
        }
        Ok(segments.split_off(at))
    }

    /// Whether a segment holds no batch. An empty first page does not say so: it may be all that was
    /// damaged, and what follows it was acknowledged.
    fn is_unused(&mut self, segment: &SegmentFile) -> Result<bool, OpenError> {
        let keys = self
            .opening
            .secret
            .segment_keys(self.opening.lane, segment.number);
        if matches!(segment.page.seal, Slot::Good(_)) {
            return Ok(false);
        }
        // Two reads must agree, since what is unused is wiped: an empty page is the first of them.
        let looks = if segment.blank { 1 } else { 2 };
        for _ in 0..looks {
            let file = self.file(segment)?;
            let bytes = read_all(&*file, segment.bytes).map_err(self.read_error(&segment.name))?;
            if next_batch(&bytes, 0, keys, PAGE_BYTES as u64).is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the unused segments ready to be used, if they have the right size; else spares.
    pub(super) fn adopt(&mut self, unused: Vec<SegmentFile>) -> Result<(), OpenError> {
        if !self.opens() {
            return Ok(());
        }
        let size = self.opening.limits.segment_bytes;
        let usable = unused.iter().all(|segment| segment.bytes == size);
        if !usable {
            // The newest first: a crash in between must leave no hole in the numbers.
            for segment in unused.iter().rev() {
                self.demote(&segment.name, segment.number, segment.bytes)?;
            }
            return Ok(());
        }
        for segment in unused {
            let file = self.file(&segment)?;
            if !segment.blank {
                let wiped = file
                    .write_at(&[0; PAGE_BYTES], 0)
                    .and_then(|()| file.sync_all());
                let path = self.describe.storage.describe(&segment.name);
                wiped.map_err(OpenError::io(path, "written"))?;
            }
            let SegmentFile { number, bytes, .. } = segment;
            self.next_number = number + 1;
            self.prepared.push_back(Prepared {
                number,
                file,
                bytes,
                fresh: false,
            });
        }
        Ok(())
    }
}
