//! Repairing a journal that cannot be opened, or in which records are damaged.
//!
//! Nothing is deleted. A copy of each damaged segment is kept beside it, what is lost is entered in
//! the ledger of the lane with the reason, and whoever follows the lane over such a range is told so.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use spica_clock::SharedClock;
use spica_journal::Damage;
use spica_journal_format::{Ledger, Lost};
use spica_model::{Lane, Seq, Timestamp};
use spica_storage::{Mode, OsStorage, Storage};

use crate::cut;
use crate::error::OpenError;
use crate::lane::recover::Looked;
use crate::meta;
use crate::names;
use crate::segment::read_at;
use crate::small_files;
use crate::verify::{VerifyReport, look_at, verify_on};

/// How many places are given up after the last one that is known, when nobody can tell how many
/// were acknowledged: new records must never take the place of lost ones. More than any number of
/// segments that a lane could have filled unnoticed.
const UNKNOWN_PLACES: u64 = 1 << 32;
/// How much of a file is copied at once.
const COPY_BYTES: usize = 1 << 20;

/// What a repair has done, and how the journal is now.
#[derive(Debug)]
pub struct RepairReport {
    /// Whether what both lanes need was taken from the segments.
    pub meta_restored: bool,
    /// What was given up now, by lane.
    pub given_up: Vec<Damage>,
    /// Copies of damaged segments that were made.
    pub copies: Vec<String>,
    /// The journal after the repair.
    pub after: VerifyReport,
}

impl fmt::Display for RepairReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.meta_restored {
            writeln!(f, "the file meta was restored from the segments")?;
        }
        for copy in &self.copies {
            writeln!(f, "a copy of a damaged segment is kept in {copy}")?;
        }
        for Damage {
            lane,
            from,
            to,
            reason,
            ..
        } in &self.given_up
        {
            writeln!(f, "{lane}: records {from} to {to} are given up: {reason}")?;
        }
        if !self.meta_restored && self.given_up.is_empty() && self.copies.is_empty() {
            writeln!(f, "there was nothing to repair")?;
        }
        write!(f, "{}", self.after)
    }
}

/// Repairs the journal in `dir`, which no node may have open.
///
/// # Errors
/// If a file cannot be read or written, or another process has the journal. Running it again is safe.
pub fn repair(dir: &Path, clock: &SharedClock) -> Result<RepairReport, OpenError> {
    let open = |lane: Lane| OsStorage::open_exclusive(dir.join(lane.as_str()));
    let [critical, normal] = [open(Lane::Critical)?, open(Lane::Normal)?];
    repair_on(&[Arc::new(critical), Arc::new(normal)], clock)
}

/// As [`repair`], on the storages of the lanes, critical first.
///
/// # Errors
/// As [`repair`].
pub fn repair_on(
    storages: &[Arc<dyn Storage>; 2],
    clock: &SharedClock,
) -> Result<RepairReport, OpenError> {
    cut::finish_all(storages)?;
    let (meta, meta_restored) = match meta::load(storages) {
        Ok(meta) => (meta, false),
        Err(OpenError::MetaLost { .. }) => (meta::restore(storages, clock.wall())?, true),
        Err(error) => return Err(error),
    };
    let (mut given_up, mut copies) = (Vec::new(), Vec::new());
    for lane in Lane::ALL {
        let storage = &*storages[lane.index()];
        let looked = look_at(storages, lane, &meta)?;
        for number in &looked.damaged_segments {
            copies.extend(keep_copy(storage, *number)?);
        }
        let lost = lost(lane, looked.report.damaged.clone(), &looked, storage);
        enter(storage, looked.ledger, &lost, clock.wall())?;
        given_up.extend(lost);
    }
    Ok(RepairReport {
        meta_restored,
        given_up,
        copies,
        after: verify_on(storages)?,
    })
}

/// The damaged ranges, and the one at the end if the lane cannot be opened for it.
fn lost(
    lane: Lane,
    mut damaged: Vec<Damage>,
    looked: &Looked,
    storage: &dyn Storage,
) -> Vec<Damage> {
    let recovered = looked.report.last;
    let (file, offset, why) = match &looked.refusal {
        Some(OpenError::TailDamaged { file, offset, .. }) => {
            (file.clone(), *offset, "the end of the lane is damaged")
        }
        Some(OpenError::SegmentMissing { file, .. }) => {
            (file.clone(), 0, "the newest segment is missing")
        }
        _ => return damaged,
    };
    let known = looked.proven.max(recovered);
    damaged.push(Damage {
        lane,
        from: recovered.next(),
        to: Seq(known.0.saturating_add(UNKNOWN_PLACES)),
        file: storage.describe(&file).into(),
        offset,
        reason: format!("{why}; how many records stood there cannot be told").into(),
    });
    damaged
}

/// Enters what is lost into the ledger, durably.
fn enter(
    storage: &dyn Storage,
    mut ledger: Ledger,
    lost: &[Damage],
    now: Timestamp,
) -> Result<(), OpenError> {
    if lost.is_empty() {
        return Ok(());
    }
    ledger.lost.extend(lost.iter().map(|damage| Lost {
        from: damage.from,
        to: damage.to,
        file: damage.file.to_string(),
        offset: damage.offset,
        repaired: now,
        reason: damage.reason.to_string(),
    }));
    ledger.lost.sort_by_key(|lost| lost.from);
    small_files::store_ledger(storage, &ledger)
}

/// Copies a segment with damage, unless that was done before; says where.
fn keep_copy(storage: &dyn Storage, number: u64) -> Result<Option<String>, OpenError> {
    let (from, to) = (names::segment(number), names::damaged(number));
    let error = |verb| OpenError::io(storage.describe(&to), verb);
    let listed = storage.list().map_err(error("listed"))?;
    if listed.iter().any(|file| file.name == to) {
        return Ok(None);
    }
    let unfinished = names::damaged_new(number);
    copy(storage, &from, &unfinished)?;
    storage.rename(&unfinished, &to).map_err(error("renamed"))?;
    storage.sync_directory().map_err(error("made durable"))?;
    Ok(Some(storage.describe(&to)))
}

/// Copies a file, durably but for the name of the copy; what an attempt before has left is replaced.
pub(crate) fn copy(storage: &dyn Storage, from: &str, to: &str) -> Result<(), OpenError> {
    let error = |verb| OpenError::io(storage.describe(to), verb);
    let source = storage.open(from, Mode::Read).map_err(error("opened"))?;
    small_files::remove_left(storage, to)?;
    let copy = storage.create(to).map_err(error("created"))?;
    for at in (0..).step_by(COPY_BYTES) {
        let bytes = read_at(&*source, at, COPY_BYTES).map_err(error("read"))?;
        if bytes.is_empty() {
            break;
        }
        copy.write_at(&bytes, at).map_err(error("written"))?;
    }
    copy.sync_all().map_err(error("written"))
}
