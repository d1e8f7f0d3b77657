//! What becomes of a batch: done, tried again, or given up.

use std::time::{Duration, Instant};

use spica_handler::{DeadLetter, ErrorKind, HandleError, LetterId, State};
use spica_model::{Record, Seq, Timestamp};

use super::Worker;
use crate::backoff;
use crate::post::{Over, Post};
use crate::records::{Draft, WriteError};

/// How often in a row a handler dies of a record before that becomes a dead letter.
const DEATHS: u32 = 3;
/// The name in whose cause letters are written.
fn author(post: &Post) -> String {
    format!("handler:{}", post.crew.name)
}

/// The attempts at one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    pub(super) seq: Seq,
    pub(super) count: u32,
    pub(super) first_failed: Timestamp,
}

/// What is tried again, and when.
#[derive(Debug, Default)]
pub(super) struct Failing {
    /// The attempts at the record that stands first.
    attempt: Option<Attempt>,
    /// Failures since it last worked.
    in_a_row: u32,
    retry_at: Option<Instant>,
}

impl Failing {
    /// How long until the next attempt.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.retry_at?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Notes another failure, and sets the time of the next attempt.
    pub(super) fn again(&mut self, attempt: Option<Attempt>, now: Instant, limits: [Duration; 2]) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        let seed = attempt.as_ref().map_or(0, |attempt| attempt.seq.0);
        if attempt.is_some() {
            self.attempt = attempt;
        }
        self.retry_at = Some(now + backoff::pause(self.in_a_row, limits, seed));
    }

    /// The next attempt comes after the longest pause.
    fn at_rest(&mut self, now: Instant, longest: Duration) {
        self.retry_at = Some(now + longest);
    }

    /// The attempts at a record, with the one that has just failed.
    fn attempt(&self, seq: Seq, now: Timestamp) -> Attempt {
        match &self.attempt {
            Some(before) if before.seq == seq => Attempt {
                count: before.count.saturating_add(1),
                ..before.clone()
            },
            _ => Attempt {
                seq,
                count: 1,
                first_failed: now,
            },
        }
    }
}

impl Worker {
    /// Gives what is left of the batch to the handler.
    pub(super) fn handle(&mut self) -> Result<(), Over> {
        let outcome = self.give()?;
        let left = self.batch.rest().len();
        let done = match &outcome {
            Ok(()) => left,
            // A handler that counts wrongly repeats itself, at worst.
            Err(error) => error.at.min(left.saturating_sub(1)),
        };
        self.finish(done)?;
        match outcome {
            Ok(()) => self.recovered(),
            Err(error) => self.fail(&error),
        }
    }

    fn give(&mut self) -> Result<Result<(), HandleError>, Over> {
        let batch = self.batch.rest();
        let (Some(desk), Some(first), Some(last)) = (&mut self.desk, batch.first(), batch.last())
        else {
            return Ok(Ok(()));
        };
        let records = Some((first.position.seq, last.position.seq));
        let handler = &mut desk.handler;
        self.shift.call(records, || handler.handle(batch))
    }

    /// Notes that the next `count` records of the batch are done.
    fn finish(&mut self, count: usize) -> Result<(), Over> {
        let done = self.batch.finish(count);
        let Some(through) = done.last().map(|record| record.position.seq) else {
            return Ok(());
        };
        let scribe = &self.shift.post.base.scribe;
        let worked = done.iter().any(|record| !scribe.is_ours(&record.topic));
        self.failing = Failing::default();
        self.shift.change(|inner| inner.worked |= worked)?;
        self.done_through(through, count as u64)
    }

    /// The first record of the batch has failed.
    fn fail(&mut self, error: &HandleError) -> Result<(), Over> {
        let Some(record) = self.batch.rest().first().cloned() else {
            return Ok(());
        };
        let now = self.shift.post.base.clock.wall();
        let attempt = self.failing.attempt(record.position.seq, now);
        let text = format!("{}: {}", record.position, error.detail);
        let hopeless = match error.kind {
            ErrorKind::Retry => attempt.count >= self.shift.post.base.settings.attempts,
            ErrorKind::Refuse => true,
            ErrorKind::Unavailable => return self.try_again(None, &text),
        };
        if !hopeless {
            return self.try_again(Some(attempt), &text);
        }
        self.shift.failed(State::Retrying, &text)?;
        if self.give_up(&record, &error.detail, &attempt)? {
            self.batch.finish(1);
            self.done_through(record.position.seq, 0)?;
            self.recovered()?;
        }
        Ok(())
    }

