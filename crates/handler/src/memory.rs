//! A handler that keeps what it handles in memory and fails as a test wants: for tests of what runs
//! handlers.
#![expect(clippy::panic, reason = "it crashes when a test wants it to")]

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use spica_model::{Lane, Position, Record, Seq};

use crate::{ErrorKind, Factory, HandleError, Handler, Kept, LetterId, Missed};

/// Makes handlers in memory, which share what they hold as handlers share a store.
#[derive(Debug, Clone)]
pub struct MemoryFactory {
    name: &'static str,
    lanes: Vec<Lane>,
    everywhere: bool,
    store: Arc<Store>,
}

#[derive(Debug, Default)]
struct Store {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    /// What is handled, each record once.
    held: BTreeMap<LetterId, Record>,
    missed: Vec<Missed>,
    /// What was given, in order and as often as it was.
    given: Vec<Position>,
    faults: BTreeMap<LetterId, (Fault, u32)>,
    /// How many calls hang now.
    hanging: usize,
    /// How many handlers were made.
    made: u32,
    /// Whether only a checkpoint keeps what was handled.
    keeps_late: bool,
}

/// What goes wrong at a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The handler says so.
    Error(ErrorKind),
    /// The handler panics.
    Panic,
    /// The call does not return until [`MemoryFactory::mend`].
    Hang,
}

impl MemoryFactory {
    /// A factory that wants both lanes, where the node serves.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            lanes: Lane::ALL.to_vec(),
            everywhere: false,
            store: Arc::default(),
        }
    }

    /// One that wants only this lane.
    #[must_use]
    pub fn on(mut self, lane: Lane) -> Self {
        self.lanes = vec![lane];
        self
    }

    /// One whose handlers run everywhere.
    #[must_use]
    pub fn everywhere(mut self) -> Self {
        self.everywhere = true;
        self
    }

    /// One whose handlers keep what they handle only when they are told to.
    #[must_use]
    pub fn keeping_late(self) -> Self {
        self.store.inner.lock().keeps_late = true;
        self
    }

    /// Lets the handlers fail at a record, the next `times` times that it is given.
    pub fn fail(&self, lane: Lane, seq: u64, fault: Fault, times: u32) {
        let id = LetterId {
            lane,
            seq: Seq(seq),
        };
        self.store.inner.lock().faults.insert(id, (fault, times));
    }

    /// Lets nothing fail any more, and calls that hang return.
    pub fn mend(&self) {
        self.store.inner.lock().faults.clear();
        self.store.changed.notify_all();
    }

    /// The numbers of what is handled of a lane, each once.
    #[must_use]
    pub fn handled(&self, lane: Lane) -> Vec<u64> {
        let inner = self.store.inner.lock();
        let of_lane = inner.held.keys().filter(|id| id.lane == lane);
        of_lane.map(|id| id.seq.0).collect()
    }

    /// The numbers of what was given of a lane, in order and as often as it was.
    #[must_use]
    pub fn given(&self, lane: Lane) -> Vec<u64> {
        let inner = self.store.inner.lock();
        let of_lane = inner.given.iter().filter(|place| place.lane == lane);
        of_lane.map(|place| place.seq.0).collect()
    }

    /// What the handlers were told that they missed.
    #[must_use]
    pub fn missed(&self) -> Vec<Missed> {
        self.store.inner.lock().missed.clone()
    }

    /// How many handlers were made.
    #[must_use]
    pub fn made(&self) -> u32 {
        self.store.inner.lock().made
    }

    /// Blocks until `done` says so; it is asked whenever something has changed.
    pub fn wait(&self, mut done: impl FnMut(&Self) -> bool) {
        loop {
            if done(self) {
                return;
            }
            let mut inner = self.store.inner.lock();
            // What `done` looks at may change without the store: then a short while is enough.
            let _ = self
                .store
                .changed
                .wait_for(&mut inner, std::time::Duration::from_millis(5));
        }
    }
}

