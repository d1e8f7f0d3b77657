//! Planning a cut: where the lane ends, what is put aside, and which files go. Of what is there,
//! nothing is changed yet.

use std::collections::BTreeSet;
use std::sync::Arc;

use spica_journal_format::{
    Batch, Cut, CutEnd, Found, PAGE_BYTES, Scan, Secret, SegmentHeader, Slot, State,
};
use spica_model::{Epoch, Lane, Seq, Timestamp};
use spica_storage::Storage;

use super::aside::{AsideWriter, Written};
use super::split::Split;
use super::{CutError, CutReport, Fresh};
use crate::error::OpenError;
use crate::lane::recover::{Looked, SegmentFile, read_state, rebuild_header, take_inventory};
use crate::meta;
use crate::names;
use crate::repair::copy;
use crate::segment::read_all;
use crate::small_files;
use crate::verify::look_at;

/// A lane before it is cut.
pub(super) struct Before<'a> {
    pub(super) storage: &'a dyn Storage,
    lane: Lane,
    secret: Secret,
    looked: Looked,
    state: State,
    /// Whether the state may be an old one.
    stale: bool,
    segments: Vec<SegmentFile>,
    names: BTreeSet<String>,
}

/// What of a lane stays, and what was written of the rest.
struct Parted {
    last: Option<(Seq, u64, Batch)>,
    oldest: Option<(u64, Seq)>,
    unclear: BTreeSet<u64>,
    aside: Option<Written>,
}

impl<'a> Before<'a> {
    pub(super) fn look(storages: &'a [Arc<dyn Storage>; 2], lane: Lane) -> Result<Self, OpenError> {
        let meta = meta::load(storages)?;
        let storage = &*storages[lane.index()];
        let looked = look_at(storages, lane, &meta)?;
        let (state, stale) = read_state(storage)?;
        let inventory = take_inventory(storage, lane, &meta.secret)?;
        let listed = storage
            .list()
            .map_err(OpenError::io(storage.describe(""), "listed"))?;
        Ok(Self {
            storage,
            lane,
            secret: meta.secret,
            looked,
            state,
            stale,
            segments: inventory.segments,
            names: listed.into_iter().map(|file| file.name).collect(),
        })
    }

    /// Whether nothing stands behind `common`, as far as is known.
    pub(super) fn ends_by(&self, common: Seq) -> bool {
        self.looked.refusal.is_none() && self.looked.report.last <= common
    }

    pub(super) fn unchanged(&self) -> CutReport {
        CutReport {
            lane: self.lane,
            last: self.looked.report.last,
            put_aside: 0,
            aside: None,
            copies: Vec::new(),
            damaged: Vec::new(),
        }
    }

    /// The lane without what follows `common`.
    pub(super) fn shorten(
        &self,
        common: Seq,
        now: Timestamp,
    ) -> Result<(Cut, CutReport), CutError> {
        let stays = common.min(self.looked.report.last);
        let parted = self.part(stays, true, now)?;
        let before_first = Seq(self.looked.report.first.0.saturating_sub(1));
        let last = parted
            .last
            .as_ref()
            .map_or(stays.min(before_first), |(seq, ..)| *seq);
        let reigns = self.state.reigns.iter().copied();
        let mut state = self.state_up_to(last, reigns.filter(|(_, first)| *first <= last));
        if parted.last.is_some() {
            let told = (self.state.first_segment, self.state.first);
            let told = (!self.stale).then_some(told).or(parted.oldest);
            (state.first_segment, state.first) = told.unwrap_or_default();
        }
        self.settle(state, parted)
    }

    /// The lane without any record.
    pub(super) fn begin_anew(
        &self,
        fresh: &Fresh,
        now: Timestamp,
    ) -> Result<(Cut, CutReport), CutError> {
        let parted = self.part(Seq::ZERO, fresh.put_aside, now)?;
        let reigns = fresh.reigns.iter().copied();
        let reigns = reigns.filter(|(_, first)| *first < fresh.first);
        let state = self.state_up_to(Seq(fresh.first.0 - 1), reigns);
        self.settle(state, parted)
    }

    /// The state of a lane that ends with `last` and holds no segment.
    fn state_up_to(&self, last: Seq, reigns: impl Iterator<Item = (Epoch, Seq)>) -> State {
        let mut cursors = self.state.cursors.clone();
        for cursor in &mut cursors {
            cursor.seq = cursor.seq.min(last);
        }
        State {
            generation: 0,
            durable: last,
            first_segment: 0,
            first: last.next(),
            reigns: reigns.collect(),
            cursors,
        }
    }

    /// Goes over all records: those behind `stays` are written, the last one before it is noted.
    fn part(&self, stays: Seq, put_aside: bool, now: Timestamp) -> Result<Parted, CutError> {
        // What a plan that came to nothing has left.
        small_files::remove_left(self.storage, names::ASIDE_NEW)?;
        small_files::remove_left(self.storage, names::COPY_NEW)?;
        let writer = AsideWriter::new(self.storage, self.lane, self.secret, now);
        let mut split = Split {
            stays,
            aside: put_aside.then_some(writer),
            next: if self.stale {
                Seq::ZERO
            } else {
                self.state.first
            },
            last: None,
            oldest: None,
            unclear: self.looked.damaged_segments.clone(),
        };
        let mut empty = Vec::new();
        for segment in &self.segments {
            if !self.stale && segment.number < self.state.first_segment {
                // Retention has given it up.
                continue;
            }
            if !self.part_segment(segment, &mut split)? {
                empty.push(segment);
                continue;
            }
            // What a segment held that is followed by one in use was acknowledged.
            let damaged = empty.drain(..).map(|segment| segment.number);
            split.unclear.extend(damaged);
        }
        if self.looked.refusal.is_some() {
            let begun = empty.into_iter().filter(|segment| !segment.blank);
            split.unclear.extend(begun.map(|segment| segment.number));
        }
        let aside = split.aside.map(AsideWriter::finish).transpose()?;
        Ok(Parted {
            last: split.last,
            oldest: split.oldest,
            unclear: split.unclear,
            aside: aside.flatten(),
        })
    }

