//! What the core wants durable is written down on a thread of its own: a disk may take its time for a
//! flush, and the pair's thread must go on saying that the node lives, or the partner goes on alone.

use std::io;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;

use spica_journal_file::{EpochError, FileJournal};
use spica_model::Epoch;
use spica_pair::{Durable, Event};
use tokio::sync::mpsc;

use crate::actor::Input;
use crate::memory::{Memory, MemoryError, Remembered};

/// What may wait to be written. The core has one claim and one promise at a time, so it never is
/// more than a few.
const TASKS: usize = 64;

enum Task {
    /// Remember this.
    Store(Durable),
    /// Let the journal begin this epoch.
    Begin(Epoch),
}

/// Writes one thing after the other, and says each when it is durable. Dropping it waits for the
/// last.
pub(crate) struct Scribe {
    tasks: Option<std_mpsc::SyncSender<Task>>,
    thread: Option<JoinHandle<()>>,
}

/// What its thread has.
struct Desk {
    journal: Arc<FileJournal>,
    memory: Memory,
    /// What the disk says.
    stored: Remembered,
    inputs: mpsc::Sender<Input>,
}

impl Scribe {
    /// Goes on from what is `stored` in `memory`; tells `inputs` what is done.
    ///
    /// # Errors
    /// If there is no thread to be had.
    pub(crate) fn start(
        journal: Arc<FileJournal>,
        memory: Memory,
        stored: Remembered,
        inputs: mpsc::Sender<Input>,
    ) -> io::Result<Self> {
        let (tasks, received) = std_mpsc::sync_channel(TASKS);
        let mut desk = Desk {
            journal,
            memory,
            stored,
            inputs,
        };
        let thread = std::thread::Builder::new().name("pair-scribe".into());
        let thread = thread.spawn(move || {
            for task in received {
                desk.write(&task);
            }
        })?;
        Ok(Self {
            tasks: Some(tasks),
            thread: Some(thread),
        })
    }

    /// Remembers it; [`Event::Stored`] comes when that is durable, and never if it cannot be.
    pub(crate) fn store(&self, durable: Durable) {
        self.give(Task::Store(durable));
    }

    /// Lets the journal begin an epoch; [`Event::EpochBegun`] comes when that is durable, or
    /// [`Event::EpochRefused`].
    pub(crate) fn begin(&self, epoch: Epoch) {
        self.give(Task::Begin(epoch));
    }

    fn give(&self, task: Task) {
        let given = self.tasks.as_ref().map(|tasks| tasks.try_send(task));
        if !matches!(given, Some(Ok(()))) {
            // The core waits for ever then: another vote or the partner decides.
            tracing::error!("pair: the thread that remembers has ended, or is stuck");
        }
    }
}

impl Drop for Scribe {
    fn drop(&mut self) {
        self.tasks = None;
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the thread that remembers for the pair has panicked");
        }
    }
}

impl Desk {
    fn write(&mut self, task: &Task) {
        let done = match *task {
            Task::Store(durable) => match self.store(durable) {
                Ok(()) => Input::Stored(durable),
                // What cannot be remembered must not be acted on: nothing is said of it.
                Err(error) => return tracing::error!("pair: {error}"),
            },
            Task::Begin(epoch) => Input::Begun(self.begin(epoch)),
        };
        // Without an actor nobody acts on it.
        let _ = self.inputs.blocking_send(done);
    }

    fn store(&mut self, durable: Durable) -> Result<(), MemoryError> {
        let complete = durable.complete > self.stored.durable().authority();
        let remembered = Remembered {
            led: durable.led.0,
            complete: durable.complete.0,
            // Who is complete lacks nothing any more.
            lacks: self.stored.lacks && !complete,
        };
        self.memory.store(remembered)?;
        self.stored = remembered;
        Ok(())
    }

    /// None if the disk says no.
    fn begin(&self, epoch: Epoch) -> Option<Event> {
        match self.journal.raise_epoch(epoch) {
            Ok(()) => Some(Event::EpochBegun { epoch }),
            Err(EpochError::NotAfter { .. }) => {
                let newest = self.journal.epoch();
                Some(Event::EpochRefused { newest })
            }
            Err(error) => {
                tracing::error!(epoch = epoch.0, "pair: {error}");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use spica_clock::{SharedClock, SystemClock};
    use spica_journal_file::{Options, Settings};

    use super::*;

    fn durable(led: u32, complete: u32) -> Durable {
        Durable {
            led: Epoch(led),
            complete: Epoch(complete),
        }
    }

    fn journal(dir: &std::path::Path) -> Arc<FileJournal> {
        let clock: SharedClock = Arc::new(SystemClock);
        let options = Options {
            settings: Settings::small(),
            ..Options::default()
        };
        FileJournal::open(options, &dir.join("journal"), clock)
            .unwrap()
            .0
    }

    #[test]
    fn each_thing_is_said_when_it_is_durable_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (journal, memory) = (journal(dir.path()), Memory::new(dir.path()));
        let (inputs, mut said) = mpsc::channel(8);
        let lacks = Remembered {
            lacks: true,
            ..Remembered::default()
        };
        let scribe = Scribe::start(journal, memory.clone(), lacks, inputs).unwrap();
        scribe.store(durable(2, 0));
        scribe.begin(Epoch(2));
        scribe.begin(Epoch(2));
        assert!(matches!(said.blocking_recv(), Some(Input::Stored(it)) if it == durable(2, 0)));
        assert!(memory.load().unwrap().lacks, "to lead makes nothing whole");
        let begun = |event| matches!(event, Some(Input::Begun(Some(Event::EpochBegun { .. }))));
        assert!(begun(said.blocking_recv()));
        let newest = match said.blocking_recv() {
            Some(Input::Begun(Some(Event::EpochRefused { newest }))) => newest,
            _ => panic!("it has begun"),
        };
        assert_eq!(newest, Epoch(2));
        scribe.store(durable(2, 3));
        // The last is written, whoever hears of it.
        drop(scribe);
        let remembered = memory.load().unwrap();
        assert_eq!((remembered.complete, remembered.lacks), (3, false));
    }

    #[test]
    fn what_cannot_be_remembered_is_not_said() {
        let dir = tempfile::tempdir().unwrap();
        let journal = journal(dir.path());
        let (inputs, mut said) = mpsc::channel(8);
        let memory = Memory::new(&dir.path().join("missing"));
        let scribe = Scribe::start(journal, memory, Remembered::default(), inputs).unwrap();
        scribe.store(durable(2, 0));
        drop(scribe);
        assert!(said.blocking_recv().is_none());
    }
}