impl Factory for MemoryFactory {
    fn name(&self) -> &str {
        self.name
    }

    fn lanes(&self) -> &[Lane] {
        &self.lanes
    }

    fn everywhere(&self) -> bool {
        self.everywhere
    }

    fn make(&self, _: Lane) -> Result<Box<dyn Handler>, HandleError> {
        self.store.inner.lock().made += 1;
        Ok(Box::new(MemoryHandler {
            store: Arc::clone(&self.store),
            kept: Seq::ZERO,
            through: Seq::ZERO,
        }))
    }
}

struct MemoryHandler {
    store: Arc<Store>,
    kept: Seq,
    through: Seq,
}

impl MemoryHandler {
    /// What goes wrong at a record now.
    fn fault(&self, id: LetterId) -> Option<Fault> {
        let mut inner = self.store.inner.lock();
        let (fault, times) = inner.faults.get_mut(&id)?;
        let fault = *fault;
        *times = times.saturating_sub(1);
        if *times == 0 && fault != Fault::Hang {
            inner.faults.remove(&id);
        }
        Some(fault)
    }

    fn hang(&self, id: LetterId) {
        let mut inner = self.store.inner.lock();
        inner.hanging += 1;
        while inner.faults.contains_key(&id) {
            self.store.changed.wait(&mut inner);
        }
        inner.hanging -= 1;
    }

    fn take(&self, index: usize, record: &Record) -> Result<(), HandleError> {
        let id = LetterId::of(record);
        self.store.inner.lock().given.push(record.position);
        match self.fault(id) {
            Some(Fault::Error(kind)) => {
                return Err(HandleError {
                    at: index,
                    kind,
                    detail: "the test wants it".into(),
                });
            }
            Some(Fault::Panic) => panic!("the test wants it"),
            Some(Fault::Hang) => self.hang(id),
            None => {}
        }
        self.store.inner.lock().held.insert(id, record.clone());
        self.store.changed.notify_all();
        Ok(())
    }
}

impl Handler for MemoryHandler {
    fn resume(&mut self, cursor: Seq) -> Result<Seq, HandleError> {
        (self.kept, self.through) = (cursor, cursor);
        Ok(cursor)
    }

    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        for (index, record) in batch.iter().enumerate() {
            self.take(index, record)?;
            self.through = record.position.seq;
        }
        Ok(())
    }

    fn replay(&mut self, record: &Record) -> Result<(), HandleError> {
        self.take(0, record)
    }

    fn missed(&mut self, missed: &Missed) -> Result<(), HandleError> {
        self.store.inner.lock().missed.push(*missed);
        self.store.changed.notify_all();
        self.through = missed.to;
        Ok(())
    }

    fn kept(&mut self) -> Kept {
        if self.store.inner.lock().keeps_late {
            Kept::Through(self.kept)
        } else {
            Kept::All
        }
    }

    fn checkpoint(&mut self) -> Result<Kept, HandleError> {
        self.kept = self.through;
        Ok(Kept::All)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{self, Harness};

    struct Memory(MemoryFactory);

    impl Harness for Memory {
        fn fresh(&mut self) -> Box<dyn Handler> {
            self.0 = MemoryFactory::new("memory");
            self.again()
        }

        fn again(&mut self) -> Box<dyn Handler> {
            self.0.make(Lane::Normal).unwrap()
        }

        fn holds(&mut self) -> Vec<Seq> {
            self.0.handled(Lane::Normal).into_iter().map(Seq).collect()
        }

        fn fail_once(&mut self, seq: Seq) -> bool {
            let fault = Fault::Error(ErrorKind::Retry);
            self.0.fail(Lane::Normal, seq.0, fault, 1);
            true
        }
    }

    #[test]
    fn the_contract_holds() {
        let passed_over = contract::all(&mut Memory(MemoryFactory::new("memory")));
        assert_eq!(passed_over, Vec::<&str>::new());
    }
}
