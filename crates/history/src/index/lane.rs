//! The index of one lane as its handler, its flusher and those who ask share it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hashbrown::HashSet;
use parking_lot::{Condvar, Mutex, MutexGuard};
use spica_clock::SharedClock;
use spica_handler::{HandleError, Missed};
use spica_journal::SharedJournal;
use spica_model::{Lane, Record, Seq, Topic};

use super::cache::{Cache, Info};
use super::head::{Head, Mark, Trace};
use super::store::Store;
use super::sweep::Sweep;
use super::{OTHERS, event_key};
use crate::bucket::{Bucket, Resolution};
use crate::error::{HistoryError, OpenError};
use crate::number::number_of;
use crate::posting::Posting;
use crate::rules::Rules;
use crate::settings::SeriesTime;

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

/// What has come and is not all in the file.
pub(crate) struct State {
    /// What comes now.
    pub(crate) head: Head,
    /// What is being written.
    pub(crate) frozen: Option<Arc<Head>>,
    /// Up to where the file holds everything.
    pub(crate) base: Seq,
    next: u32,
    series: HashSet<u32>,
    series_refused: u64,
    cache: Cache,
    /// Why the last write failed.
    error: Option<String>,
    stopping: bool,
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
        Ok(())
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

impl State {
    /// Puts a record into the lists and series that it belongs to. A copy belongs to none.
    fn index(
        &mut self,
        index: &LaneIndex,
        record: &Record,
        late: bool,
    ) -> Result<(), HistoryError> {
        self.head.records += 1;
        self.head.replayed |= late;
        if record.is_restated() {
            return Ok(());
        }
        let info = self.info(index, &record.topic)?;
        let posting = Posting {
            seq: record.position.seq,
            received: record.received,
        };
        self.head.post(info.list, posting);
        if let Some(event) = info.event.filter(|event| *event != info.list) {
            self.head.post(event, posting);
        }
        if let Some(rule) = info.series.and_then(|rule| index.rules.series(rule))
            && info.list != OTHERS
            && let Some(value) = number_of(record, &rule.pointer)
            && self.has_series(info.list, index.rules.settings.max_series)
        {
            let at = match rule.time {
                SeriesTime::Received => record.received,
                SeriesTime::Source => record.source_time.unwrap_or(record.received),
            };
            let minute = Resolution::Minute.floor(at).as_micros();
            let bucket = Bucket::of(value, at, record.position.seq);
            self.head.count(info.list, minute, bucket);
        }
        Ok(())
    }

    /// Whether a list has a series, or may have one from now on.
    fn has_series(&mut self, list: u32, limit: usize) -> bool {
        if self.series.contains(&list) {
            return true;
        }
        if self.series.len() >= limit {
            self.series_refused += 1;
            return false;
        }
        self.series.insert(list)
    }

    fn info(&mut self, index: &LaneIndex, topic: &Topic) -> Result<Info, HistoryError> {
        if let Some(info) = self.cache.get(topic) {
            return Ok(info);
        }
        let event = index.rules.event_of(topic).map(event_key);
        let event = event.map(|key| self.list(index, key)).transpose()?;
        let info = Info {
            list: self.list(index, topic.as_bytes().to_vec())?,
            event,
            series: index.rules.series_of(topic),
        };
        // A copy of its text: the topic is a part of a buffer with many records.
        if let Ok(topic) = Topic::new(topic.as_str()) {
            self.cache.put(topic, info);
        }
        Ok(info)
    }

    /// The list of a name; a new one if there is room.
    fn list(&mut self, index: &LaneIndex, name: Vec<u8>) -> Result<u32, HistoryError> {
        let fresh = self.head.names.get(&name);
        let frozen = self
            .frozen
            .as_ref()
            .and_then(|frozen| frozen.names.get(&name));
        if let Some(list) = fresh.or(frozen) {
            return Ok(*list);
        }
        if let Some(list) = index.store.list_of(&name)? {
            return Ok(list);
        }
        if self.next as usize > index.rules.settings.max_topics {
            return Ok(OTHERS);
        }
        let list = self.next;
        self.next += 1;
        self.head.names.insert(name, list);
        Ok(list)
    }

    /// The heads that are not in the file, the older one first.
    pub(crate) fn heads(&self) -> impl Iterator<Item = &Head> {
        self.frozen.as_deref().into_iter().chain([&self.head])
    }
}

impl Head {
    fn is_empty(&self) -> bool {
        self.records == 0
    }
}
