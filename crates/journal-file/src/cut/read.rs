//! Reading what was put aside.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use spica_journal_format::{
    Item, PAGE_BYTES, Page, Records, Seal, Secret, SegmentHeader, TimeRange, VERSION,
};
use spica_model::{Epoch, Lane, Record, Seq, Timestamp};
use spica_storage::{Mode, OsStorage, Storage};

use super::aside::NUMBER;
use crate::error::OpenError;
use crate::meta;
use crate::names;
use crate::segment::{Segment, SegmentReader, Step, read_at};

/// Why what was put aside cannot be read, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum AsideError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] OpenError),
    /// Some of its bytes are not what was written. The records around them can still be read.
    #[error(
        "{file} is damaged at byte {offset}: what was put aside there is lost, unless there is a \
         copy of the file"
    )]
    Damaged {
        /// The file.
        file: String,
        /// Where the damage begins.
        offset: u64,
    },
    /// It holds fewer records than were put aside.
    #[error("{file} held {written} records, but only {read} of them can be read")]
    Short {
        /// The file.
        file: String,
        /// How many were written.
        written: u64,
        /// How many were read.
        read: u64,
    },
    /// No such file.
    #[error("{file} is no file of records that were put aside")]
    Unknown {
        /// The file.
        file: String,
    },
}

/// A file with records that a cut has taken from a lane.
#[derive(Clone)]
pub struct Aside {
    /// Its name in the directory of the lane.
    pub name: String,
    /// The lane.
    pub lane: Lane,
    /// The epoch of the first record.
    pub epoch: Epoch,
    /// The place that the first record had.
    pub from: Seq,
    /// The place that the last record had.
    pub to: Seq,
    /// When they were put aside; none if the file's header is damaged.
    pub when: Option<Timestamp>,
    /// How many records there are; none if the file's seal is damaged.
    pub records: Option<u64>,
    storage: Arc<dyn Storage>,
    secret: Secret,
    seal: Seal,
}

/// Reads the records of a file that were put aside, in order. After an error it goes on behind the
/// damage; only [`AsideError::Journal`] and [`AsideError::Short`] are followed by nothing.
pub struct AsideRecords {
    file: String,
    segment: Option<SegmentReader>,
    batch: Option<Records>,
    written: Option<u64>,
    read: u64,
}

/// The files with records that were put aside and not yet [done](aside_done) with, in the order of
/// their names. Changes nothing; the journal may be open.
///
/// # Errors
/// If a file cannot be read, or what both lanes need is lost.
pub fn read_aside(dir: &Path, lane: Lane) -> Result<Vec<Aside>, AsideError> {
    read_aside_on(&crate::verify::open_storages(dir)?, lane)
}

/// As [`read_aside`], on the storages of the lanes, critical first.
///
/// # Errors
/// As [`read_aside`].
pub fn read_aside_on(
    storages: &[Arc<dyn Storage>; 2],
    lane: Lane,
) -> Result<Vec<Aside>, AsideError> {
    let storage = &storages[lane.index()];
    let listed = storage
        .list()
        .map_err(OpenError::io(storage.describe(""), "listed"))?;
    let mut names = listed
        .into_iter()
        .filter_map(|file| Some((names::aside_range(&file.name)?, file)))
        .peekable();
    if names.peek().is_none() {
        return Ok(Vec::new());
    }
    let secret = meta::load(storages)?.secret;
    names
        .filter_map(|((epoch, from, to), file)| {
            let opened = match storage.open(&file.name, Mode::Read) {
                // Its records have been entered since it was listed.
                Err(gone) if gone.kind() == io::ErrorKind::NotFound => return None,
                opened => opened,
            };
            Some(((epoch, from, to), file, opened))
        })
        .map(|((epoch, from, to), file, opened)| {
            let error = |verb| OpenError::io(storage.describe(&file.name), verb);
            let opened = opened.map_err(error("opened"))?;
            let head = read_at(&*opened, 0, PAGE_BYTES).map_err(error("read"))?;
            let page = Page::decode(&head, secret.segment_keys(lane, NUMBER).salt);
            let (header, seal) =
                page.map_or((None, None), |page| (page.header.good(), page.seal.good()));
            Ok(Aside {
                name: file.name,
                lane,
                epoch,
                from,
                to,
                when: header.map(|header| header.created),
                records: seal.map(|seal| seal.records),
                storage: Arc::clone(storage),
                secret,
                seal: seal.unwrap_or(Seal {
                    data_end: file.len,
                    last: to,
                    records: 0,
                    footer_offset: file.len,
                    footer_bytes: 0,
                    received: TimeRange::ANY,
                }),
            })
        })
        .collect()
}

