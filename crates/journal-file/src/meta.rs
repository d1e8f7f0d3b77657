//! What both lanes have in common: found in either of them, created when there is no journal yet, or
//! taken from the segments by a repair.

use std::sync::Arc;

use spica_clock::SharedClock;
use spica_journal_format::{Meta, PAGE_BYTES, Page, Secret, SegmentHeader};
use spica_model::{Epoch, Timestamp};
use spica_storage::{Mode, Storage};

use crate::OpenError;
use crate::names;
use crate::segment::read_at;
use crate::small_files;

/// What the lanes have in common. Either copy will do; the other one is made good.
pub(crate) fn load_or_create(
    storages: &[Arc<dyn Storage>; 2],
    epoch: Option<Epoch>,
    clock: &SharedClock,
) -> Result<Meta, OpenError> {
    let found = [
        small_files::load_meta(&*storages[0])?,
        small_files::load_meta(&*storages[1])?,
    ];
    let meta = match found {
        [Some(one), Some(other)] if one.secret != other.secret => {
            return Err(OpenError::Foreign {
                file: storages[1].describe(names::META),
            });
        }
        [Some(one), Some(other)] if one.epoch < other.epoch => other,
        [Some(meta), _] | [None, Some(meta)] => meta,
        [None, None] => create(storages, clock)?,
    };
    let asked = epoch.unwrap_or(meta.epoch);
    if asked < meta.epoch {
        return Err(OpenError::OldEpoch {
            asked: asked.0,
            newest: meta.epoch.0,
        });
    }
    let meta = Meta {
        epoch: asked,
        ..meta
    };
    for (storage, found) in storages.iter().zip(found) {
        if found != Some(meta) {
            small_files::store_meta(&**storage, &meta)?;
        }
    }
    Ok(meta)
}

/// A new journal; refused where there are segments already, which need the `meta` they began with.
fn create(storages: &[Arc<dyn Storage>; 2], clock: &SharedClock) -> Result<Meta, OpenError> {
    for storage in storages {
        let listed = storage
            .list()
            .map_err(OpenError::io(storage.describe(""), "listed"))?;
        if listed
            .iter()
            .any(|file| names::segment_number(&file.name).is_some())
        {
            return Err(OpenError::MetaLost {
                file: storage.describe(names::META),
            });
        }
    }
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(|error| {
        OpenError::Settings(format!("the system gives no random bytes: {error}"))
    })?;
    Ok(Meta {
        secret: Secret(secret),
        epoch: Epoch::FIRST,
        created: clock.wall(),
    })
}

/// What both lanes have in common, from either of them; changes nothing.
pub(crate) fn load(storages: &[Arc<dyn Storage>; 2]) -> Result<Meta, OpenError> {
    let found = [
        small_files::load_meta(&*storages[0])?,
        small_files::load_meta(&*storages[1])?,
    ];
    let newest = found.into_iter().flatten().max_by_key(|meta| meta.epoch);
    newest.ok_or_else(|| lost(storages))
}

fn lost(storages: &[Arc<dyn Storage>; 2]) -> OpenError {
    OpenError::MetaLost {
        file: storages[0].describe(names::META),
    }
}

/// Takes it from the headers of the segments, which all repeat it, and stores it.
pub(crate) fn restore(storages: &[Arc<dyn Storage>; 2], now: Timestamp) -> Result<Meta, OpenError> {
    let mut best: Option<Meta> = None;
    for storage in storages {
        let listed = storage
            .list()
            .map_err(OpenError::io(storage.describe(""), "listed"))?;
        for info in listed
            .iter()
            .filter(|info| names::segment_number(&info.name).is_some())
        {
            let Some(header) = header_of(&**storage, &info.name)? else {
                continue;
            };
            if best.is_some_and(|best| best.secret != header.secret) {
                return Err(OpenError::Foreign {
                    file: storage.describe(&info.name),
                });
            }
            let epoch = best.map_or(header.epoch, |best| best.epoch.max(header.epoch));
            best = Some(Meta {
                secret: header.secret,
                epoch,
                created: now,
            });
        }
    }
    let meta = best.ok_or_else(|| lost(storages))?;
    for storage in storages {
        small_files::store_meta(&**storage, &meta)?;
    }
    Ok(meta)
}

/// The header of a segment, if it is good.
fn header_of(storage: &dyn Storage, name: &str) -> Result<Option<SegmentHeader>, OpenError> {
    let error = |verb| OpenError::io(storage.describe(name), verb);
    let file = storage.open(name, Mode::Read).map_err(error("opened"))?;
    let head = read_at(&*file, 0, PAGE_BYTES).map_err(error("read"))?;
    Ok(Page::decode(&head, 0)
        .ok()
        .and_then(|page| page.header.good()))
}
