//! Going over the segments of a lane in order, from the oldest to the one that goes on.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use spica_journal::Damage;
use spica_journal_format::{SegmentHeader, Slot, State};
use spica_model::Seq;
use spica_storage::{File, Mode};

use super::inventory::{Inventory, SegmentFile};
use super::{Opening, Purpose, Scanned, Scanner, rebuild_header};
use crate::OpenError;
use crate::lane::damage::{Describe, NO_BATCH, NO_SEGMENT};
use crate::lane::keeper::Spare;
use crate::lane::roll::{Active, Full};
use crate::lane::shelf::Prepared;
use crate::names;
use crate::report::{LaneReport, Note};
use crate::segment::{Segment, read_all, read_footer_index, read_footer_keys};

/// The state of a recovery.
pub(super) struct Pass<'a> {
    pub(super) opening: &'a Opening<'a>,
    pub(super) describe: Describe<'a>,
    /// A record that is known to have been durable.
    pub(super) proven: Seq,
    /// The oldest segment and record that retention has left; none if that is not known.
    pub(super) oldest: Option<(u64, Seq)>,
    /// The place of the next record.
    pub(super) expected: Seq,
    pub(super) report: LaneReport,
    pub(super) segments: VecDeque<Arc<Segment>>,
    pub(super) trusted: Vec<Arc<Segment>>,
    pub(super) active: Option<Active>,
    /// Scanned segments that go no further.
    pub(super) full: Vec<Full>,
    pub(super) prepared: VecDeque<Prepared>,
    pub(super) spares: Vec<Spare>,
    pub(super) next_number: u64,
    /// Numbers of segments in which something is damaged.
    pub(super) damaged_segments: BTreeSet<u64>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        opening: &'a Opening<'a>,
        describe: Describe<'a>,
        state: &State,
        stale: bool,
    ) -> Self {
        let told = state.first_segment > 0 && !stale;
        let oldest = told.then_some((state.first_segment, state.first));
        Self {
            opening,
            describe,
            proven: state.durable,
            oldest,
            expected: if stale {
                Seq::ZERO
            } else {
                state.first.max(Seq(1))
            },
            report: LaneReport {
                lane: opening.lane,
                first: Seq(1),
                last: Seq::ZERO,
                segments: 0,
                scanned_bytes: 0,
                clean: true,
                torn: None,
                damaged: Vec::new(),
                given_up: Vec::new(),
                notes: Vec::new(),
            },
            segments: VecDeque::new(),
            trusted: Vec::new(),
            active: None,
            full: Vec::new(),
            prepared: VecDeque::new(),
            spares: Vec::new(),
            next_number: 1,
            damaged_segments: BTreeSet::new(),
        }
    }

    /// Goes over everything.
    pub(super) fn run(&mut self, inventory: Inventory) -> Result<(), OpenError> {
        self.spares = inventory.spares;
        let mut used = self.retire_leftovers(inventory.segments)?;
        let unused = self.split_off_unused(&mut used)?;
        self.next_number = used.last().map_or(1, |segment| segment.number + 1);
        // Where a segment is missing before the unused ones, the newest that is left was followed by
        // another one once: its end is no torn tail.
        let gap = unused
            .first()
            .is_some_and(|segment| segment.number > self.next_number);
        let newest = if gap { None } else { used.pop() };
        for segment in &used {
            self.older(segment)?;
        }
        if let Some(newest) = newest {
            self.newest(&newest)?;
        }
        self.expected = self.expected.max(Seq(1));
        self.check_end(&unused)?;
        self.adopt(unused)
    }

    pub(super) fn finish_report(&mut self) {
        let next = self.expected.max(Seq(1));
        self.report.last = Seq(next.0 - 1);
        self.report.first = self.segments.front().map_or(next, |segment| segment.first);
        self.report.segments = self.segments.len();
    }

    /// What was found, in which segments something is damaged, and a record that was durable.
    pub(super) fn into_report(mut self) -> (LaneReport, BTreeSet<u64>, Seq) {
        self.finish_report();
        (self.report, self.damaged_segments, self.proven)
    }

    /// Whether the lane is to be opened, so that files may be changed.
    pub(super) fn opens(&self) -> bool {
        self.opening.purpose == Purpose::Open
    }

    pub(super) fn read_error(&self, name: &str) -> impl FnOnce(std::io::Error) -> OpenError {
        OpenError::io(self.describe.storage.describe(name), "read")
    }

    /// Opens a segment, to be changed only if the lane is to be opened.
    pub(super) fn file(&self, segment: &SegmentFile) -> Result<Box<dyn File>, OpenError> {
        let mode = if self.opens() {
            Mode::Write
        } else {
            Mode::Read
        };
        let opened = self.describe.storage.open(&segment.name, mode);
        opened.map_err(OpenError::io(
            self.describe.storage.describe(&segment.name),
            "opened",
        ))
    }

    pub(super) fn read_whole(&mut self, segment: &SegmentFile) -> Result<Bytes, OpenError> {
        let file = self.file(segment)?;
        let bytes = read_all(&*file, segment.bytes).map_err(self.read_error(&segment.name))?;
        self.report.scanned_bytes += bytes.len() as u64;
        Ok(bytes)
    }

    /// A segment that is followed by another one that is in use.
    pub(super) fn older(&mut self, segment: &SegmentFile) -> Result<(), OpenError> {
        if self.opens() && self.trust(segment) {
            return Ok(());
        }
        let Some(scanned) = self.scan_surely(segment)? else {
            return Ok(());
        };
        let scanned = scanned.accept_doubtful(self.describe, &segment.name);
        self.take_over(&scanned);
        self.check_seal(segment, &scanned)?;
        self.close_segment(segment, scanned)
    }

    /// Takes a sealed segment as it says it is; false if it must be scanned.
    pub(super) fn trust(&mut self, segment: &SegmentFile) -> bool {
        let (Some(header), Slot::Good(seal)) = (segment.header(), segment.page.seal) else {
            return false;
        };
        if seal.data_end > segment.bytes || seal.last.next() < header.first {
            return false;
        }
        if !self.in_order(segment, header.first) {
            return true;
        }
        self.expected = seal.last.next();
        let segment = Arc::new(Segment::sealed(&header, seal));
        self.trusted.push(Arc::clone(&segment));
        self.segments.push_back(segment);
        true
    }

    /// Compares the first place of a segment with the one expected; false if the segment repeats
    /// places, and is not used.
    fn in_order(&mut self, segment: &SegmentFile, first: Seq) -> bool {
        if self.expected == Seq::ZERO {
            self.expected = first;
        }
        if first > self.expected {
            let last = Seq(first.0 - 1);
            let missing = names::segment(segment.number.saturating_sub(1));
            let damage = self
                .describe
                .damage(self.expected, last, &missing, 0, NO_SEGMENT);
            self.damaged(damage);
            self.expected = first;
        }
        if first < self.expected {
            self.note(
                &segment.name,
                0,
                "it repeats places of an older segment and is not used",
            );
            return false;
        }
        true
    }

    /// Notes damage.
    pub(super) fn damaged(&mut self, damage: Damage) {
        let given_up = self.describe.is_given_up(&damage);
        let list = if given_up {
            &mut self.report.given_up
        } else {
            &mut self.report.damaged
        };
        list.push(damage);
    }

    pub(super) fn note(&mut self, name: &str, offset: u64, what: &str) {
        let file = self.describe.storage.describe(name);
        self.report.notes.push(Note {
            file,
            offset,
            what: what.to_owned(),
        });
    }

    /// Scans a segment; none if there is nothing in it.
    pub(super) fn scan(&mut self, segment: &SegmentFile) -> Result<Option<Scanned>, OpenError> {
        let bytes = self.read_whole(segment)?;
        let Some(header) = self.header_of(segment, &bytes) else {
            self.note(&segment.name, 0, "there is no batch left in it");
            return Ok(None);
        };
        if !self.in_order(segment, header.first) {
            return Ok(None);
        }
        if segment.page.seal == Slot::Damaged {
            let what = "the seal is damaged, or a crash tore it: the segment was scanned";
            self.note(&segment.name, spica_journal_format::Seal::OFFSET, what);
        }
        let name = &segment.name;
        let scanned = Scanner::new(self.describe, name, header, self.expected).run(&bytes);
        Ok(Some(scanned))
    }

    /// The header of a segment, from its batches if need be.
    fn header_of(&mut self, segment: &SegmentFile, bytes: &Bytes) -> Option<SegmentHeader> {
        if let Some(header) = segment.header() {
            return Some(SegmentHeader {
                file_bytes: segment.bytes,
                ..header
            });
        }
        let Opening { lane, secret, .. } = *self.opening;
        let mut header = rebuild_header(bytes, lane, secret, segment.number)?;
        self.note(
            &segment.name,
            0,
            "the header is damaged: it was made anew from the batches",
        );
        if self.expected > Seq::ZERO {
            header.first = header.first.min(self.expected);
        }
        Some(header)
    }

    /// Compares what was scanned with what the seal and the footer say.
    pub(super) fn check_seal(
        &mut self,
        segment: &SegmentFile,
        scanned: &Scanned,
    ) -> Result<(), OpenError> {
        let Slot::Good(seal) = segment.page.seal else {
            return Ok(());
        };
        if scanned.next <= seal.last {
            let (from, offset) = (scanned.next, scanned.extent.data_end);
            let damage = self
                .describe
                .damage(from, seal.last, &segment.name, offset, NO_BATCH);
            self.damaged(damage);
            self.damaged_segments.insert(segment.number);
            self.expected = self.expected.max(seal.last.next());
        }
        let salt = self
            .opening
            .secret
            .segment_keys(self.opening.lane, segment.number)
            .salt;
        let error = || self.read_error(&segment.name);
        let file = self.file(segment)?;
        let index = read_footer_index(&*file, &seal, salt).map_err(error())?;
        let keys = read_footer_keys(&*file, &seal, salt, scanned.header.first).map_err(error())?;
        if index.is_none() || keys.is_none() {
            let what = "the footer is damaged: its segment is scanned when it is needed";
            self.note(&segment.name, seal.footer_offset, what);
        }
        Ok(())
    }

    /// Takes over what a scan has found.
    pub(super) fn take_over(&mut self, scanned: &Scanned) {
        for damage in &scanned.damaged {
            self.damaged(damage.clone());
        }
        if !scanned.damaged.is_empty() || !scanned.notes.is_empty() {
            self.damaged_segments.insert(scanned.header.number);
        }
        self.report.notes.extend(scanned.notes.iter().cloned());
        self.proven = self.proven.max(scanned.proven);
        self.expected = self.expected.max(scanned.next);
    }

    /// Adds a scanned segment that goes no further; the keeper will seal it.
    pub(super) fn close_segment(
        &mut self,
        file: &SegmentFile,
        scanned: Scanned,
    ) -> Result<(), OpenError> {
        let segment = Segment::scanned(&scanned.header, scanned.extent, scanned.index);
        let segment = Arc::new(segment);
        self.segments.push_back(Arc::clone(&segment));
        if self.opens() {
            let (file, keys) = (self.file(file)?, scanned.keys);
            self.full.push(Full {
                segment,
                file,
                keys,
            });
        } else {
            // Who only looks needs to know that it is there, not where its records are.
            segment.unload();
        }
        Ok(())
    }
}
