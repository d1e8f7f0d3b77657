//! Opening the file `state` of a lane.

use spica_journal_format::{FormatError, State, StateSlot, VERSION};
use spica_storage::{File, Mode, Storage};

use crate::OpenError;
use crate::names::STATE;
use crate::report::Note;
use crate::segment::read_at;

/// The state of a lane as it was found.
pub(crate) struct FoundState {
    pub(crate) file: Box<dyn File>,
    pub(crate) state: State,
    /// Whether a newer state may have been lost: then what it says about the oldest segment is no
    /// proof that one is missing.
    pub(crate) stale: bool,
    pub(crate) note: Option<Note>,
}

const FILE_BYTES: usize = 2 * State::SLOT_BYTES;

/// Opens the file, or creates it.
pub(crate) fn open(storage: &dyn Storage) -> Result<FoundState, OpenError> {
    let (file, created) = open_or_create(storage)?;
    let bytes = read_at(&*file, 0, FILE_BYTES).map_err(OpenError::io(path(storage), "read"))?;
    if bytes.len() < FILE_BYTES {
        // New, or a crash came while it was new.
        let rest = vec![0; FILE_BYTES - bytes.len()];
        let written = file
            .write_at(&rest, bytes.len() as u64)
            .and_then(|()| file.sync_all());
        written.map_err(OpenError::io(path(storage), "written"))?;
        storage
            .sync_directory()
            .map_err(OpenError::io(path(storage), "made durable"))?;
    }
    let (first, second) = bytes.split_at(bytes.len().min(State::SLOT_BYTES));
    let slots = [decode(storage, first)?, decode(storage, second)?];
    Ok(choose(storage, file, slots, created))
}

fn open_or_create(storage: &dyn Storage) -> Result<(Box<dyn File>, bool), OpenError> {
    match storage.open(STATE, Mode::Write) {
        Ok(file) => Ok((file, false)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let file = storage
                .create(STATE)
                .map_err(OpenError::io(path(storage), "created"))?;
            Ok((file, true))
        }
        Err(error) => Err(OpenError::io(path(storage), "opened")(error)),
    }
}

/// Reads the file without changing anything; none if there is no good state.
pub(crate) fn read(storage: &dyn Storage) -> Result<State, OpenError> {
    let file = match storage.open(STATE, Mode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::default()),
        Err(error) => return Err(OpenError::io(path(storage), "opened")(error)),
    };
    let bytes = read_at(&*file, 0, FILE_BYTES).map_err(OpenError::io(path(storage), "read"))?;
    let (first, second) = bytes.split_at(bytes.len().min(State::SLOT_BYTES));
    let slots = [decode(storage, first)?, decode(storage, second)?];
    Ok(choose(storage, file, slots, false).state)
}

fn decode(storage: &dyn Storage, slot: &[u8]) -> Result<StateSlot, OpenError> {
    State::decode(slot).map_err(|error| match error {
        FormatError::Newer { found } => OpenError::Newer {
            file: path(storage),
            found,
            supported: VERSION,
        },
        FormatError::Damaged(_) => OpenError::Settings(error.to_string()),
    })
}

fn choose(
    storage: &dyn Storage,
    file: Box<dyn File>,
    slots: [StateSlot; 2],
    created: bool,
) -> FoundState {
    let damaged = slots
        .iter()
        .filter(|slot| **slot == StateSlot::Damaged)
        .count();
    let good = slots.into_iter().filter_map(|slot| match slot {
        StateSlot::Good(state) => Some(state),
        StateSlot::Blank | StateSlot::Damaged => None,
    });
    let best = good.max_by_key(|state| state.generation);
    let lost = best.is_none() && damaged > 0;
    let note = lost.then(|| Note {
        file: path(storage),
        offset: 0,
        what: "both slots are damaged: the cursors of all consumers are lost, and they begin anew"
            .to_owned(),
    });
    FoundState {
        file,
        stale: damaged > 0 || created,
        state: best.unwrap_or_default(),
        note,
    }
}

fn path(storage: &dyn Storage) -> String {
    storage.describe(STATE)
}
