//! The files of records that were put aside, read some records at a time.

use std::path::{Path, PathBuf};

use spica_journal_file::{Aside, AsideError, AsideRecords, aside_done, read_aside};
use spica_model::{Lane, Record};
use tokio::task::JoinError;

/// Most records of a frame.
pub(crate) const RECORDS_MAX: usize = 256;
/// About how many bytes of records a frame has at most: a heartbeat may have to wait for it. One
/// record always goes, however long it is.
const BYTES_MAX: usize = 64 << 10;
/// What a record takes beside its payload, topic, key and cause.
const RECORD_BYTES: usize = 64;

/// The directory of a journal.
#[derive(Debug, Clone)]
pub(crate) struct Shelf {
    dir: PathBuf,
}

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShelfError {
    #[error(transparent)]
    Aside(#[from] AsideError),
    #[error("the thread that reads has panicked: {0}")]
    Panic(#[from] JoinError),
}

/// One file, being read.
pub(crate) struct Sheets {
    records: AsideRecords,
    /// Read, but it belongs to the next frame.
    held: Option<Record>,
    pub(crate) copies: u64,
    pub(crate) unreadable: u64,
}

impl Shelf {
    pub(crate) fn new(dir: &Path) -> Self {
        Self {
            dir: dir.to_owned(),
        }
    }

    /// The files of a lane.
    pub(crate) async fn files(&self, lane: Lane) -> Result<Vec<Aside>, ShelfError> {
        let dir = self.dir.clone();
        Ok(off_worker(move || read_aside(&dir, lane)).await??)
    }

    /// Begins to read a file.
    pub(crate) async fn open(&self, file: Aside) -> Result<Sheets, ShelfError> {
        let records = off_worker(move || file.read()).await??;
        Ok(Sheets {
            records,
            held: None,
            copies: 0,
            unreadable: 0,
        })
    }

    /// The records of a file are taken care of.
    pub(crate) async fn done(&self, lane: Lane, file: &str) -> Result<(), ShelfError> {
        let (dir, file) = (self.dir.clone(), file.to_owned());
        Ok(off_worker(move || aside_done(&dir, lane, &file)).await??)
    }
}

impl Sheets {
    /// The next records, of one epoch and next to each other; none at the end.
    pub(crate) async fn next(mut self) -> Result<(Self, Vec<Record>), ShelfError> {
        off_worker(move || {
            let next = self.gather()?;
            Ok((self, next))
        })
        .await?
    }

    fn gather(&mut self) -> Result<Vec<Record>, ShelfError> {
        let (mut gathered, mut bytes) = (Vec::new(), 0);
        while let Some(record) = self.one()? {
            bytes += size(&record);
            let fits = gathered.last().is_none_or(|last: &Record| {
                last.position.epoch == record.position.epoch
                    && last.position.seq.next() == record.position.seq
                    && bytes <= BYTES_MAX
                    && gathered.len() < RECORDS_MAX
            });
            if !fits {
                self.held = Some(record);
                break;
            }
            gathered.push(record);
        }
        Ok(gathered)
    }

    /// The next record that says something and can be read. What cannot is counted.
    fn one(&mut self) -> Result<Option<Record>, ShelfError> {
        if let Some(held) = self.held.take() {
            return Ok(Some(held));
        }
        let mut damages = 0;
        loop {
            match self.records.next() {
                None => return Ok(None),
                Some(Ok(record)) if record.is_restated() => self.copies += 1,
                Some(Ok(record)) => {
                    self.unreadable += damages;
                    return Ok(Some(record));
                }
                Some(Err(error @ AsideError::Damaged { .. })) => {
                    tracing::error!("pair: {error}");
                    damages += 1;
                }
                Some(Err(AsideError::Short { written, read, .. })) => {
                    // The exact number, instead of that of the damaged places.
                    self.unreadable = written.saturating_sub(read);
                    return Ok(None);
                }
                Some(Err(error)) => return Err(error.into()),
            }
        }
    }
}

fn size(record: &Record) -> usize {
    let key = record.key.as_ref().map_or(0, |key| key.as_bytes().len());
    let cause = record
        .cause
        .as_ref()
        .map_or(0, |cause| cause.as_str().len());
    RECORD_BYTES + record.topic.as_bytes().len() + key + cause + record.payload.len()
}

#[expect(
    clippy::disallowed_methods,
    reason = "one short read of a file at a time; the thread here belongs to the heartbeats"
)]
async fn off_worker<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(work).await
}
