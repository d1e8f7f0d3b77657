//! Giving dead letters to the handler again.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use spica_handler::{DeadLetter, LetterId, Replayed, State};
use spica_journal::Followed;
use spica_model::{Record, Seq, Topic};

use super::Worker;
use super::failure::{topic_of, write_letter};
use crate::post::{Over, Post};
use crate::records::Draft;

/// A letter that is to be replayed.
#[derive(Clone)]
pub(crate) struct Order {
    pub(crate) id: LetterId,
    pub(crate) by: String,
    pub(crate) tally: Arc<Tally>,
}

/// What has become of the letters of one request.
#[derive(Debug)]
pub(crate) struct Tally {
    counts: Mutex<Replayed>,
    settled: Condvar,
}

impl Tally {
    pub(crate) fn new(pending: usize) -> Arc<Self> {
        Arc::new(Self {
            counts: Mutex::new(Replayed {
                pending,
                ..Replayed::default()
            }),
            settled: Condvar::new(),
        })
    }

    pub(crate) fn settle(&self, worked: bool) {
        let mut counts = self.counts.lock();
        counts.pending = counts.pending.saturating_sub(1);
        if worked {
            counts.done += 1;
        } else {
            counts.failed += 1;
        }
        self.settled.notify_all();
    }

    /// Waits until all are settled, or so long.
    pub(crate) fn wait(&self, time: std::time::Duration) -> Replayed {
        let mut counts = self.counts.lock();
        let pending = |counts: &mut Replayed| counts.pending > 0;
        // Whether it timed out is seen from what is pending.
        let _ = self.settled.wait_while_for(&mut counts, pending, time);
        counts.clone()
    }
}

impl Worker {
    /// Replays the next letter that was asked for, if any.
    pub(super) fn replay_next(&mut self) -> Result<(), Over> {
        let order = self.shift.change(|inner| {
            inner.replaying = inner.mail.pop_front();
            inner.replaying.clone()
        })?;
        let Some(order) = order else {
            return Ok(());
        };
        let worked = self.replay(&order)?;
        self.shift.change(|inner| inner.replaying = None)?;
        order.tally.settle(worked);
        Ok(())
    }

    fn replay(&mut self, order: &Order) -> Result<bool, Over> {
        let post = self.shift.post.clone();
        let Some(letter) = post.crew.letters.get(order.id) else {
            // Somebody was faster.
            return Ok(true);
        };
        let outcome = match post.record_of(&letter) {
            Some(record) => self.try_replay(&record)?,
            None => Err("its record is neither in the journal nor in the letter any more".into()),
        };
        let outcome = outcome.and_then(|()| {
            let patient = || !post.base.is_stopping() && !self.shift.is_over();
            let draft = Draft::delete(topic_of(&post, order.id));
            let written = post.base.scribe.write(&order.by, &[draft], patient);
            written.map_err(|error| error.to_string())
        });
        match outcome {
            Ok(()) => post.crew.letters.remove(order.id),
            Err(error) => {
                self.shift
                    .failed(State::Running, &format!("{}: {error}", order.id))?;
                self.shift.change(|inner| inner.failing_since = None)?;
                note_failure(&post, &letter, error);
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Handles a record again, durably.
    fn try_replay(&mut self, record: &Record) -> Result<Result<(), String>, Over> {
        let Some(desk) = &mut self.desk else {
            return Ok(Err("the handler is not ready".into()));
        };
        let handler = &mut desk.handler;
        let outcome = self.shift.call(None, || {
            handler.replay(record)?;
            // The letter goes only when what it led to is there to stay.
            handler.checkpoint()
        })?;
        match outcome {
            Ok(kept) => {
                self.keep(kept)?;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error.detail)),
        }
    }
}

/// Writes the letter again with how it failed this time.
fn note_failure(post: &Post, letter: &DeadLetter, error: String) {
    let record = post
        .record_of(letter)
        .unwrap_or_else(|| letter.record.clone());
    let times = [letter.first_failed, post.base.clock.wall()];
    let again = DeadLetter::new(&record, error, letter.attempts.saturating_add(1), times);
    let again = DeadLetter {
        payload_bytes: letter.payload_bytes,
        ..again
    };
    if let Err(error) = write_letter(post, again, || !post.base.is_stopping()) {
        tracing::warn!(%error, "a dead letter still says how it failed before");
    }
}

impl Post {
    /// The record of a letter, as the journal has it, or else as the letter has it.
    pub(crate) fn record_of(&self, letter: &DeadLetter) -> Option<Record> {
        let position = letter.record.position;
        let before = Seq(position.seq.0.saturating_sub(1));
        let follower = self.base.journal.follow(position.lane, before);
        if let Ok(Followed::Records(records)) = follower.and_then(|mut f| f.read(1))
            && let Some(record) = records.into_iter().next()
            && record.position == position
        {
            return Some(record);
        }
        let topic = Topic::new(topic_of(self, letter.id())).ok()?;
        let kept = DeadLetter::decode(&self.base.standing.get(&topic)?.payload).ok()?;
        kept.is_whole().then_some(kept.record)
    }
}
