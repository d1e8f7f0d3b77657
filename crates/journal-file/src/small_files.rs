//! The files `meta`, `lost` and `cut`: small, written rarely, replaced as a whole.

use std::io;

use spica_journal_format::{Cut, FormatError, Ledger, Meta, VERSION};
use spica_storage::{Mode, Storage};

use crate::OpenError;
use crate::names::{CUT, CUT_NEW, LOST, LOST_NEW, META, META_NEW};
use crate::segment::read_all;

/// No such file is longer.
const BYTES_MAX: u64 = 64 << 20;

/// What was given up by repairs.
pub(crate) fn load_ledger(storage: &dyn Storage) -> Result<Ledger, OpenError> {
    let Some(bytes) = read(storage, LOST)? else {
        return Ok(Ledger::default());
    };
    Ledger::decode(&bytes).map_err(|error| match error {
        FormatError::Newer { found } => newer(storage, LOST, found),
        FormatError::Damaged(_) => OpenError::LedgerDamaged {
            file: storage.describe(LOST),
        },
    })
}

/// Replaces the ledger, durably.
pub(crate) fn store_ledger(storage: &dyn Storage, ledger: &Ledger) -> Result<(), OpenError> {
    replace(storage, LOST_NEW, LOST, &ledger.encode())
}

/// The `meta` of a lane; none if it is missing or damaged.
pub(crate) fn load_meta(storage: &dyn Storage) -> Result<Option<Meta>, OpenError> {
    let Some(bytes) = read(storage, META)? else {
        return Ok(None);
    };
    match Meta::decode(&bytes) {
        Ok(meta) => Ok(Some(meta)),
        Err(FormatError::Newer { found }) => Err(newer(storage, META, found)),
        Err(FormatError::Damaged(_)) => Ok(None),
    }
}

/// Replaces the `meta` of a lane, durably.
pub(crate) fn store_meta(storage: &dyn Storage, meta: &Meta) -> Result<(), OpenError> {
    replace(storage, META_NEW, META, &meta.encode())
}

/// Writes the `meta` of a lane over the old one, durably. A flush without a change of names or lengths
/// does not wait for the file system's own journal, and with it for whatever else is being written:
/// a take-over waits for this. A crash may leave it torn; the other lane's is good then.
pub(crate) fn overwrite_meta(storage: &dyn Storage, meta: &Meta) -> Result<(), OpenError> {
    let error = |verb| OpenError::io(storage.describe(META), verb);
    let file = storage.open(META, Mode::Write).map_err(error("opened"))?;
    file.write_at(&meta.encode(), 0)
        .and_then(|()| file.sync_data())
        .map_err(error("overwritten"))
}

/// The cut of a lane that was begun and is not finished, if there is one.
pub(crate) fn load_cut(storage: &dyn Storage) -> Result<Option<Cut>, OpenError> {
    let Some(bytes) = read(storage, CUT)? else {
        return Ok(None);
    };
    Cut::decode(&bytes).map(Some).map_err(|error| match error {
        FormatError::Newer { found } => newer(storage, CUT, found),
        FormatError::Damaged(_) => OpenError::CutDamaged {
            file: storage.describe(CUT),
        },
    })
}

/// Begins a cut, durably.
pub(crate) fn store_cut(storage: &dyn Storage, cut: &Cut) -> Result<(), OpenError> {
    replace(storage, CUT_NEW, CUT, &cut.encode())
}

fn newer(storage: &dyn Storage, name: &str, found: u16) -> OpenError {
    OpenError::Newer {
        file: storage.describe(name),
        found,
        supported: VERSION,
    }
}

fn read(storage: &dyn Storage, name: &str) -> Result<Option<bytes::Bytes>, OpenError> {
    let file = match storage.open(name, Mode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(OpenError::io(storage.describe(name), "opened")(error)),
    };
    let bytes = read_all(&*file, BYTES_MAX);
    bytes
        .map(Some)
        .map_err(OpenError::io(storage.describe(name), "read"))
}

/// Writes a new file and gives it the name of the old one: after a crash, it is one or the other.
fn replace(storage: &dyn Storage, new: &str, name: &str, bytes: &[u8]) -> Result<(), OpenError> {
    let error = || OpenError::io(storage.describe(name), "replaced");
    remove_left(storage, new)?;
    let file = storage.create(new).map_err(error())?;
    file.write_at(bytes, 0).map_err(error())?;
    file.sync_all().map_err(error())?;
    storage.rename(new, name).map_err(error())?;
    storage.sync_directory().map_err(error())
}

/// Removes what an attempt that failed may have left.
pub(crate) fn remove_left(storage: &dyn Storage, name: &str) -> Result<(), OpenError> {
    match storage.remove(name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(OpenError::io(storage.describe(name), "removed")(error))
        }
        _ => Ok(()),
    }
}
