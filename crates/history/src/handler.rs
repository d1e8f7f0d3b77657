//! The handler that fills the index.

use std::sync::Arc;

use spica_handler::{Factory, HandleError, Handler, Kept, Missed};
use spica_model::{Lane, Record, Seq};

use crate::History;
use crate::index::lane::LaneIndex;

/// The name of the handler.
pub(crate) const NAME: &str = "history";

/// Makes the handlers of an index.
pub(crate) struct HistoryFactory(pub(crate) Arc<History>);

impl Factory for HistoryFactory {
    fn name(&self) -> &str {
        NAME
    }

    /// What it makes are files of this node.
    fn everywhere(&self) -> bool {
        true
    }

    fn make(&self, lane: Lane) -> Result<Box<dyn Handler>, HandleError> {
        let index = Arc::clone(self.0.index(lane));
        Ok(Box::new(HistoryHandler { index }))
    }
}

/// Fills the index of a lane. Several on one index do no harm: it takes each record once.
struct HistoryHandler {
    index: Arc<LaneIndex>,
}

impl Handler for HistoryHandler {
    /// The index knows itself how far it is, whatever the cursor says.
    fn resume(&mut self, _: Seq) -> Result<Seq, HandleError> {
        Ok(self.index.through())
    }

    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        self.index.take(batch)
    }

    fn replay(&mut self, record: &Record) -> Result<(), HandleError> {
        self.index.take_late(record)
    }

    fn missed(&mut self, missed: &Missed) -> Result<(), HandleError> {
        self.index.miss(missed)
    }

    fn kept(&mut self) -> Kept {
        Kept::Through(self.index.base())
    }

    fn checkpoint(&mut self) -> Result<Kept, HandleError> {
        self.index.flush().map(Kept::Through)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spica_clock::SystemClock;
    use spica_handler::contract::{self, Harness, record};
    use spica_journal::Journal;
    use spica_journal::memory::MemoryJournal;
    use spica_model::Topic;
    use tempfile::TempDir;

    use crate::Settings;

    /// An index of a journal that has all records that the contract gives to it.
    struct Disk {
        dir: TempDir,
        journal: Arc<MemoryJournal>,
        history: Option<Arc<History>>,
    }

    impl Disk {
        fn new() -> Self {
            let journal = MemoryJournal::new();
            for seq in 1..=50 {
                let record = record(Lane::Normal, Seq(seq));
                journal.submit(Lane::Normal, &[record.as_new()]).unwrap();
            }
            Self {
                dir: tempfile::tempdir().unwrap(),
                journal,
                history: None,
            }
        }
    }

    impl Harness for Disk {
        fn fresh(&mut self) -> Box<dyn Handler> {
            self.history = None;
            self.dir = tempfile::tempdir().unwrap();
            self.again()
        }

        fn again(&mut self) -> Box<dyn Handler> {
            // What was not written is gone.
            self.history = None;
            let history = History::open(
                self.dir.path(),
                self.journal.clone(),
                &Topic::new("root").unwrap(),
                Settings::default(),
                Arc::new(SystemClock),
            );
            let history = history.unwrap();
            let handler = history.factory().make(Lane::Normal).unwrap();
            self.history = Some(history);
            handler
        }

        fn holds(&mut self) -> Vec<Seq> {
            let history = self.history.as_ref().unwrap();
            let mut seqs = crate::query::list::all(history.index(Lane::Normal)).unwrap();
            seqs.sort_unstable();
            seqs
        }
    }

    #[test]
    fn the_contract_holds() {
        let passed_over = contract::all(&mut Disk::new());
        // It only fails with its disk: see the tests of the index.
        assert_eq!(passed_over, ["says_where_it_failed_and_goes_on_there"]);
    }
}
