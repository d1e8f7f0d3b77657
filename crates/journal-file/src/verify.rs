//! Verifying a journal that is not open: every byte of it, changing nothing.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use spica_journal_format::Meta;
use spica_model::{Lane, Timestamp};
use spica_storage::{OsStorage, Storage};

use crate::error::OpenError;
use crate::lane::recover::{Looked, Opening, Purpose, look};
use crate::meta;
use crate::names;
use crate::options::Settings;
use crate::report::LaneReport;
use crate::small_files;

/// What a verification has found.
#[derive(Debug)]
pub struct VerifyReport {
    /// The lanes, critical first.
    pub lanes: [LaneVerified; 2],
}

/// What a verification has found in a lane.
#[derive(Debug)]
pub struct LaneVerified {
    /// What was found.
    pub found: LaneReport,
    /// Why the lane cannot be opened, if so.
    pub refusal: Option<OpenError>,
}

impl VerifyReport {
    /// Whether the lanes can be opened and nothing in them is damaged, beyond what repairs have
    /// given up. A torn tail is no damage.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.lanes.iter().all(|lane| {
            lane.refusal.is_none() && lane.found.damaged.is_empty() && lane.found.notes.is_empty()
        })
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for LaneVerified { found, refusal } in &self.lanes {
            writeln!(f, "{found}")?;
            if let Some(refusal) = refusal {
                writeln!(f, "  it cannot be opened: {refusal}")?;
            }
        }
        Ok(())
    }
}

/// Reads every byte of the journal in `dir` and checks it; changes nothing. Beside a running node
/// the end of a lane moves: what looks like a torn tail then is what is being written.
///
/// # Errors
/// If a file cannot be read, or what both lanes need is lost.
pub fn verify(dir: &Path) -> Result<VerifyReport, OpenError> {
    verify_on(&open_storages(dir)?)
}

/// As [`verify`], on the storages of the lanes, critical first.
///
/// # Errors
/// As [`verify`].
pub fn verify_on(storages: &[Arc<dyn Storage>; 2]) -> Result<VerifyReport, OpenError> {
    let meta = meta::load(storages)?;
    let lane = |lane: Lane| {
        let storage = &*storages[lane.index()];
        let unfinished = small_files::load_cut(storage)?.map(|_| OpenError::CutUnfinished {
            file: storage.describe(names::CUT),
        });
        let looked = look_at(storages, lane, &meta)?;
        let Looked {
            report: found,
            refusal,
            ..
        } = looked;
        // Until it is finished, whatever else is found is between before and after.
        let refusal = unfinished.or(refusal);
        Ok::<_, OpenError>(LaneVerified { found, refusal })
    };
    Ok(VerifyReport {
        lanes: [lane(Lane::Critical)?, lane(Lane::Normal)?],
    })
}

pub(crate) fn open_storages(dir: &Path) -> Result<[Arc<dyn Storage>; 2], OpenError> {
    let open = |lane: Lane| OsStorage::open_existing(existing(dir, lane)?).map_err(OpenError::from);
    Ok([
        Arc::new(open(Lane::Critical)?),
        Arc::new(open(Lane::Normal)?),
    ])
}

/// The directory of a lane: a tool that looks must not create one.
fn existing(dir: &Path, lane: Lane) -> Result<std::path::PathBuf, OpenError> {
    let path = dir.join(lane.as_str());
    let found = path.metadata();
    found.map_err(OpenError::io(path.display().to_string(), "opened"))?;
    Ok(path)
}

pub(crate) fn look_at(
    storages: &[Arc<dyn Storage>; 2],
    lane: Lane,
    meta: &Meta,
) -> Result<Looked, OpenError> {
    let limits = &Settings::default().lanes()?[lane.index()];
    look(&Opening {
        lane,
        storage: &storages[lane.index()],
        secret: meta.secret,
        limits,
        now: Timestamp::EPOCH,
        epoch: meta.epoch,
        purpose: Purpose::Look,
    })
}
