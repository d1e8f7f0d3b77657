//! Shortening a lane that is not open: what does not agree with the partner's journal leaves it, and
//! is put aside first. Nothing that can be read is lost, and damaged bytes are kept in a copy.
//!
//! A cut is planned first: the records behind it are written into a file of their own (`aside`), and
//! all that is to be done is written into the file `cut`. From there on it is certain, and `finish`
//! does it, as often as crashes make that necessary: each of its steps can be done again. A journal
//! that is opened with a cut left to do finishes it before anything else.
//!
//! Numbers of segments that lose their names are given again. So no file may keep bytes that were
//! written under them: the files are removed, not used again, and what follows the end is zeroed.

mod aside;
mod finish;
mod plan;
mod read;
mod split;

use std::path::Path;
use std::sync::Arc;

use spica_clock::SharedClock;
use spica_journal::Damage;
use spica_model::{Epoch, Lane, Seq};
use spica_storage::{OsStorage, Storage};

use self::plan::Before;
use crate::error::OpenError;
use crate::small_files;

pub(crate) use self::finish::finish_all;
pub use self::read::{
    Aside, AsideError, AsideRecords, aside_done, aside_done_on, read_aside, read_aside_on,
};

/// What a cut has done.
#[derive(Debug, Clone)]
pub struct CutReport {
    /// The lane.
    pub lane: Lane,
    /// The last record that is left; the next one comes after it.
    pub last: Seq,
    /// How many records were put aside.
    pub put_aside: u64,
    /// The file in the directory of the lane that they were put into; none if there were none.
    pub aside: Option<String>,
    /// Copies of damaged segments that are kept.
    pub copies: Vec<String>,
    /// Records behind the cut that could not be read, and are in the copies at best.
    pub damaged: Vec<Damage>,
}

/// Why a lane cannot be shortened. Trying it again is safe.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// Lanes begin with the record 1.
    #[error("a lane cannot begin with record 0: the first one is 1")]
    First,
    /// A batch is not there any more as it was a moment ago.
    #[error(
        "record {seq} of the {lane} lane was read, and then could not be read again: the disk, or \
         its cable, fails. Nothing was changed"
    )]
    Unsteady {
        /// The lane.
        lane: Lane,
        /// The record.
        seq: Seq,
    },
}

/// How a lane begins anew.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// The place of its next record.
    pub first: Seq,
    /// Which epochs began where in the journal that it follows from there on, oldest first. Those
    /// from `first` on are left out: they are learnt with their records.
    pub reigns: Vec<(Epoch, Seq)>,
    /// Whether the records that it holds are put aside. Not if another journal is known to have all
    /// of them: then they are gone.
    pub put_aside: bool,
}

/// Takes every record after `common` from `lane` of the journal in `dir`, which no node may have
/// open. They are put aside first: see [`read_aside`]. Cursors and the ledger of repairs are
/// shortened with the lane.
///
/// If `common` cannot be read, the lane ends with the last record before it that can. A lane that
/// refuses to open because its end is lost can be opened afterwards. A lane that ends at or before
/// `common` stays as it is.
///
/// # Errors
/// If a file cannot be read or written, or another process has the journal. Running it again is safe.
pub fn cut_after(
    dir: &Path,
    lane: Lane,
    common: Seq,
    clock: &SharedClock,
) -> Result<CutReport, CutError> {
    cut_after_on(&open_exclusive(dir)?, lane, common, clock)
}

/// As [`cut_after`], on the storages of the lanes, critical first.
///
/// # Errors
/// As [`cut_after`].
pub fn cut_after_on(
    storages: &[Arc<dyn Storage>; 2],
    lane: Lane,
    common: Seq,
    clock: &SharedClock,
) -> Result<CutReport, CutError> {
    finish_all(storages)?;
    let before = Before::look(storages, lane)?;
    if before.ends_by(common) {
        return Ok(before.unchanged());
    }
    let (cut, report) = before.shorten(common, clock.wall())?;
    small_files::store_cut(before.storage, &cut)?;
    finish_all(storages)?;
    Ok(report)
}

/// Empties `lane` of the journal in `dir`, which no node may have open; it goes on at `fresh.first`,
/// before or behind where it was. Cursors behind that place are moved to before it, and the ledger
/// of repairs is shortened as by [`cut_after`].
///
/// # Errors
/// If a file cannot be read or written, or another process has the journal; if `fresh.first` is 0.
/// Running it again is safe.
pub fn reset_lane(
    dir: &Path,
    lane: Lane,
    fresh: &Fresh,
    clock: &SharedClock,
) -> Result<CutReport, CutError> {
    reset_lane_on(&open_exclusive(dir)?, lane, fresh, clock)
}

/// As [`reset_lane`], on the storages of the lanes, critical first.
///
/// # Errors
/// As [`reset_lane`].
pub fn reset_lane_on(
    storages: &[Arc<dyn Storage>; 2],
    lane: Lane,
    fresh: &Fresh,
    clock: &SharedClock,
) -> Result<CutReport, CutError> {
    if fresh.first == Seq::ZERO {
        return Err(CutError::First);
    }
    finish_all(storages)?;
    let before = Before::look(storages, lane)?;
    let (cut, report) = before.begin_anew(fresh, clock.wall())?;
    small_files::store_cut(before.storage, &cut)?;
    finish_all(storages)?;
    Ok(report)
}

fn open_exclusive(dir: &Path) -> Result<[Arc<dyn Storage>; 2], OpenError> {
    let open = |lane: Lane| OsStorage::open_exclusive(dir.join(lane.as_str()));
    let [critical, normal] = [open(Lane::Critical)?, open(Lane::Normal)?];
    Ok([Arc::new(critical), Arc::new(normal)])
}
