//! Making segments before they are needed, from the files of retired ones or from nothing.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use spica_journal::CommitError;
use spica_journal_format::PAGE_BYTES;
use spica_storage::{File, Mode};

use super::pace::{Hurry, Pace};
use crate::lane::shelf::Prepared;
use crate::lane::{Failing, LaneLog};
use crate::names;

/// How much of a new file is written at once: what a commit may have to wait for. It is flushed only
/// when the file is full: each flush of new space is a commit of the file system's own journal, for
/// which the commits of both lanes would have to wait.
pub(super) const FILL_BYTES: usize = 256 << 10;
/// The pause after a failure, before the next attempt.
const RETRY: Duration = Duration::from_secs(1);

/// A file that was a segment, or was to become one.
#[derive(Debug, Clone)]
pub(crate) struct Spare {
    pub(crate) name: String,
    pub(crate) bytes: u64,
}

/// A new file that is being filled with zeros.
struct Filling {
    number: u64,
    file: Box<dyn File>,
    filled: u64,
}

/// Makes segments.
pub(super) struct Workshop {
    lane: Arc<LaneLog>,
    next_number: u64,
    spares: Vec<Spare>,
    filling: Option<Filling>,
    zeros: Vec<u8>,
}

/// What failed, on which file.
struct Failed(Failing, String, io::Error);

impl Failed {
    fn on(what: Failing, name: &str) -> impl FnOnce(io::Error) -> Self {
        let name = name.to_owned();
        move |error| Self(what, name, error)
    }
}

impl Workshop {
    pub(super) fn new(lane: Arc<LaneLog>, next_number: u64, spares: Vec<Spare>) -> Self {
        Self {
            lane,
            next_number,
            spares,
            filling: None,
            zeros: Vec::new(),
        }
    }

    /// Takes files that are no longer needed as segments, as many as may be of use; removes others.
    pub(super) fn add(&mut self, spares: Vec<Spare>) {
        self.spares.extend(spares);
        while self.spares.len() > self.lane.limits.prepared_segments
            && let Some(spare) = self.spares.pop()
        {
            self.discard(&spare);
        }
    }

    fn discard(&self, spare: &Spare) {
        let removed = self
            .lane
            .storage
            .remove(&spare.name)
            .and_then(|()| self.lane.storage.sync_directory());
        if let Err(error) = removed {
            let file = self.lane.storage.describe(&spare.name);
            tracing::warn!(
                file,
                "a file that is no longer needed cannot be removed: {error}"
            );
        }
    }

    /// Whether a new file is being filled.
    pub(super) const fn is_filling(&self) -> bool {
        self.filling.is_some()
    }

    /// Does a part of the work, if there is any.
    pub(super) fn step(&mut self, hurry: Hurry) -> Pace {
        let idle = Pace::After(self.lane.limits.common.cursor_interval);
        if self.filling.is_none() && self.lane.shelf.len() >= self.lane.limits.prepared_segments {
            return idle;
        }
        match self.make() {
            Ok(()) => self.filling.as_ref().map_or(Pace::Now, |filling| {
                hurry.pace(filling.filled, self.lane.limits.segment_bytes)
            }),
            Err(Failed(what, name, error)) => {
                let error = self.lane.commit_error(what, &name, &error);
                self.failed(what, error);
                Pace::After(RETRY.min(self.lane.limits.common.cursor_interval))
            }
        }
    }

    /// A segment that cannot be made stops nobody until one is needed; but after a failed flush the
    /// disk cannot be trusted with anything.
    fn failed(&mut self, what: Failing, error: CommitError) {
        if let Some(filling) = self.filling.take() {
            let name = names::spare(filling.number);
            self.discard(&Spare { name, bytes: 0 });
        }
        if what == Failing::Sync {
            self.lane.fail(error);
            return;
        }
        let room = self.lane.shelf.bytes();
        tracing::warn!(
            lane = %self.lane.lane, room,
            "no further segment can be prepared: {error}; the lane goes on for as long as the \
             prepared room lasts, then it fails"
        );
        self.lane.shelf.trouble(error);
    }

    fn make(&mut self) -> Result<(), Failed> {
        if self.filling.is_some() {
            return self.fill();
        }
        while let Some(spare) = self.spares.pop() {
            if spare.bytes == self.lane.limits.segment_bytes {
                return self.recycle(&spare);
            }
            self.discard(&spare);
        }
        self.begin()
    }

    /// Gives the file of a retired segment a new number. Its old bytes stay, but its first page is
    /// wiped before it gets the name of a segment again.
    fn recycle(&mut self, spare: &Spare) -> Result<(), Failed> {
        let storage = &self.lane.storage;
        let failing = |what| Failed::on(what, &spare.name);
        let file = storage
            .open(&spare.name, Mode::Write)
            .map_err(failing(Failing::Write))?;
        file.write_at(&[0; PAGE_BYTES], 0)
            .map_err(failing(Failing::Write))?;
        file.sync_all().map_err(failing(Failing::Sync))?;
        self.shelve(&spare.name, file, false)
    }

    fn begin(&mut self) -> Result<(), Failed> {
        let number = self.next_number;
        let name = names::spare(number);
        let failing = || Failed::on(Failing::Write, &name);
        match self.lane.storage.remove(&name) {
            // What an attempt that failed has left.
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failing()(error)),
        }
        let file = self.lane.storage.create(&name).map_err(failing())?;
        let filling = self.filling.insert(Filling {
            number,
            file,
            filled: 0,
        });
        filling
            .file
            .allocate(self.lane.limits.segment_bytes)
            .map_err(failing())
    }

    /// Writes the next part of zeros: space that was written before is what makes commits fast.
    fn fill(&mut self) -> Result<(), Failed> {
        let Some(filling) = &mut self.filling else {
            return Ok(());
        };
        let name = names::spare(filling.number);
        let total = self.lane.limits.segment_bytes;
        if filling.filled < total {
            let part = (total - filling.filled).min(FILL_BYTES as u64);
            self.zeros.resize(part as usize, 0);
            let written = filling.file.write_at(&self.zeros, filling.filled);
            written.map_err(Failed::on(Failing::Write, &name))?;
            filling.file.begin_writing(filling.filled, part);
            filling.filled += part;
            return Ok(());
        }
        filling
            .file
            .sync_all()
            .map_err(Failed::on(Failing::Sync, &name))?;
        let Some(filling) = self.filling.take() else {
            return Ok(());
        };
        self.shelve(&name, filling.file, true)
    }

    /// Gives a finished file its name as a segment, durably, and puts it on the shelf.
    fn shelve(&mut self, name: &str, file: Box<dyn File>, fresh: bool) -> Result<(), Failed> {
        let number = self.next_number;
        let storage = &self.lane.storage;
        let segment = names::segment(number);
        storage
            .rename(name, &segment)
            .map_err(Failed::on(Failing::Write, name))?;
        storage
            .sync_directory()
            .map_err(Failed::on(Failing::Sync, &segment))?;
        self.next_number += 1;
        let bytes = self.lane.limits.segment_bytes;
        self.lane.shelf.put(Prepared {
            number,
            file,
            bytes,
            fresh,
        });
        Ok(())
    }
}
