//! Opening a checkpoint, and deciding whether it is the journal's.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use spica_journal::{Followed, Journal};
use spica_model::{Lane, Seq};
use spica_state::Limits;

use super::store::LoadError;
use super::{Loaded, Mark, Store};
use crate::{Metrics, OpenError};

/// Opens the checkpoint of `journal` at `path`. One that cannot be trusted is set aside, and a new
/// one takes its place.
pub(crate) fn open(
    path: &Path,
    journal: &dyn Journal,
    limits: Limits,
    metrics: &Metrics,
) -> Result<(Store, Loaded), OpenError> {
    let (reason, loaded) = match guarded(|| try_open(path, journal, limits.clone())) {
        Ok((store, loaded)) if loaded.is_whole => return Ok((store, loaded)),
        Ok((_, loaded)) => ("topics are damaged or missing".to_owned(), loaded),
        Err(LoadError::Content(reason)) => (reason, Loaded::empty(limits.clone())),
        Err(LoadError::File(detail)) => return Err(unusable(path, detail)),
    };
    let aside = path.with_added_extension("discarded");
    tracing::warn!(
        file = %path.display(),
        kept_as = %aside.display(),
        reason,
        "the checkpoint of the views cannot be trusted: it is set aside, and the journal replayed \
         from its beginning"
    );
    metrics.checkpoints_discarded.inc();
    std::fs::rename(path, &aside).map_err(|error| unusable(path, error.to_string()))?;
    match guarded(|| Store::open(path)) {
        Ok(store) => Ok((store, salvaged(loaded, journal, limits))),
        Err(LoadError::File(detail) | LoadError::Content(detail)) => Err(unusable(path, detail)),
    }
}

/// What to start from when a checkpoint was set aside: nothing, if the journal still has its
/// beginning; else the sound rows. The journal restates the last state of every topic, but no
/// events, of which these rows may be all that is left.
fn salvaged(loaded: Loaded, journal: &dyn Journal, limits: Limits) -> Loaded {
    let is_complete = |lane| journal.status(lane).first <= Seq::ZERO.next();
    if Lane::ALL.into_iter().all(is_complete) {
        return Loaded::empty(limits);
    }
    let mut tree = loaded.tree;
    tracing::warn!(
        topics = tree.topics(),
        "the journal's beginning is gone: sound topics of the checkpoint are kept, the others come \
         back from what was restated"
    );
    tree.change_all();
    Loaded {
        tree,
        ..Loaded::empty(limits)
    }
}

fn unusable(path: &Path, detail: String) -> OpenError {
    OpenError::Checkpoint {
        path: path.to_owned(),
        detail,
    }
}

/// The store may panic on bytes that no version of it has written. For us that is one more way to
/// say that the file is damaged.
fn guarded<T>(open: impl FnOnce() -> Result<T, LoadError>) -> Result<T, LoadError> {
    catch_unwind(AssertUnwindSafe(open))
        .unwrap_or_else(|_| Err(LoadError::Content("the store gave up on it".into())))
}

fn try_open(
    path: &Path,
    journal: &dyn Journal,
    limits: Limits,
) -> Result<(Store, Loaded), LoadError> {
    let store = Store::open(path)?;
    let loaded = store.load(limits)?;
    for lane in Lane::ALL {
        belongs(journal, lane, &loaded.marks[lane.index()]).map_err(LoadError::Content)?;
    }
    Ok((store, loaded))
}

/// Whether the record where the checkpoint ends stands at the same place in the journal. When the
/// journal no longer has it, or cannot read it, nothing speaks against the checkpoint.
fn belongs(journal: &dyn Journal, lane: Lane, mark: &Mark) -> Result<(), String> {
    let durable = journal.status(lane).durable;
    if mark.seq > durable {
        let seq = mark.seq;
        return Err(format!(
            "it ends at {seq} of the {lane} lane, which ends at {durable}"
        ));
    }
    let (Some(last), Some(before)) = (&mark.last, mark.seq.0.checked_sub(1)) else {
        return Ok(());
    };
    let mut follower = journal
        .follow(lane, Seq(before))
        .map_err(|e| e.to_string())?;
    match follower.read(1).map_err(|e| e.to_string())? {
        Followed::Records(records) if records.first() != Some(last) => Err(format!(
            "the {lane} lane has another record at {}: it is another journal",
            mark.seq
        )),
        _ => Ok(()),
    }
}