    /// Makes a dead letter of a record. Whether it may be left behind.
    fn give_up(&mut self, record: &Record, error: &str, attempt: &Attempt) -> Result<bool, Over> {
        let post = self.shift.post.clone();
        let (base, letters) = (&*post.base, &post.crew.letters);
        if base.scribe.is_ours(&record.topic) {
            self.skip(record, error)?;
            return Ok(true);
        }
        let id = LetterId::of(record);
        if letters.len() >= base.settings.dead_letters_max && letters.get(id).is_none() {
            let longest = base.settings.retry_max.as_duration();
            self.failing.at_rest(self.now(), longest);
            self.shift.show(State::Blocked)?;
            return Ok(false);
        }
        let times = [attempt.first_failed, base.clock.wall()];
        let letter = DeadLetter::new(record, error.to_owned(), attempt.count, times);
        tracing::error!(
            handler = post.crew.name, letter = %id, error, attempts = attempt.count,
            "a record cannot be handled: it becomes a dead letter"
        );
        match write_letter(&post, letter, || {
            !base.is_stopping() && !self.shift.is_over()
        }) {
            Ok(()) => Ok(true),
            Err(error) => {
                let text = format!("a dead letter cannot be written: {error}");
                self.try_again(Some(attempt.clone()), &text)?;
                Ok(false)
            }
        }
    }

    /// Leaves a record of handlers themselves behind. A letter about it would be another such
    /// record, and so on for ever.
    fn skip(&self, record: &Record, error: &str) -> Result<(), Over> {
        let post = &self.shift.post;
        let text = format!(
            "it cannot handle {}, a record about handlers, and goes on without: {error}",
            record.position
        );
        tracing::error!(handler = post.crew.name, "{text}");
        post.metrics.skipped.inc();
        let (now, at) = (self.now(), post.base.clock.wall());
        self.shift.change(|inner| {
            inner.skipped += 1;
            inner.note_error(at, &text);
            inner.incident = Some((now, text));
        })
    }

    /// If handlers keep dying of the next record, it becomes a dead letter before the next one
    /// sees it.
    pub(super) fn bury_suspect(&mut self) -> Result<(), Over> {
        let (suspect, count, error, through) = self.shift.change(|inner| {
            let error = inner.last_error.as_ref().map(|error| error.text.clone());
            (
                inner.deaths.suspect,
                inner.deaths.count,
                error,
                inner.through,
            )
        })?;
        let Some(suspect) = suspect.filter(|seq| count >= DEATHS && *seq == through.next()) else {
            return Ok(());
        };
        let Some(desk) = &mut self.desk else {
            return Ok(());
        };
        let Ok(spica_journal::Followed::Records(records)) = desk.follower.read(1) else {
            return Ok(());
        };
        let Some(record) = records.first() else {
            return Ok(());
        };
        let now = self.shift.post.base.clock.wall();
        let attempt = Attempt {
            seq: suspect,
            count,
            first_failed: now,
        };
        if self.give_up(record, &error.unwrap_or_default(), &attempt)? {
            self.shift.change(|inner| inner.deaths.suspect = None)?;
            self.done_through(suspect, 0)?;
        } else {
            // It is looked at again after a pause, still before the handler sees it.
            self.desk = None;
        }
        Ok(())
    }
}

/// Keeps a letter: in the journal if the node serves, else in memory until it does.
pub(crate) fn write_letter(
    post: &Post,
    mut letter: DeadLetter,
    patient: impl Fn() -> bool,
) -> Result<(), WriteError> {
    let letters = &post.crew.letters;
    if !post.base.is_serving() {
        letters.insert(letter, false);
        return Ok(());
    }
    let room = post.base.settings.dead_letters_bytes.as_usize();
    if letters.bytes() + letter.record.payload.len() > room {
        letter.record.payload = bytes::Bytes::new();
    }
    let draft = Draft::put(topic_of(post, letter.id()), letter.encode());
    match post.base.scribe.write(&author(post), &[draft], patient) {
        Ok(()) => letters.insert(letter, true),
        // The node has just ceased to serve: the partner may never hear of this letter, so this
        // node keeps it, and the cursor stays before it.
        Err(WriteError::NotServing) => letters.insert(letter, false),
        Err(error) => return Err(error),
    }
    Ok(())
}

/// The topic of a letter.
pub(crate) fn topic_of(post: &Post, id: LetterId) -> String {
    format!("{}/dead/{id}", post.base.scribe.folder(&post.crew.name))
}
