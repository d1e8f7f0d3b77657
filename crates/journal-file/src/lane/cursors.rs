//! The cursors of a lane, and the file they are stored in.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;
use spica_journal_format::{CursorEntry, State};
use spica_model::{Epoch, Seq};
use spica_storage::File;

use super::{Failing, LaneLog};
use crate::names;

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
    durable: Seq,
    first_segment: u64,
    first: Seq,
    reigns: Vec<(Epoch, Seq)>,
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

    /// Stores everything durably, unless nothing has changed. The facts are asked for when nobody
    /// else can store older ones after them any more.
    pub(crate) fn store(&self, facts: impl FnOnce() -> Facts) -> Result<(), StoreError> {
        let mut stored = self.stored.lock();
        let facts = facts();
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

impl LaneLog {
    /// Stores cursors and facts durably. A failed flush fails the lane.
    pub(crate) fn store_state(&self) -> Result<(), Arc<str>> {
        let error = match self.cursors.store(|| self.facts()) {
            Ok(()) => return Ok(()),
            Err(StoreError::Sync(error)) => {
                let error = self.commit_error(Failing::Sync, names::STATE, &error);
                self.fail(error.clone());
                error
            }
            Err(StoreError::Write(error)) => {
                let error = self.commit_error(Failing::Write, names::STATE, &error);
                tracing::warn!(lane = %self.lane, "{error}; cursors stay where they were stored last");
                error
            }
        };
        Err(error.detail)
    }

    fn facts(&self) -> Facts {
        let durable = self.here.durable();
        let oldest = self.segments.oldest();
        Facts {
            durable,
            first_segment: oldest.as_ref().map_or(0, |segment| segment.number),
            first: oldest.map_or(durable.next(), |segment| segment.first),
            reigns: self.queue.lock().reigns.clone(),
        }
    }
}
