//! How far the handler is, and how far its cursor may go.

use spica_handler::{Kept, State};
use spica_model::Seq;

use super::Worker;
use crate::post::Over;

impl Worker {
    /// Notes that everything up to `through` is done, `count` records of it by the handler, and
    /// moves the cursor as far as that is kept.
    pub(super) fn done_through(&mut self, through: Seq, count: u64) -> Result<(), Over> {
        let interval = self.shift.post.base.settings.checkpoint_interval;
        let due = self.now() + interval.as_duration();
        self.checkpoint_at.get_or_insert(due);
        self.shift.post.metrics.handled.inc_by(count);
        self.shift.change(|inner| {
            inner.through = through;
            inner.handled += count;
            inner.deaths.in_a_row = 0;
        })?;
        let Some(desk) = &mut self.desk else {
            return Ok(());
        };
        let handler = &mut desk.handler;
        let kept = self.shift.call(None, || handler.kept())?;
        self.keep(kept)
    }

    /// Lets the handler make durable what it did. What fails is tried again soon.
    pub(super) fn checkpoint(&mut self) -> Result<(), Over> {
        let interval = self.shift.post.base.settings.checkpoint_interval;
        let Some(desk) = &mut self.desk else {
            return Ok(());
        };
        let handler = &mut desk.handler;
        match self.shift.call(None, || handler.checkpoint())? {
            Ok(kept) => {
                self.checkpoint_at = None;
                self.keep(kept)
            }
            Err(error) => {
                self.checkpoint_at = Some(self.now() + interval.as_duration());
                let text = format!("cannot keep what it did: {}", error.detail);
                self.shift.failed(State::Retrying, &text)
            }
        }
    }

    /// Moves the cursor to what is kept, but not past a letter that is not in the journal. A handler
    /// that keeps what it does by itself need not be told to.
    pub(super) fn keep(&mut self, kept: Kept) -> Result<(), Over> {
        let post = &*self.shift.post;
        let unwritten = post.crew.letters.first_unwritten(post.lane);
        let allowed = unwritten.map_or(Seq(u64::MAX), |seq| Seq(seq.0.saturating_sub(1)));
        let (moved, behind) = self.shift.change(|inner| {
            let kept = match kept {
                Kept::All => inner.through,
                Kept::Through(seq) => seq.min(inner.through),
            };
            let place = kept.min(allowed);
            if place <= inner.cursor {
                return (false, kept < inner.through);
            }
            let journal = &post.base.journal;
            match journal.advance_cursor(&post.cursor, post.lane, place) {
                Ok(()) => inner.cursor = place,
                Err(error) => inner.note_error(post.base.clock.wall(), &error.to_string()),
            }
            (true, kept < inner.through)
        })?;
        if moved || !behind {
            let interval = post.base.settings.checkpoint_interval.as_duration();
            self.checkpoint_at = behind.then(|| self.now() + interval);
        }
        Ok(())
    }
}