/// Says that the records in the file `name` are taken care of: it is kept under the name
/// `<name>.done` until someone removes it, and is not read again. The journal may be open; doing it
/// twice does no harm.
///
/// # Errors
/// If there is no such file, or it cannot be renamed.
pub fn aside_done(dir: &Path, lane: Lane, name: &str) -> Result<(), AsideError> {
    let storage = OsStorage::open(dir.join(lane.as_str())).map_err(OpenError::from)?;
    aside_done_on(&storage, name)
}

/// As [`aside_done`], on the storage of the lane.
///
/// # Errors
/// As [`aside_done`].
pub fn aside_done_on(storage: &dyn Storage, name: &str) -> Result<(), AsideError> {
    let unknown = || AsideError::Unknown {
        file: storage.describe(name),
    };
    names::aside_range(name).ok_or_else(unknown)?;
    let error = |verb| OpenError::io(storage.describe(name), verb);
    let done = names::aside_done(name);
    match storage.rename(name, &done) {
        Ok(()) => {}
        Err(found) if found.kind() == io::ErrorKind::NotFound => {
            let before = storage.open(&done, Mode::Read);
            before.map_err(|_| unknown())?;
        }
        Err(found) => return Err(error("renamed")(found).into()),
    }
    let synced = storage.sync_directory();
    synced.map_err(|found| error("made durable")(found).into())
}

impl Aside {
    /// Its records, in the order in which they stood.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn read(&self) -> Result<AsideRecords, AsideError> {
        let header = SegmentHeader {
            version: VERSION,
            lane: self.lane,
            fresh: true,
            epoch: self.epoch,
            secret: self.secret,
            number: NUMBER,
            first: self.from,
            created: self.when.unwrap_or(Timestamp::EPOCH),
            file_bytes: self.seal.data_end,
        };
        let mut segment = Segment::sealed(&header, self.seal);
        segment.name.clone_from(&self.name);
        let file = self.storage.describe(&self.name);
        let reader = SegmentReader::open(&*self.storage, Arc::new(segment), PAGE_BYTES as u64)
            .map_err(OpenError::io(file.clone(), "opened"))?;
        Ok(AsideRecords {
            file,
            segment: Some(reader),
            batch: None,
            written: self.records,
            read: 0,
        })
    }
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aside")
            .field("name", &self.name)
            .field("records", &self.records)
            .finish_non_exhaustive()
    }
}

impl AsideRecords {
    /// The next batch; at the end, whether all that was written was read.
    fn next_batch(&mut self) -> Result<(), AsideError> {
        let Some(segment) = &mut self.segment else {
            return Ok(());
        };
        match segment.step() {
            Ok(Step::Batch(batch)) => {
                self.batch = Some(batch.records());
                Ok(())
            }
            Ok(Step::Damaged { offset }) => Err(self.damaged(offset)),
            Ok(Step::End) => {
                self.segment = None;
                self.check_end()
            }
            Err(error) => {
                self.segment = None;
                Err(OpenError::io(self.file.clone(), "read")(error).into())
            }
        }
    }

    fn check_end(&self) -> Result<(), AsideError> {
        match self.written {
            Some(written) if written != self.read => Err(AsideError::Short {
                file: self.file.clone(),
                written,
                read: self.read,
            }),
            _ => Ok(()),
        }
    }

    fn damaged(&self, offset: u64) -> AsideError {
        let file = self.file.clone();
        AsideError::Damaged { file, offset }
    }
}

impl Iterator for AsideRecords {
    type Item = Result<Record, AsideError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.batch.as_mut().and_then(Iterator::next) {
                Some(Item::Record(record)) => {
                    self.read += 1;
                    return Some(Ok(record));
                }
                Some(Item::Damaged { offset, .. }) => return Some(Err(self.damaged(offset))),
                None => self.batch = None,
            }
            self.segment.as_ref()?;
            if let Err(error) = self.next_batch() {
                return Some(Err(error));
            }
        }
    }
}
