//! Messages that are missing for too long.
//!
//! That time is up is a record of the same lane, so that the machine is told in the order of the
//! lane, and is told the same whenever it reads it again.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use spica_model::{Cause, ContentType, Key, Kind, NewRecord, Op, Quality, Seq};

use crate::host::Host;

/// What a record says of a message that was missing for too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Overdue {
    /// `<group>/<edge>`
    pub(crate) edge: String,
    /// The place of the first message that had to wait for it.
    pub(crate) since: u64,
}

impl Host {
    /// Sets until when is waited for what is missing.
    pub(crate) fn set_deadlines<'a>(&self, waiting: impl Iterator<Item = (&'a str, Seq)>) {
        let inner = &self.0;
        let mut deadlines = inner.deadlines.lock();
        let mut before = std::mem::take(&mut *deadlines);
        let mut is_new = false;
        for (edge, since) in waiting {
            let known = before.remove(edge).filter(|(at, _)| *at == since);
            is_new |= known.is_none();
            let deadline = known.unwrap_or_else(|| {
                let timeout = inner.settings.reorder_timeout.as_duration();
                (since, inner.parts.clock.monotonic() + timeout)
            });
            deadlines.insert(edge.to_owned(), deadline);
        }
        drop(deadlines);
        if is_new {
            inner.wake.notify_one();
        }
    }

    /// What is overdue now.
    pub(crate) fn overdue(&self) -> Vec<Overdue> {
        let now = self.0.parts.clock.monotonic();
        let deadlines = self.0.deadlines.lock();
        let due = deadlines.iter().filter(|(_, (_, at))| *at <= now);
        due.map(|(edge, (since, _))| Overdue {
            edge: edge.clone(),
            since: since.0,
        })
        .collect()
    }

    /// How long until something is overdue.
    pub(crate) fn until_overdue(&self) -> Option<Duration> {
        let now = self.0.parts.clock.monotonic();
        let deadlines = self.0.deadlines.lock();
        let next: Option<Instant> = deadlines.values().map(|(_, at)| *at).min();
        next.map(|at| at.saturating_duration_since(now))
    }

    /// Notes that it is, durably.
    ///
    /// # Errors
    /// Why that is not possible now.
    pub(crate) async fn note_overdue(&self, overdue: &Overdue) -> Result<(), String> {
        let inner = &self.0;
        // A struct of a text and a number always has a JSON form.
        let payload = serde_json::to_vec(overdue).unwrap_or_default();
        let key = Key::new(format!("sparkplug-overdue:{}", overdue.since));
        let cause = Cause::new("sparkplug:host");
        let record = NewRecord {
            topic: &inner.overdue,
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: inner.parts.clock.wall(),
            source_time: None,
            content_type: &ContentType::Json,
            payload: &payload,
            key: key.as_ref().ok(),
            cause: cause.as_ref().ok(),
            properties: None,
        };
        self.submit_alone(record).await?;
        let mut deadlines = inner.deadlines.lock();
        let is_this = |(since, _): &(Seq, Instant)| since.0 == overdue.since;
        if deadlines.get(&overdue.edge).is_some_and(is_this) {
            deadlines.remove(&overdue.edge);
        }
        Ok(())
    }

    /// Writes one record, durably.
    ///
    /// # Errors
    /// Why that is not possible now.
    pub(crate) async fn submit_alone(&self, record: NewRecord<'_>) -> Result<(), String> {
        let inner = &self.0;
        let ticket = inner.parts.journal.submit(inner.lane, &[record]);
        let ticket = ticket.map_err(|error| error.to_string())?;
        let durable = ticket.durable().await;
        durable.map(drop).map_err(|error| error.to_string())
    }
}
