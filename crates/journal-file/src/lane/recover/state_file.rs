//! Opening the file `state` of a lane.

use spica_journal_format::{FormatError, State, StateSlot, VERSION};
use spica_storage::{File, Mode, Storage};

use crate::OpenError;
use crate::names::STATE;
use crate::segment::read_at;

/// The state of a lane as it was found.
pub(crate) struct FoundState {
    pub(crate) file: Box<dyn File>,
    pub(crate) state: State,
    /// Whether a newer state may have been lost: then what it says about the oldest segment is no
    /// proof that one is missing.
    pub(crate) stale: bool,
    /// Whether there is none that could be read.
    pub(crate) lost: bool,
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
    let (mut state, stale) = look_again(storage, &*file, &bytes)?;
    let lost = state.is_none() && (stale || created);
    if let Some(state) = &mut state {
        // It may have been written by a process whose flush failed: then it can be read, but is on no
        // disk. Nothing must be done by it before it is.
        state.generation += 1;
        let again = file
            .write_at(&state.encode(), state.offset())
            .and_then(|()| file.sync_data());
        again.map_err(OpenError::io(path(storage), "written"))?;
    }
    Ok(FoundState {
        file,
        state: state.unwrap_or_default(),
        stale: stale || created,
        lost,
    })
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

/// Reads the file without changing anything: the state, and whether a newer one may have been lost.
pub(crate) fn read(storage: &dyn Storage) -> Result<(State, bool), OpenError> {
    let file = match storage.open(STATE, Mode::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok((State::default(), true));
        }
        Err(error) => return Err(OpenError::io(path(storage), "opened")(error)),
    };
    let bytes = read_at(&*file, 0, FILE_BYTES).map_err(OpenError::io(path(storage), "read"))?;
    let (state, stale) = look_again(storage, &*file, &bytes)?;
    Ok((state.unwrap_or_default(), stale))
}

/// What `bytes` say, or what another read of them says if that is newer: what is taken is written
/// again, and must not be put in the place of a newer state that one read has missed.
fn look_again(
    storage: &dyn Storage,
    file: &dyn File,
    bytes: &[u8],
) -> Result<(Option<State>, bool), OpenError> {
    let again = read_at(file, 0, FILE_BYTES).map_err(OpenError::io(path(storage), "read"))?;
    let first = choose(slots(storage, bytes)?);
    let second = choose(slots(storage, &again)?);
    let generation = |found: &(Option<State>, bool)| found.0.as_ref().map(|s| s.generation);
    Ok(if generation(&second) >= generation(&first) {
        second
    } else {
        first
    })
}

fn slots(storage: &dyn Storage, bytes: &[u8]) -> Result<[StateSlot; 2], OpenError> {
    let (first, second) = bytes.split_at(bytes.len().min(State::SLOT_BYTES));
    Ok([decode(storage, first)?, decode(storage, second)?])
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

/// The newer good slot, and whether an even newer one may have been lost. Without any slot, nothing
/// was ever stored: not even retention can have taken anything then.
fn choose(slots: [StateSlot; 2]) -> (Option<State>, bool) {
    let damaged = slots.contains(&StateSlot::Damaged);
    let good = slots.into_iter().filter_map(|slot| match slot {
        StateSlot::Good(state) => Some(state),
        StateSlot::Blank | StateSlot::Damaged => None,
    });
    let best = good.max_by_key(|state| state.generation);
    (best, damaged)
}

fn path(storage: &dyn Storage) -> String {
    storage.describe(STATE)
}
