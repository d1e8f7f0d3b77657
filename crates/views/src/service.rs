//! The one writer of registrations and commands.
//!
//! Every verb reads the views, decides, submits and waits until its records are durable and shown.
//! Verbs about one device go one after the other, so that each decides on what the one before it
//! wrote; verbs about different devices share commits. What an operator changes leaves an audit
//! record in the same submission.

mod commands;
mod devices;

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;

use spica_clock::SharedClock;
use spica_devices::{DeviceTopics, Serial};
use spica_journal::{SharedJournal, SubmitError, Ticket};
use spica_model::{Cause, ContentType, Kind, Lane, NewRecord, Op, Seq, Topic};
use tokio::sync::{Mutex, MutexGuard};

use crate::{Audit, DeviceError, Views};

pub use commands::CommandRequest;

/// Devices are spread over this many locks; devices of one lock take turns.
const LOCKS: usize = 256;

/// The lane of registrations, commands and audit.
const LANE: Lane = Lane::Normal;

/// Writes registrations and commands to the journal, on the decision of operators and stations.
pub struct DeviceService {
    journal: SharedJournal,
    views: Arc<Views>,
    clock: SharedClock,
    locks: Locks,
}

/// The locks, each with the last place that was written under it. A verb that was cancelled between
/// its submission and its end leaves that to its successor, which waits until the views show it.
struct Locks {
    slots: Box<[Mutex<Seq>]>,
    hasher: std::hash::RandomState,
}

impl Locks {
    fn index(&self, serial: &Serial) -> usize {
        let hash = self.hasher.hash_one(serial);
        // Less than the number of slots, so it fits.
        usize::try_from(hash % self.slots.len() as u64).unwrap_or_default()
    }
}

/// A record that a verb wants to write.
struct Draft {
    topic: Topic,
    kind: Kind,
    op: Op,
    payload: Vec<u8>,
}

impl Draft {
    const fn put(topic: Topic, payload: Vec<u8>) -> Self {
        Self {
            topic,
            kind: Kind::State,
            op: Op::Put,
            payload,
        }
    }

    const fn delete(topic: Topic) -> Self {
        Self {
            topic,
            kind: Kind::State,
            op: Op::Delete,
            payload: Vec::new(),
        }
    }

    const fn event(topic: Topic, payload: Vec<u8>) -> Self {
        Self {
            topic,
            kind: Kind::Event,
            op: Op::Put,
            payload,
        }
    }
}

impl DeviceService {
    /// The writer for the devices of `views`, to which `journal` must be the journal. One per node:
    /// two would not take turns.
    #[must_use]
    pub fn new(journal: SharedJournal, views: Arc<Views>, clock: SharedClock) -> Self {
        let slots = (0..LOCKS).map(|_| Mutex::default()).collect();
        Self {
            journal,
            views,
            clock,
            locks: Locks {
                slots,
                hasher: std::hash::RandomState::new(),
            },
        }
    }

    /// The turn of a device. The views show everything that was written in earlier turns.
    async fn turn(&self, serial: &Serial) -> Result<MutexGuard<'_, Seq>, DeviceError> {
        self.turn_at(self.locks.index(serial)).await
    }

    async fn turn_at(&self, index: usize) -> Result<MutexGuard<'_, Seq>, DeviceError> {
        let guard = self.locks.slots[index].lock().await;
        match self.views.try_applied(LANE, *guard).await {
            Ok(()) => Ok(guard),
            // Nothing of this turn is written yet: for its caller that is a refusal.
            Err(_) => Err(match self.journal.watermark(LANE).failure() {
                Some(error) => SubmitError::Failed(error.clone()),
                None => SubmitError::Closed,
            })?,
        }
    }

    /// Submits drafts in turn `guard`; they are not durable yet.
    fn submit(
        &self,
        guards: &mut [MutexGuard<'_, Seq>],
        drafts: &[Draft],
        cause: &Cause,
    ) -> Result<Ticket, DeviceError> {
        let received = self.clock.wall();
        let records: Vec<_> = drafts
            .iter()
            .map(|draft| NewRecord {
                topic: &draft.topic,
                kind: draft.kind,
                op: draft.op,
                quality: Default::default(),
                received,
                source_time: None,
                content_type: &ContentType::Json,
                payload: &draft.payload,
                key: None,
                cause: Some(cause),
                properties: None,
            })
            .collect();
        let ticket = self.journal.submit(LANE, &records)?;
        for guard in guards {
            **guard = ticket.waits_for();
        }
        Ok(ticket)
    }

    /// Waits until the records of a ticket are durable and shown.
    async fn settle(&self, ticket: &Ticket) -> Result<(), DeviceError> {
        ticket.durable().await?;
        let shown = self.views.try_applied(LANE, ticket.waits_for()).await;
        shown.map_err(|_| DeviceError::Stopped)
    }

    /// Writes drafts in a turn and waits until they are shown.
    async fn write(
        &self,
        guard: MutexGuard<'_, Seq>,
        drafts: &[Draft],
        cause: &Cause,
    ) -> Result<(), DeviceError> {
        let mut guards = [guard];
        let ticket = self.submit(&mut guards, drafts, cause)?;
        self.settle(&ticket).await
    }

    fn audit(&self, what: &str, audit: &Audit) -> Result<Draft, DeviceError> {
        let topic = Audit::topic(self.views.node(), what)?;
        Ok(Draft::event(topic, audit.encode()))
    }

    fn topics(&self, serial: &Serial) -> Result<DeviceTopics, DeviceError> {
        Ok(DeviceTopics::new(self.views.node(), serial)?)
    }

    /// Refuses when the state tree has no room for `new` more topics.
    fn room_for(&self, new: usize) -> Result<(), DeviceError> {
        let room = self.views.read(|folds| folds.tree.room());
        if new > room {
            let limit = self.views.settings().max_topics;
            return Err(DeviceError::TopicLimit { limit });
        }
        Ok(())
    }
}

/// The cause of what an operator asks for.
fn operator(by: &str) -> Result<Cause, DeviceError> {
    Ok(Cause::new(format!("operator:{by}"))?)
}

impl fmt::Debug for DeviceService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceService")
            .field("views", &self.views)
            .finish_non_exhaustive()
    }
}
