//! Doing what a planned cut says. Whatever of it was done before a crash is done again.

use std::sync::Arc;

use spica_journal_format::{Cut, CutEnd, PAGE_BYTES, Seal, State};
use spica_model::Seq;
use spica_storage::{Mode, Storage};

use crate::error::OpenError;
use crate::lane::recover::open_state;
use crate::names;
use crate::small_files;

/// How much is zeroed at once.
const ZERO_BYTES: usize = 1 << 20;

/// Finishes the cuts of both lanes, if any are left to do.
pub(crate) fn finish_all(storages: &[Arc<dyn Storage>; 2]) -> Result<(), OpenError> {
    for storage in storages {
        if let Some(cut) = small_files::load_cut(&**storage)? {
            finish(&**storage, &cut)?;
        }
    }
    Ok(())
}

fn finish(storage: &dyn Storage, cut: &Cut) -> Result<(), OpenError> {
    let last = cut.state.durable;
    tracing::warn!(
        directory = storage.describe(""), %last,
        "the lane is shortened: it ends with this record from now on"
    );
    let sync = || {
        let synced = storage.sync_directory();
        synced.map_err(OpenError::io(storage.describe(""), "made durable"))
    };
    // The plan can be seen, but its name may not be durable yet; and nothing is done without it.
    sync()?;
    change_names(storage, cut)?;
    sync()?;
    if let Some(end) = &cut.end {
        end_segment(storage, end)?;
    }
    shorten_ledger(storage, last)?;
    store_state(storage, &cut.state)?;
    small_files::remove_left(storage, names::CUT)?;
    sync()
}

/// Gives files their other names, then removes what is behind the end, and what was prepared.
fn change_names(storage: &dyn Storage, cut: &Cut) -> Result<(), OpenError> {
    let error = |name: &str, verb| OpenError::io(storage.describe(name), verb);
    let exists = |name: &str| match storage.open(name, Mode::Read) {
        Ok(_) => Ok(true),
        Err(found) if found.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(found) => Err(error(name, "opened")(found)),
    };
    for (from, to) in &cut.renames {
        if exists(from)? {
            storage.rename(from, to).map_err(error(from, "renamed"))?;
        }
    }
    let ends_in = cut.end.map_or(0, |end| end.segment);
    for file in storage.list().map_err(error("", "listed"))? {
        let behind = names::segment_number(&file.name).is_some_and(|number| number > ends_in);
        if behind || names::spare_number(&file.name).is_some() {
            small_files::remove_left(storage, &file.name)?;
        }
    }
    Ok(())
}

/// Lets a segment end: its last batch gets its header, what follows is zeroed, and the seal too.
fn end_segment(storage: &dyn Storage, end: &CutEnd) -> Result<(), OpenError> {
    let name = names::segment(end.segment);
    let error = |verb| OpenError::io(storage.describe(&name), verb);
    let file = storage.open(&name, Mode::Write).map_err(error("opened"))?;
    let len = file.len().map_err(error("read"))?;
    let seal = vec![0; PAGE_BYTES - Seal::OFFSET as usize];
    file.write_at(&seal, Seal::OFFSET)
        .and_then(|()| file.write_at(&end.header, end.offset))
        .map_err(error("written"))?;
    let zeros = vec![0; ZERO_BYTES];
    for at in (end.data_end..len).step_by(ZERO_BYTES) {
        let part = ((len - at) as usize).min(ZERO_BYTES);
        let written = file.write_at(&zeros[..part], at);
        written.map_err(error("written"))?;
    }
    file.sync_all().map_err(error("written"))
}

/// Takes out what repairs have given up behind the end.
fn shorten_ledger(storage: &dyn Storage, last: Seq) -> Result<(), OpenError> {
    let found = small_files::load_ledger(storage)?;
    let mut ledger = found.clone();
    ledger.lost.retain(|lost| lost.from <= last);
    for lost in &mut ledger.lost {
        lost.to = lost.to.min(last);
    }
    if ledger == found {
        return Ok(());
    }
    small_files::store_ledger(storage, &ledger)
}

/// Stores the state in both slots: an old one knows of records that are gone, and would prove that
/// they are lost if the newer one were damaged.
fn store_state(storage: &dyn Storage, state: &State) -> Result<(), OpenError> {
    let error = || OpenError::io(storage.describe(names::STATE), "written");
    let found = open_state(storage)?;
    for step in 1..=2 {
        let state = State {
            generation: found.state.generation + step,
            ..state.clone()
        };
        found
            .file
            .write_at(&state.encode(), state.offset())
            .and_then(|()| found.file.sync_all())
            .map_err(error())?;
    }
    Ok(())
}
