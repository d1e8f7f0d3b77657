//! The keeper: the background thread of a lane. It prepares segments before they are needed, seals
//! those that are full, retires the old ones, stores cursors and verifies what is sealed; each in
//! small steps, the urgent ones first, and never on the way of a commit.

mod chores;
mod pace;
mod prepare;
mod retain;
mod seal;
mod verify;

use std::sync::Arc;
use std::time::Instant;

use self::pace::{Hurry, InUse, Pace};
use self::prepare::Workshop;
use self::verify::Verifier;
use super::LaneLog;
use crate::segment::Segment;

pub(crate) use self::chores::Chores;
pub(crate) use self::prepare::Spare;
pub(crate) use self::retain::Held;

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
        let lane = Arc::clone(&self.lane);
        let _guard = lane.fails_with_thread("keeper");
        while !lane.chores.stopped() {
            if let Pace::After(time) = self.step() {
                lane.chores.wait(time);
            }
        }
        self.tidy();
    }

    /// Does what is most urgent.
    fn step(&mut self) -> Pace {
        let round = self.lane.chores.asked();
        let hurry = self.lane.hurry();
        let pace = self.prepare(hurry);
        // It is behind: everything else comes after it.
        if pace == Pace::Now && self.workshop.is_filling() {
            return Pace::Now;
        }
        if round.is_some() || self.is_due() {
            self.tidy();
        } else if self.seal_all() {
            self.retain();
        }
        if let Some(round) = round {
            self.lane.chores.done(round);
        }
        match pace {
            Pace::Now => Pace::Now,
            Pace::After(wait) => Pace::After(wait.min(self.verifier.step())),
        }
    }

    /// Makes a part of the next segment. After a failure the disk cannot be trusted: nothing of it
    /// is touched any more.
    fn prepare(&mut self, hurry: Hurry) -> Pace {
        if self.lane.failure().is_some() {
            return Pace::After(self.lane.limits.common.cursor_interval);
        }
        let pace = self.workshop.step(hurry);
        let shelf = &self.lane.shelf;
        self.lane.metrics.segments_prepared.set(shelf.len() as i64);
        self.lane.metrics.room_bytes.set(shelf.bytes() as i64);
        pace
    }

    /// Everything that waits, as far as a test can tell.
    #[cfg(test)]
    pub(crate) fn settle(&mut self) {
        while self.prepare(Hurry::Now) == Pace::Now {}
        self.tidy();
    }

    /// Whether cursors are to be stored again.
    fn is_due(&self) -> bool {
        let passed = self.lane.clock.monotonic().duration_since(self.stored_at);
        passed >= self.lane.limits.common.cursor_interval
    }

    /// Seals what is full, stores the cursors, retires what is old.
    pub(crate) fn tidy(&mut self) {
        self.seal_all();
        if self.lane.failure().is_some() {
            return;
        }
        self.stored_at = self.lane.clock.monotonic();
        // A write that failed is tried again at the next turn; a failed flush has failed the lane.
        let _ = self.lane.store_state();
        self.retain();
    }

    /// Seals what is full; says whether there was anything.
    fn seal_all(&mut self) -> bool {
        let mut any = false;
        while self.lane.failure().is_none()
            && let Some(full) = self.lane.chores.next_full()
        {
            any = true;
            if let Err(error) = seal::seal(&self.lane, full) {
                self.lane.fail(error);
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
}

impl LaneLog {
    /// How soon the next segment is needed.
    fn hurry(&self) -> Hurry {
        let in_use = self.segments.newest().map(|newest| InUse {
            end: newest.extent().data_end,
            bytes: newest.file_bytes,
        });
        Hurry::of(
            self.shelf.len(),
            self.shelf.is_waited_for(),
            in_use.unwrap_or_default(),
            self.limits.segment_bytes,
        )
    }
}
