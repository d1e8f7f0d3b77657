//! Reading a journal that is not open, record by record.

use std::ops::{ControlFlow, RangeInclusive};
use std::path::Path;
use std::sync::Arc;

use spica_journal_format::{Found, Item, PAGE_BYTES, Scan};
use spica_model::{Lane, Record, Seq};
use spica_storage::{Mode, Storage};

use crate::error::OpenError;
use crate::lane::recover::{rebuild_header, take_inventory};
use crate::meta;
use crate::segment::read_all;
use crate::verify::open_storages;

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are records: a box for each would cost more than the room in the others"
)]
pub enum Dumped {
    /// A record.
    Record(Record),
    /// No record that can be read: damaged, lost, or given up. A verification says more.
    Missing {
        /// The first place.
        from: Seq,
        /// The last place.
        to: Seq,
    },
}

/// Hands the records of `lane` in `range` to `sink`, in order, until it breaks. A batch at the end
/// that a crash has torn is left out. Changes nothing.
///
/// # Errors
/// If a file cannot be read, or what both lanes need is lost.
pub fn dump(
    dir: &Path,
    lane: Lane,
    range: RangeInclusive<Seq>,
    sink: &mut dyn FnMut(Dumped) -> ControlFlow<()>,
) -> Result<(), OpenError> {
    dump_on(&open_storages(dir)?, lane, range, sink)
}

/// As [`dump`], on the storages of the lanes, critical first.
///
/// # Errors
/// As [`dump`].
pub fn dump_on(
    storages: &[Arc<dyn Storage>; 2],
    lane: Lane,
    range: RangeInclusive<Seq>,
    sink: &mut dyn FnMut(Dumped) -> ControlFlow<()>,
) -> Result<(), OpenError> {
    let secret = meta::load(storages)?.secret;
    let storage = &*storages[lane.index()];
    let segments = take_inventory(storage, lane, &secret)?.segments;
    let mut dump = Dump {
        range,
        next: None,
        sink,
    };
    for (index, segment) in segments.iter().enumerate() {
        let following = segments[index + 1..]
            .iter()
            .find_map(|segment| segment.header());
        if following.is_some_and(|header| header.first <= *dump.range.start()) {
            continue;
        }
        let error = |verb| OpenError::io(storage.describe(&segment.name), verb);
        let file = storage
            .open(&segment.name, Mode::Read)
            .map_err(error("opened"))?;
        let bytes = read_all(&*file, segment.bytes).map_err(error("read"))?;
        if rebuild_header(&bytes, lane, secret, segment.number).is_none() {
            continue;
        }
        let keys = secret.segment_keys(lane, segment.number);
        let scan = Scan::new(bytes, lane, keys, PAGE_BYTES as u64);
        if dump.segment(scan, following.is_none()).is_break() {
            return Ok(());
        }
    }
    Ok(())
}

struct Dump<'a> {
    range: RangeInclusive<Seq>,
    /// The place after the last one that was handed over.
    next: Option<Seq>,
    sink: &'a mut dyn FnMut(Dumped) -> ControlFlow<()>,
}

impl Dump<'_> {
    fn segment(&mut self, scan: Scan, is_newest: bool) -> ControlFlow<()> {
        let mut scan = scan.peekable();
        while let Some(found) = scan.next() {
            let Found::Batch(batch) = found else { continue };
            let is_last = matches!(scan.peek(), Some(Found::End { .. }) | None);
            if is_newest && is_last && !batch.is_whole() {
                continue;
            }
            self.missing_before(batch.header.first)?;
            for item in batch.records() {
                match item {
                    Item::Record(record) => self.record(record)?,
                    Item::Damaged { to, .. } => self.missing_before(to.next())?,
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn record(&mut self, record: Record) -> ControlFlow<()> {
        let seq = record.position.seq;
        if seq > *self.range.end() {
            return ControlFlow::Break(());
        }
        self.next = Some(seq.next());
        if seq < *self.range.start() {
            return ControlFlow::Continue(());
        }
        (self.sink)(Dumped::Record(record))
    }

    /// Says that nothing can be read from the last place on up to before `seq`.
    fn missing_before(&mut self, seq: Seq) -> ControlFlow<()> {
        let Some(next) = self.next.replace(seq) else {
            return ControlFlow::Continue(());
        };
        let from = next.max(*self.range.start());
        let to = Seq(seq.0.saturating_sub(1)).min(*self.range.end());
        if from > to {
            self.next = Some(next.max(seq));
            return ControlFlow::Continue(());
        }
        (self.sink)(Dumped::Missing { from, to })
    }
}
