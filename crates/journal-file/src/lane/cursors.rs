//! The cursors of a lane, and the file they are stored in.

use std::collections::BTreeMap;
use std::io;

use parking_lot::Mutex;
use spica_journal_format::{CursorEntry, State};
use spica_model::{Epoch, Seq};
use spica_storage::File;

/// The cursors of a lane as its consumers know them, and as they are stored.
pub(crate) struct Cursors {
    live: Mutex<BTreeMap<String, Seq>>,
    stored: Mutex<Stored>,
}

struct Stored {
    file: Box<dyn File>,
    state: State,
}

/// What else is stored with the cursors.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) durable: Seq,
    pub(crate) first_segment: u64,
    pub(crate) first: Seq,
    pub(crate) reigns: Vec<(Epoch, Seq)>,
}

/// What failed when the state was stored.
pub(crate) enum StoreError {
    Write(io::Error),
    Sync(io::Error),
}

impl Cursors {
    pub(crate) fn new(file: Box<dyn File>, state: State) -> Self {
        let live = state
            .cursors
            .iter()
            .map(|cursor| (cursor.name.clone(), cursor.seq))
            .collect();
        Self {
            live: Mutex::new(live),
            stored: Mutex::new(Stored { file, state }),
        }
    }

    pub(crate) fn list(&self) -> Vec<(String, Seq)> {
        self.live
            .lock()
            .iter()
            .map(|(name, seq)| (name.clone(), *seq))
            .collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.live.lock().len()
    }

    pub(crate) fn get(&self, name: &str) -> Option<Seq> {
        self.live.lock().get(name).copied()
    }

    pub(crate) fn insert(&self, name: &str, seq: Seq) {
        self.live.lock().insert(name.to_owned(), seq);
    }

    pub(crate) fn remove(&self, name: &str) -> Option<Seq> {
        self.live.lock().remove(name)
    }

    /// Moves a cursor, never back; says whether there is one.
    pub(crate) fn advance(&self, name: &str, seq: Seq) -> bool {
        match self.live.lock().get_mut(name) {
            Some(place) => {
                *place = seq.max(*place);
                true
            }
            None => false,
        }
    }

    /// The cursor that is the furthest behind, as it is stored: retention must trust no other.
    pub(crate) fn slowest(&self) -> Option<(String, Seq)> {
        let stored = self.stored.lock();
        let slowest = stored
            .state
            .cursors
            .iter()
            .min_by_key(|cursor| cursor.seq)?;
        Some((slowest.name.clone(), slowest.seq))
    }

    /// Stores everything durably, unless nothing has changed.
    pub(crate) fn store(&self, facts: Facts) -> Result<(), StoreError> {
        let mut stored = self.stored.lock();
        let cursors = self
            .list()
            .into_iter()
            .map(|(name, seq)| CursorEntry { name, seq })
            .collect();
        let same = State {
            generation: stored.state.generation,
            durable: facts.durable,
            first_segment: facts.first_segment,
            first: facts.first,
            reigns: facts.reigns,
            cursors,
        };
        if same == stored.state {
            return Ok(());
        }
        let state = State {
            generation: same.generation + 1,
            ..same
        };
        stored
            .file
            .write_at(&state.encode(), state.offset())
            .map_err(StoreError::Write)?;
        stored.file.sync_data().map_err(StoreError::Sync)?;
        stored.state = state;
        Ok(())
    }
}
