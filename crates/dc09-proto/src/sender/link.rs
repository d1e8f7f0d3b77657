//! One path: its connection, the message under way on it, its supervision.

use std::time::Duration;

use spica_model::Timestamp;

use super::words::EventId;
use crate::Sequence;
use crate::frame::Cutter;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Event(EventId),
    Poll,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Connection {
    Down,
    Connecting { until: Duration },
    Up { since: Duration },
}

/// The message under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) work: Work,
    pub(super) sequence: Sequence,
    pub(super) until: Duration,
    /// How often it was refused with `NAK`.
    pub(super) naks: u32,
}

#[derive(Debug)]
pub(super) struct Link {
    /// How often it is polled.
    pub(super) interval: Duration,
    pub(super) connection: Connection,
    pub(super) pending: Option<Pending>,
    pub(super) cutter: Cutter,
    /// Misses in a row.
    pub(super) misses: u32,
    pub(super) failed: bool,
    /// Nothing is tried before.
    pub(super) retry_at: Duration,
    /// When the next poll is due.
    pub(super) poll_at: Duration,
    /// The number of a poll that was not answered.
    pub(super) poll_sequence: Option<Sequence>,
    /// By how much the receiver's clock is ahead.
    pub(super) offset_micros: i64,
}

impl Link {
    /// A path that is polled at once: nobody knows yet whether it works.
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            connection: Connection::Down,
            pending: None,
            cutter: Cutter::default(),
            misses: 0,
            failed: false,
            retry_at: Duration::ZERO,
            poll_at: Duration::ZERO,
            poll_sequence: None,
            offset_micros: 0,
        }
    }

    /// Whether something can be begun on it.
    pub(super) fn is_free(&self, now: Duration) -> bool {
        let connecting = matches!(self.connection, Connection::Connecting { .. });
        self.pending.is_none() && !connecting && self.retry_at <= now
    }

    /// When a poll is due, if nothing else is under way.
    fn due(&self) -> Duration {
        self.poll_at.max(self.retry_at)
    }

    pub(super) fn poll_is_due(&self, now: Duration) -> bool {
        self.is_free(now) && self.due() <= now
    }

    /// Whether it was waited for in vain: for a connection or for an answer.
    pub(super) fn is_overdue(&self, now: Duration) -> bool {
        let connecting =
            matches!(self.connection, Connection::Connecting { until } if until <= now);
        connecting || self.pending.is_some_and(|pending| pending.until <= now)
    }

    /// Whether the connection is kept for nothing.
    pub(super) fn is_idle(&self, now: Duration, linger: Duration) -> bool {
        let up = matches!(self.connection, Connection::Up { since } if since + linger <= now);
        up && self.pending.is_none()
    }

    /// When something is to be done, if nothing happens before.
    pub(super) fn deadline(&self, linger: Duration) -> Duration {
        match (self.connection, self.pending) {
            (Connection::Connecting { until }, _) => until,
            (_, Some(pending)) => pending.until,
            (Connection::Up { since }, None) => self.due().min(since + linger),
            (Connection::Down, None) => self.due(),
        }
    }

    /// The path has answered; whether it counted as failed.
    pub(super) fn answered(&mut self, now: Duration) -> bool {
        self.misses = 0;
        self.retry_at = now;
        self.poll_at = now + self.interval;
        if let Connection::Up { since } = &mut self.connection {
            *since = now;
        }
        std::mem::take(&mut self.failed)
    }

    /// The receiver's clock says this.
    pub(super) fn correct(&mut self, theirs: Timestamp, ours: Timestamp) {
        self.offset_micros = theirs.as_micros().saturating_sub(ours.as_micros());
    }

    /// What a message says of the time, so that the receiver finds it right.
    pub(super) fn stamp(&self, ours: Timestamp) -> Timestamp {
        Timestamp::from_micros(ours.as_micros().saturating_add(self.offset_micros))
    }
}
