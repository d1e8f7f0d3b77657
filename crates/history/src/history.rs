//! The index of a node's journal.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use spica_clock::SharedClock;
use spica_handler::Factory;
use spica_journal::SharedJournal;
use spica_model::{Lane, Seq, Topic};

use crate::error::{HistoryError, OpenError};
use crate::handler::HistoryFactory;
use crate::index::lane::LaneIndex;
use crate::query::{self, Page, Query};
use crate::rules::Rules;
use crate::series::{self, Series, SeriesQuery};
use crate::settings::Settings;

/// The index of a node's journal. Asking reads from disk: off the async workers.
pub struct History {
    journal: SharedJournal,
    clock: SharedClock,
    rules: Arc<Rules>,
    /// Critical first.
    lanes: [Arc<LaneIndex>; 2],
}

impl History {
    /// Opens the index in the directory `dir`, which is made if it is not there: `critical.redb` and
    /// `normal.redb`. A file that is damaged, of another version or of another journal is removed and
    /// built anew by the handler; until then, questions read the journal instead.
    ///
    /// # Errors
    /// If a file cannot be used, or a rule of the settings is none.
    pub fn open(
        dir: &Path,
        journal: SharedJournal,
        node: &Topic,
        settings: Settings,
        clock: SharedClock,
    ) -> Result<Arc<Self>, OpenError> {
        let rules = Arc::new(Rules::new(settings, node)?);
        std::fs::create_dir_all(dir).map_err(|error| OpenError::File {
            path: dir.to_owned(),
            detail: error.to_string(),
        })?;
        let open = |lane: Lane| {
            let path = dir.join(format!("{lane}.redb"));
            let (journal, clock) = (Arc::clone(&journal), Arc::clone(&clock));
            LaneIndex::open(&path, lane, journal, Arc::clone(&rules), clock)
        };
        let lanes = [open(Lane::Critical)?, open(Lane::Normal)?];
        Ok(Arc::new(Self {
            journal,
            clock,
            rules,
            lanes,
        }))
    }

    /// What makes the handlers that fill it: give it to the run-time of handlers.
    #[must_use]
    pub fn factory(self: &Arc<Self>) -> Arc<dyn Factory> {
        Arc::new(HistoryFactory(Arc::clone(self)))
    }

    /// Finds records.
    ///
    /// # Errors
    /// If the index or the journal cannot be read.
    pub fn query(&self, query: &Query) -> Result<Page, HistoryError> {
        query::run(&*self.journal, self.indexes(), query)
    }

    /// The values of a topic over time.
    ///
    /// # Errors
    /// If the index or the journal cannot be read.
    pub fn series(&self, query: &SeriesQuery) -> Result<Series, HistoryError> {
        let now = self.clock.wall();
        series::run(&*self.journal, self.indexes(), &self.rules, query, now)
    }

    /// Up to where a lane is indexed; what lies behind is read from the journal.
    #[must_use]
    pub fn through(&self, lane: Lane) -> Seq {
        self.index(lane).through()
    }

    /// How many values were left out of series since there are too many topics with one.
    #[must_use]
    pub fn series_refused(&self) -> u64 {
        self.lanes.iter().map(|index| index.series_refused()).sum()
    }

    /// Ends its threads when what they were given is written; blocks until then. Stop the handlers
    /// before. Questions are still answered.
    pub fn close(&self) {
        self.lanes.iter().for_each(|index| index.stop());
    }

    pub(crate) fn index(&self, lane: Lane) -> &Arc<LaneIndex> {
        &self.lanes[lane.index()]
    }

    fn indexes(&self) -> [&LaneIndex; 2] {
        self.lanes.each_ref().map(|index| &**index)
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let through = Lane::ALL.map(|lane| self.through(lane));
        f.debug_struct("History")
            .field("through", &through)
            .finish_non_exhaustive()
    }
}
