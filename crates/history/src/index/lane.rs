//! The index of one lane as its handler, its flusher and those who ask share it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use spica_clock::SharedClock;
use spica_handler::{HandleError, Missed};
use spica_journal::SharedJournal;
use spica_model::{Lane, Record, Seq};

use super::OTHERS;
use super::cache::Cache;
use super::head::{Head, Mark, Trace};
use super::state::State;
use super::store::Store;
use super::sweep::Sweep;
use crate::error::{HistoryError, OpenError};
use crate::rules::Rules;

/// When what is in memory is written, if it is not so much before.
const FLUSH: Duration = Duration::from_secs(1);
/// How often the flusher looks for what is too old, when it has nothing else to do.
const SWEEP: Duration = Duration::from_secs(1);

/// The index of one lane.
pub(crate) struct LaneIndex {
    pub(crate) lane: Lane,
    pub(crate) journal: SharedJournal,
    pub(crate) rules: Arc<Rules>,
    pub(crate) clock: SharedClock,
    pub(crate) store: Store,
    state: Mutex<State>,
    changed: Condvar,
    flusher: Mutex<Option<JoinHandle<()>>>,
}

impl LaneIndex {
    /// Opens the index at `path` and starts its flusher.
    pub(crate) fn open(
        path: &Path,
        lane: Lane,
        journal: SharedJournal,
        rules: Arc<Rules>,
        clock: SharedClock,
    ) -> Result<Arc<Self>, OpenError> {
        let (store, opened) = Store::open(path, &*journal, lane)?;
        let index = Arc::new(Self {
            state: Mutex::new(State {
                base: opened.mark.seq,
                head: Head::after(opened.mark),
                frozen: None,
                since: None,
                next: opened.next,
                series: opened.series,
                series_refused: 0,
                cache: Cache::new(rules.settings.cached_topics),
                error: None,
                stopping: false,
            }),
            lane,
            journal,
            rules,
            clock,
            store,
            changed: Condvar::new(),
            flusher: Mutex::default(),
        });
        let shared = Arc::clone(&index);
        let thread = std::thread::Builder::new().name(format!("hist-{lane}"));
        let thread = thread
            .spawn(move || shared.run())
            .map_err(|error| OpenError::File {
                path: path.to_owned(),
                detail: format!("its thread cannot be started: {error}"),
            })?;
        *index.flusher.lock() = Some(thread);
        Ok(index)
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Where the handler goes on.
    pub(crate) fn through(&self) -> Seq {
        self.state.lock().head.mark.seq
    }

    /// Takes records in. What is known already changes nothing.
    pub(crate) fn take(&self, batch: &[Record]) -> Result<(), HandleError> {
        let mut state = self.room()?;
        for (at, record) in batch.iter().enumerate() {
            if record.position.seq <= state.head.mark.seq {
                continue;
            }
            let taken = state.index(self, record, false);
            taken.map_err(|error| HandleError::unavailable(at, error.to_string()))?;
            state.head.mark = Mark {
                seq: record.position.seq,
                record: None,
            };
        }
        // The record that the index is known by.
        if let Some(last) = batch
            .last()
            .filter(|last| last.position.seq == state.head.mark.seq)
        {
            state.head.mark.record = Some(Trace::of(last));
        }
        self.flush_soon(&mut state);
        Ok(())
    }

    /// Gives what has come for a while to the flusher, if it has nothing to do: so nobody ever waits
    /// for much of it.
    fn flush_soon(&self, state: &mut State) {
        let now = self.clock.monotonic();
        let since = *state.since.get_or_insert(now);
        if state.frozen.is_none() && now.saturating_duration_since(since) >= FLUSH {
            self.freeze(state);
        }
    }

    /// Takes in a record that was left out before.
    pub(crate) fn take_late(&self, record: &Record) -> Result<(), HandleError> {
        // What is known of it must be in the file, where it is looked for.
        self.flush()?;
        if self
            .holds(record)
            .map_err(|error| HandleError::unavailable(0, error.to_string()))?
        {
            return Ok(());
        }
        let mut state = self.room()?;
        let taken = state.index(self, record, true);
        taken.map_err(|error| HandleError::unavailable(0, error.to_string()))?;
        drop(state);
        self.flush().map(drop)
    }

    /// Whether the file has a record in the list of its topic.
    fn holds(&self, record: &Record) -> Result<bool, HistoryError> {
        let list = self
            .store
            .list_of(record.topic.as_bytes())?
            .unwrap_or(OTHERS);
        let seq = record.position.seq;
        let found = crate::query::list::count(self, list, (Seq(seq.0 - 1), seq), 1)?;
        Ok(found > 0)
    }

    /// Takes note of records that will never come.
    pub(crate) fn miss(&self, missed: &Missed) -> Result<(), HandleError> {
        let mut state = self.room()?;
        if missed.to > state.head.mark.seq {
            state.head.missed.push(*missed);
            state.head.records += 1;
            state.head.mark = Mark {
                seq: missed.to,
                record: None,
            };
        }
        Ok(())
    }

    /// Up to where the file holds everything.
    pub(crate) fn base(&self) -> Seq {
        self.state.lock().base
    }

    /// Waits until there is room for more.
    fn room(&self) -> Result<MutexGuard<'_, State>, HandleError> {
        let mut state = self.state.lock();
        loop {
            self.check(&mut state)?;
            if state.head.records < self.rules.settings.flush_records {
                return Ok(state);
            }
            if state.frozen.is_none() {
                self.freeze(&mut state);
            } else {
                self.changed.wait(&mut state);
            }
        }
    }