    /// Goes over the records of a segment; says whether there is any batch in it.
    fn part_segment(&self, segment: &SegmentFile, split: &mut Split<'_>) -> Result<bool, CutError> {
        let error = |verb| OpenError::io(self.storage.describe(&segment.name), verb);
        let opened = self.storage.open(&segment.name, spica_storage::Mode::Read);
        let file = opened.map_err(error("opened"))?;
        let bytes = read_all(&*file, segment.bytes).map_err(error("read"))?;
        let rebuilt = rebuild_header(&bytes, self.lane, self.secret, segment.number);
        let Some(SegmentHeader { first, .. }) = rebuilt else {
            return Ok(false);
        };
        let first = segment.header().map_or(first, |header| header.first);
        if first < split.next {
            // It repeats places of an older one: no record of it is any.
            split.unclear.insert(segment.number);
            return Ok(true);
        }
        if segment.header().is_none() || segment.page.seal == Slot::Damaged {
            split.unclear.insert(segment.number);
        }
        split.oldest = split.oldest.or(Some((segment.number, first)));
        let torn = self.torn_at(&segment.name);
        let keys = self.secret.segment_keys(self.lane, segment.number);
        for found in Scan::new(bytes, self.lane, keys, PAGE_BYTES as u64) {
            match found {
                Found::Batch(batch) if batch.offset < torn => {
                    split.batch(segment.number, &batch)?;
                }
                Found::Damaged { .. } => drop(split.unclear.insert(segment.number)),
                Found::Batch(_) | Found::End { .. } => {}
            }
        }
        Ok(true)
    }

    /// Where a write that a crash tore begins in a segment: nothing in it was acknowledged.
    fn torn_at(&self, name: &str) -> u64 {
        let torn = self.looked.report.torn.as_ref();
        torn.filter(|torn| torn.file == self.storage.describe(name))
            .map_or(u64::MAX, |torn| torn.offset)
    }

    /// Completes the plan. What is unclear and goes gets another name, or is copied before its end
    /// is zeroed.
    fn settle(&self, state: State, parted: Parted) -> Result<(Cut, CutReport), CutError> {
        let last = state.durable;
        let end = match parted.last {
            Some((seq, segment, batch)) => Some(self.end(seq, segment, &batch)?),
            None => None,
        };
        let ends_in = end.map_or(0, |end| end.segment);
        let mut renames = Vec::new();
        let aside = parted.aside.map(|written| self.aside_name(&written));
        renames.extend(
            aside
                .clone()
                .map(|name| (names::ASIDE_NEW.to_owned(), name)),
        );
        let mut copies = Vec::new();
        for number in parted.unclear.range(ends_in..) {
            let segment = names::segment(*number);
            if !self.names.contains(&segment) {
                continue;
            }
            let name = self.copy_name(*number);
            copies.push(self.storage.describe(&name));
            if *number == ends_in {
                copy(self.storage, &segment, names::COPY_NEW)?;
                renames.push((names::COPY_NEW.to_owned(), name));
            } else {
                renames.push((segment, name));
            }
        }
        renames.extend(self.old_copies(ends_in));
        let damaged = self.looked.report.damaged.iter();
        let report = CutReport {
            lane: self.lane,
            last,
            put_aside: parted.aside.map_or(0, |written| written.records),
            aside,
            copies,
            damaged: damaged.filter(|lost| lost.to > last).cloned().collect(),
        };
        let cut = Cut {
            state,
            end,
            renames,
        };
        Ok((cut, report))
    }

    /// The end of the lane, with the record at `seq` of this batch.
    fn end(&self, seq: Seq, segment: u64, batch: &Batch) -> Result<CutEnd, CutError> {
        let lane = self.lane;
        let header = batch
            .header_up_to(seq)
            .ok_or(CutError::Unsteady { lane, seq })?;
        let keys = self.secret.segment_keys(lane, segment);
        Ok(CutEnd {
            segment,
            offset: batch.offset,
            header: header.encode(keys, batch.offset),
            data_end: batch.offset + header.total_bytes(),
        })
    }

    fn aside_name(&self, written: &Written) -> String {
        let Written {
            epoch, from, to, ..
        } = *written;
        let name = |again| names::aside(epoch, from, to, again);
        let taken = |name: &String| {
            self.names.contains(name) || self.names.contains(&names::aside_done(name))
        };
        first_free(name, taken)
    }

    fn copy_name(&self, number: u64) -> String {
        let name = |copy| names::damaged_cut(number, copy + 1);
        first_free(name, |name| self.names.contains(name))
    }

    /// Copies that repairs have made of segments whose numbers are given again get other names, so
    /// that the next repair does not take them for its own.
    fn old_copies(&self, ends_in: u64) -> impl Iterator<Item = (String, String)> {
        let old = self.names.iter().filter_map(move |name| {
            let number = names::damaged_number(name).filter(|number| *number > ends_in)?;
            Some((name.clone(), number))
        });
        old.map(|(name, number)| (name, self.copy_name(number)))
    }
}

/// The first name that is not taken.
#[expect(clippy::expect_used, reason = "there are more numbers than files")]
fn first_free(name: impl Fn(u64) -> String, taken: impl Fn(&String) -> bool) -> String {
    let mut names = (0..u64::MAX).map(name);
    names.find(|name| !taken(name)).expect("a free name")
}
