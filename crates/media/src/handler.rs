//! The handler behind the records of pictures.

use spica_handler::{Factory, HandleError, Handler, Kept, Missed};
use spica_model::{Lane, Record, Seq};

use crate::{IndexError, Media};

/// What the handler is called.
pub const NAME: &str = "media";

impl Factory for Media {
    fn name(&self) -> &str {
        NAME
    }

    /// Pictures are not what a life depends on.
    fn lanes(&self) -> &[Lane] {
        &[Lane::Normal]
    }

    fn everywhere(&self) -> bool {
        true
    }

    fn make(&self, _: Lane) -> Result<Box<dyn Handler>, HandleError> {
        Ok(Box::new(MediaHandler {
            media: self.clone(),
            through: Seq::ZERO,
            kept: Seq::ZERO,
        }))
    }
}

/// Puts records of pictures into the index; somebody else looks at the pictures, so that neither a
/// slow store nor a large picture holds the lane up.
struct MediaHandler {
    media: Media,
    /// The last record that was handled.
    through: Seq,
    /// What the index says durably.
    kept: Seq,
}

impl MediaHandler {
    /// Indexes what there is of a batch before the index `at`.
    fn index(&self, batch: &[Record]) -> Result<(), HandleError> {
        let mut entries = Vec::new();
        let mut refused = None;
        for (at, record) in batch.iter().enumerate() {
            match self.media.entry_of(record) {
                Ok(entry) => entries.extend(entry),
                Err(why) => {
                    refused = Some(HandleError::refuse(at, why));
                    break;
                }
            }
        }
        if !entries.is_empty() {
            let inner = &self.media.0;
            let added = inner
                .index
                .add(&entries, None)
                .map_err(|error| unavailable(&error))?;
            inner.counters.indexed.add(added as u64);
            self.media.wake();
        }
        refused.map_or(Ok(()), Err)
    }
}

fn unavailable(error: &IndexError) -> HandleError {
    HandleError::unavailable(0, error.to_string())
}

impl Handler for MediaHandler {
    fn resume(&mut self, cursor: Seq) -> Result<Seq, HandleError> {
        let through = self
            .media
            .0
            .index
            .through()
            .map_err(|error| unavailable(&error))?;
        self.through = cursor.min(through);
        self.kept = self.through;
        // What an earlier process did not look at.
        self.media.wake();
        Ok(self.through)
    }

    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError> {
        let done = self.index(batch);
        let count = done
            .as_ref()
            .map_or_else(|error| error.at, |()| batch.len());
        if let Some(last) = batch[..count].last() {
            self.through = last.position.seq;
        }
        done
    }

    fn replay(&mut self, record: &Record) -> Result<(), HandleError> {
        self.index(std::slice::from_ref(record))
    }

    fn missed(&mut self, missed: &Missed) -> Result<(), HandleError> {
        self.through = self.through.max(missed.to);
        Ok(())
    }

    fn kept(&mut self) -> Kept {
        Kept::Through(self.kept)
    }

    fn checkpoint(&mut self) -> Result<Kept, HandleError> {
        if self.kept != self.through {
            self.media
                .0
                .index
                .set_through(self.through)
                .map_err(|error| unavailable(&error))?;
            self.kept = self.through;
        }
        Ok(Kept::Through(self.kept))
    }
}