    /// Says if the last write has failed; it is tried again then.
    fn check(&self, state: &mut State) -> Result<(), HandleError> {
        match state.error.take() {
            None => Ok(()),
            Some(error) => {
                self.changed.notify_all();
                let path = self.store.path().display();
                let detail = format!("the history's index {path} cannot be written: {error}");
                Err(HandleError::unavailable(0, detail))
            }
        }
    }

    /// Gives what has come to the flusher.
    fn freeze(&self, state: &mut State) {
        state.since = None;
        let next = Head::after(state.head.mark.clone());
        state.frozen = Some(Arc::new(std::mem::replace(&mut state.head, next)));
        self.changed.notify_all();
    }

    /// Waits until everything that has come is in the file; says up to where that is.
    pub(crate) fn flush(&self) -> Result<Seq, HandleError> {
        let mut state = self.state.lock();
        let goal = state.head.mark.seq;
        loop {
            self.check(&mut state)?;
            let is_written = state.frozen.is_none() && state.head.is_empty();
            if is_written || (state.base >= goal && !state.head.replayed && state.frozen.is_none())
            {
                return Ok(state.base);
            }
            if state.frozen.is_none() {
                self.freeze(&mut state);
            } else {
                self.changed.wait(&mut state);
            }
        }
    }

    /// Ends the flusher when it has written what it was given.
    pub(crate) fn stop(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
        if let Some(thread) = self.flusher.lock().take()
            && thread.join().is_err()
        {
            tracing::error!(lane = %self.lane, "the thread that writes the history's index has panicked");
        }
    }

    /// The flusher: writes what is frozen, and sweeps when there is nothing.
    fn run(&self) {
        let mut sweep = Sweep::default();
        loop {
            let (frozen, next) = {
                let mut state = self.state.lock();
                let waits = |state: &State| state.frozen.is_none() || state.error.is_some();
                if waits(&state) && !state.stopping {
                    // What has happened is looked at below.
                    let _ = self.changed.wait_for(&mut state, SWEEP);
                }
                if waits(&state) && state.stopping {
                    return;
                }
                let frozen = state.frozen.clone().filter(|_| state.error.is_none());
                (frozen, state.next)
            };
            match frozen {
                Some(head) => self.write(&head, next),
                None => self.sweep(&mut sweep),
            }
        }
    }

    fn write(&self, head: &Head, next: u32) {
        let written = catch_unwind(AssertUnwindSafe(|| self.store.write(head, next)));
        let error = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the store has panicked".to_owned()),
        };
        let mut state = self.state.lock();
        match error {
            None => {
                state.base = head.mark.seq;
                state.frozen = None;
            }
            Some(error) => state.error = Some(error),
        }
        drop(state);
        self.changed.notify_all();
    }

    fn sweep(&self, sweep: &mut Sweep) {
        let first = self.journal.status(self.lane).first;
        let swept = self
            .store
            .sweep(sweep, &self.rules, first, self.clock.wall());
        match swept {
            Ok(0) => {}
            Ok(rows) => {
                tracing::debug!(lane = %self.lane, rows, "old rows of the history's index are removed");
            }
            Err(error) => {
                tracing::warn!(lane = %self.lane, %error, "old rows of the history's index stay");
            }
        }
    }

    /// How many topics have no series since there are too many, as often as they came.
    pub(crate) fn series_refused(&self) -> u64 {
        self.state.lock().series_refused
    }
}
