//! Writes what comes of messages, in order.

use std::time::Duration;

use futures::executor::block_on;
use spica_handler::HandleError;
use spica_journal::Ticket;
use spica_model::{NewRecord, Quality, Record, Seq, Timestamp};
use spica_sparkplug::{Draft, Effect, Note};

use crate::host::Host;

/// Records and bytes of one submission.
const RECORDS: usize = 256;
const BYTES: usize = 512 << 10;
/// Submissions that wait for the disk.
const WAITING: usize = 8;

/// Writes for one handler, for as long as there is no later one.
pub(crate) struct Writer {
    host: Host,
    number: u64,
    tickets: Vec<Ticket>,
    /// The last place that was written.
    last: Seq,
}

impl Writer {
    pub(crate) const fn new(host: Host, number: u64) -> Self {
        Self {
            host,
            number,
            tickets: Vec::new(),
            last: Seq::ZERO,
        }
    }

    /// Writes effects. Before states are written again, what they say must be there to be read:
    /// `within` that time.
    ///
    /// # Errors
    /// If that is not possible now. Whatever was written is known by its key the next time.
    pub(crate) fn write(
        &mut self,
        effects: &[Effect],
        within: Duration,
    ) -> Result<(), HandleError> {
        let is_stale = |effect: &Effect| matches!(effect, Effect::Stale(_));
        let now = self.host.0.parts.clock.wall();
        for alike in effects.chunk_by(|a, b| is_stale(a) == is_stale(b)) {
            if !alike.first().is_some_and(is_stale) {
                self.submit(alike.iter().map(|effect| effect.draft().as_new(now)))?;
                continue;
            }
            self.settle(within)?;
            let standing = &self.host.0.parts.standing;
            let states = alike.iter().filter_map(|effect| {
                let draft = effect.draft();
                stale(draft, &standing.state(&draft.topic)?)
            });
            let drafts: Vec<Draft> = states.collect();
            self.submit(drafts.iter().map(|draft| draft.as_new(now)))?;
        }
        Ok(())
    }

    /// Writes notes.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub(crate) fn note(&mut self, notes: &[Note]) -> Result<(), HandleError> {
        let now: Timestamp = self.host.0.parts.clock.wall();
        self.submit(notes.iter().map(|note| note.as_new(now)))
    }

    /// Waits until all that was written is durable.
    ///
    /// # Errors
    /// If it never will be.
    pub(crate) fn finish(&mut self) -> Result<(), HandleError> {
        for ticket in self.tickets.drain(..) {
            let durable = block_on(ticket.durable());
            durable.map_err(|error| HandleError::unavailable(0, error.to_string()))?;
        }
        Ok(())
    }

    /// Waits until all that was written can be read.
    fn settle(&mut self, within: Duration) -> Result<(), HandleError> {
        self.finish()?;
        let inner = &self.host.0;
        if inner.parts.standing.shows(inner.lane, self.last, within) {
            return Ok(());
        }
        let text = "states cannot be read yet: the views are behind";
        Err(HandleError::unavailable(0, text))
    }

    fn submit<'a>(
        &mut self,
        records: impl Iterator<Item = NewRecord<'a>>,
    ) -> Result<(), HandleError> {
        let (mut some, mut bytes) = (Vec::new(), 0);
        for record in records {
            bytes += record.payload.len();
            some.push(record);
            if some.len() >= RECORDS || bytes >= BYTES {
                self.submit_some(&some)?;
                some.clear();
                bytes = 0;
            }
        }
        if some.is_empty() {
            return Ok(());
        }
        self.submit_some(&some)
    }

    fn submit_some(&mut self, records: &[NewRecord<'_>]) -> Result<(), HandleError> {
        if self.tickets.len() >= WAITING {
            self.finish()?;
        }
        let inner = &self.host.0;
        let writer = inner.writer.lock();
        if *writer != self.number {
            return Err(HandleError::unavailable(
                0,
                "another handler has taken over",
            ));
        }
        let ticket = inner.parts.journal.submit(inner.lane, records);
        drop(writer);
        // No record is to blame: all of the batch is tried again.
        let ticket = ticket.map_err(|error| HandleError::unavailable(0, error.to_string()))?;
        self.last = self.last.max(ticket.waits_for());
        self.tickets.push(ticket);
        Ok(())
    }
}

/// What a topic says, as something that is not to be relied on any more; none if it says so already.
fn stale(draft: &Draft, standing: &Record) -> Option<Draft> {
    (standing.quality != Quality::Bad).then(|| Draft {
        quality: Quality::Bad,
        source_time: standing.source_time,
        content_type: standing.content_type.clone(),
        payload: standing.payload.to_vec(),
        ..draft.clone()
    })
}
