//! A connection's records in the journal: submitted at once, waited for until they are durable.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use spica_journal::{Durable, SubmitError, Ticket};
use spica_model::{Lane, Seq};

use crate::batch::Batch;
use crate::shared::{JournalFailed, Shared};

/// Bytes of records that may wait for room in the journal before nothing more is read from the
/// device.
const HELD_BYTES: usize = 16 << 10;

/// The batches of one connection.
#[derive(Debug, Default)]
pub(crate) struct Appends {
    lanes: [InLane; 2],
    /// The number of the newest batch.
    newest: u32,
    /// The number up to which it was said that all are durable.
    told: u32,
}

#[derive(Debug, Default)]
struct InLane {
    waiting: Option<Waiting>,
    /// Only while the journal's queue is full.
    held: Option<Box<Held>>,
}

/// What was submitted and is not durable yet.
#[derive(Debug)]
struct Waiting {
    until: Seq,
    durable: Durable,
    since: Instant,
}

/// Batches that the journal had no room for, oldest first, and when to try again.
#[derive(Debug)]
struct Held {
    batches: VecDeque<Batch>,
    room: Durable,
}

impl Appends {
    /// Submits a batch, or holds it if the journal's queue is full.
    ///
    /// # Errors
    /// If the journal takes no records any more.
    pub(crate) fn append(
        &mut self,
        shared: &Shared,
        now: Instant,
        number: u32,
        batch: Batch,
    ) -> Result<(), JournalFailed> {
        self.newest = number;
        let lane = &mut self.lanes[batch.lane.index()];
        if let Some(held) = &mut lane.held {
            held.batches.push_back(batch);
            return Ok(());
        }
        if let Some(room) = lane.submit(shared, now, &batch)? {
            let batches = VecDeque::from([batch]);
            lane.held = Some(Box::new(Held { batches, room }));
        }
        Ok(())
    }

    /// Whether so much is held that nothing more should be read.
    pub(crate) fn is_full(&self) -> bool {
        let held = self.lanes.iter().filter_map(|lane| lane.held.as_ref());
        let batches = held.flat_map(|held| &held.batches);
        batches.map(Batch::bytes).sum::<usize>() > HELD_BYTES
    }

    /// Ready when all batches are durable, with the number of the newest one, once for each; or when
    /// they never will be.
    pub(crate) fn poll(
        &mut self,
        shared: &Shared,
        cx: &mut Context<'_>,
    ) -> Poll<Result<u32, JournalFailed>> {
        if self.told == self.newest {
            return Poll::Pending;
        }
        let mut are_durable = true;
        for (state, lane) in self.lanes.iter_mut().zip(Lane::ALL) {
            are_durable &= state.poll(shared, lane, cx)?.is_ready();
        }
        if !are_durable {
            return Poll::Pending;
        }
        self.told = self.newest;
        Poll::Ready(Ok(self.newest))
    }
}

impl InLane {
    /// Submits a batch. If the queue is full: what to wait for before it is tried again.
    fn submit(
        &mut self,
        shared: &Shared,
        now: Instant,
        batch: &Batch,
    ) -> Result<Option<Durable>, JournalFailed> {
        let watermark = &shared.watermarks[batch.lane.index()];
        // Read before: if the queue is full then, something behind this is yet to become durable.
        let next = watermark.durable().next();
        match batch.submit(&*shared.deps.journal) {
            Ok(ticket) => {
                shared.metrics().appended(batch, &ticket);
                self.wait_for(shared, batch.lane, now, &ticket);
                Ok(None)
            }
            Err(SubmitError::Full { .. }) => {
                shared.metrics().journal_full.inc();
                Ok(Some(watermark.reached(next)))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn wait_for(&mut self, shared: &Shared, lane: Lane, now: Instant, ticket: &Ticket) {
        let before = self.waiting.take();
        let since = before.as_ref().map_or(now, |waiting| waiting.since);
        // A repeated record may stand before what is waited for already.
        let until = before.map_or(Seq::ZERO, |waiting| waiting.until);
        let until = until.max(ticket.waits_for());
        let durable = shared.watermarks[lane.index()].reached(until);
        self.waiting = Some(Waiting {
            until,
            durable,
            since,
        });
    }

    /// Ready when nothing is held or waited for; an error if that never comes.
    fn poll(
        &mut self,
        shared: &Shared,
        lane: Lane,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), JournalFailed>> {
        if self.poll_held(shared, cx)?.is_pending() {
            return Poll::Pending;
        }
        let Some(waiting) = &mut self.waiting else {
            return Poll::Ready(Ok(()));
        };
        ready!(Pin::new(&mut waiting.durable).poll(cx))?;
        let took = shared.deps.clock.monotonic() - waiting.since;
        shared.metrics().durable(lane, took);
        self.waiting = None;
        Poll::Ready(Ok(()))
    }

    /// Ready when nothing is held.
    fn poll_held(
        &mut self,
        shared: &Shared,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), JournalFailed>> {
        while let Some(held) = &mut self.held {
            ready!(Pin::new(&mut held.room).poll(cx))?;
            if let Some(held) = self.held.take() {
                self.resubmit(shared, held)?;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Submits what is held until the queue is full again.
    fn resubmit(&mut self, shared: &Shared, mut held: Box<Held>) -> Result<(), JournalFailed> {
        let now = shared.deps.clock.monotonic();
        while let Some(batch) = held.batches.front() {
            if let Some(room) = self.submit(shared, now, batch)? {
                held.room = room;
                self.held = Some(held);
                return Ok(());
            }
            held.batches.pop_front();
        }
        Ok(())
    }
}
