//! The keeper: the background thread of a lane. It prepares segments before they are needed, seals
//! those that are full, retires the old ones, stores cursors and verifies what is sealed; each in
//! small steps, the urgent ones first, and never on the way of a commit.

mod prepare;
mod retain;
mod seal;
mod verify;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use self::prepare::Workshop;

use self::verify::Verifier;
use super::commit::Full;
use super::cursors::{Facts, StoreError};
use super::{Failing, LaneLog};
use crate::names;
use crate::segment::Segment;

pub(crate) use self::prepare::Spare;
pub(crate) use self::retain::Held;

/// What the keeper is told to do.
#[derive(Default)]
pub(crate) struct Chores {
    inner: Mutex<Inbox>,
    changed: Condvar,
}

#[derive(Default)]
struct Inbox {
    full: VecDeque<Full>,
    awake: bool,
    stop: bool,
}

impl Chores {
    /// Hands over a segment that is full.
    pub(crate) fn seal(&self, full: Full) {
        self.inner.lock().full.push_back(full);
    }

    /// Says that there is something to do.
    pub(crate) fn wake(&self) {
        self.inner.lock().awake = true;
        self.changed.notify_all();
    }

    /// Lets the keeper finish and end.
    pub(crate) fn stop(&self) {
        self.inner.lock().stop = true;
        self.changed.notify_all();
    }

    fn stopped(&self) -> bool {
        self.inner.lock().stop
    }

    fn next_full(&self) -> Option<Full> {
        self.inner.lock().full.pop_front()
    }

    /// Waits until there is something to do, at most `time`; says whether all of it passed.
    fn wait(&self, time: Duration) -> bool {
        let mut inbox = self.inner.lock();
        let mut passed = false;
        while !inbox.awake && !inbox.stop && !passed {
            passed = self.changed.wait_for(&mut inbox, time).timed_out();
        }
        inbox.awake = false;
        passed
    }
}

/// How the keeper goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// At once.
    Now,
    /// After so much time, or when it is woken.
    After(Duration),
}

/// The background work of a lane.
pub(crate) struct Keeper {
    lane: Arc<LaneLog>,
    workshop: Workshop,
    verifier: Verifier,
    held: Option<Held>,
    stored_at: Instant,
}

impl Keeper {
    pub(crate) fn new(
        lane: Arc<LaneLog>,
        next_number: u64,
        spares: Vec<Spare>,
        to_verify: Vec<Arc<Segment>>,
    ) -> Self {
        let stored_at = lane.clock.monotonic();
        Self {
            workshop: Workshop::new(Arc::clone(&lane), next_number, spares),
            verifier: Verifier::new(Arc::clone(&lane), to_verify),
            lane,
            held: None,
            stored_at,
        }
    }

    /// Works until the lane is closed.
    pub(crate) fn run(mut self) {
        while !self.lane.chores.stopped() {
            if let Pace::After(time) = self.step()
                && self.lane.chores.wait(time)
            {
                self.store_when_due(true);
            }
        }
        self.finish();
    }

    /// Does what is most urgent.
    fn step(&mut self) -> Pace {
        if self.lane.failure().is_some() {
            // The disk cannot be trusted: nothing of it is touched any more.
            return Pace::After(self.lane.limits.common.cursor_interval);
        }
        let urgent = self.lane.shelf.len() == 0;
        let pace = self.workshop.step(urgent);
        self.note_room();
        if urgent && self.workshop.is_filling() {
            return pace;
        }
        if self.seal_all() {
            self.retain();
        }
        self.store_when_due(false);
        match pace {
            Pace::Now => Pace::Now,
            Pace::After(wait) => Pace::After(wait.min(self.verifier.step())),
        }
    }

    /// Whatever must be done before a test looks: everything but verification.
    #[cfg(test)]
    pub(crate) fn settle(&mut self) {
        while self.lane.failure().is_none() && self.workshop.step(true) == Pace::Now {}
        if self.lane.failure().is_none() {
            self.seal_all();
            self.store_when_due(true);
        }
    }

    /// The last things, when the lane is closed.
    pub(crate) fn finish(&mut self) {
        if self.lane.failure().is_none() {
            self.seal_all();
            self.store_when_due(true);
        }
    }

    /// Seals what is full; says whether there was anything.
    fn seal_all(&mut self) -> bool {
        let mut any = false;
        while let Some(full) = self.lane.chores.next_full() {
            any = true;
            if let Err(error) = seal::seal(&self.lane, full) {
                self.lane.fail(error);
                break;
            }
        }
        any
    }

    fn retain(&mut self) {
        if self.lane.failure().is_some() {
            return;
        }
        match retain::retain(&self.lane, &mut self.held) {
            Ok(spares) => self.workshop.add(spares),
            Err(error) => self.lane.fail(error),
        }
    }

    /// Stores the cursors and retires what is due, if it is time, or `now`.
    fn store_when_due(&mut self, now: bool) {
        let time = self.lane.clock.monotonic();
        if now || time.duration_since(self.stored_at) >= self.lane.limits.common.cursor_interval {
            self.stored_at = time;
            // A write that fails is tried again at the next turn: a failed flush has failed the
            // lane.
            let _ = self.lane.store_state();
            self.retain();
        }
    }

    fn note_room(&self) {
        let shelf = &self.lane.shelf;
        self.lane.metrics.segments_prepared.set(shelf.len() as i64);
        self.lane.metrics.room_bytes.set(shelf.bytes() as i64);
    }
}

impl LaneLog {
    /// Stores cursors and facts durably. A failed flush fails the lane.
    pub(crate) fn store_state(&self) -> Result<(), Arc<str>> {
        let reigns = self.queue.lock().reigns.clone();
        let durable = self.watermark.durable();
        let oldest = self.segments.oldest();
        let facts = Facts {
            durable,
            first_segment: oldest.as_ref().map_or(0, |segment| segment.number),
            first: oldest.map_or(durable.next(), |segment| segment.first),
            reigns,
        };
        self.store_facts(facts)
    }

    /// As [`store_state`](Self::store_state), with given facts.
    pub(crate) fn store_facts(&self, facts: Facts) -> Result<(), Arc<str>> {
        let error = match self.cursors.store(facts) {
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
}
