//! The file of the index of a lane. One redb database:
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | `format`, `mark`, `next` | number of this layout; [`Mark`]; the next free list |
//! | `names` | topic, or 0x01 `event/` and a name | list |
//! | `topics` | list | its name |
//! | `postings` | list, first place (both big-endian) | a block, see [`crate::posting`] |
//! | `buckets` | resolution, list, beginning (big-endian, sign flipped) | [`Bucket`](crate::bucket::Bucket) |
//! | `missed` | first place of damage | last place |

use std::fs;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use hashbrown::HashSet;
use redb::{Database, ReadTransaction, ReadableDatabase, TableDefinition};
use spica_journal::{Followed, Journal};
use spica_model::{Lane, Seq, Timestamp};

use super::head::{Mark, Trace};
use crate::bucket::Resolution;
use crate::error::{HistoryError, OpenError};

pub(crate) const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
pub(crate) const NAMES: TableDefinition<'_, &[u8], u32> = TableDefinition::new("names");
pub(crate) const TOPICS: TableDefinition<'_, u32, &[u8]> = TableDefinition::new("topics");
pub(crate) const POSTINGS: TableDefinition<'_, &[u8; 12], &[u8]> = TableDefinition::new("postings");
pub(crate) const BUCKETS: TableDefinition<'_, &[u8; 13], &[u8]> = TableDefinition::new("buckets");
pub(crate) const MISSED: TableDefinition<'_, u64, u64> = TableDefinition::new("missed");

/// The number of the layout; another one is not read.
const FORMAT: u32 = 1;
/// Memory for pages of the file.
const CACHE_BYTES: usize = 64 << 20;

/// The file of a lane's index.
pub(crate) struct Store {
    database: Database,
    path: PathBuf,
}

/// What a file held when it was opened.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    pub(crate) mark: Mark,
    pub(crate) next: u32,
    /// The lists that have series.
    pub(crate) series: HashSet<u32>,
}

pub(crate) fn posting_key(list: u32, seq: Seq) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&list.to_be_bytes());
    key[4..].copy_from_slice(&seq.0.to_be_bytes());
    key
}

pub(crate) fn split_posting_key(key: &[u8; 12]) -> (u32, Seq) {
    let [a, b, c, d, rest @ ..] = *key;
    (
        u32::from_be_bytes([a, b, c, d]),
        Seq(u64::from_be_bytes(rest)),
    )
}

pub(crate) fn bucket_key(resolution: Resolution, list: u32, begin: Timestamp) -> [u8; 13] {
    let mut key = [0; 13];
    key[0] = resolution.index();
    key[1..5].copy_from_slice(&list.to_be_bytes());
    // With the sign flipped, earlier ones sort first.
    let biased = begin.as_micros().cast_unsigned() ^ (1 << 63);
    key[5..].copy_from_slice(&biased.to_be_bytes());
    key
}

pub(crate) fn split_bucket_key(key: &[u8; 13]) -> (Option<Resolution>, u32, Timestamp) {
    let [resolution, a, b, c, d, rest @ ..] = *key;
    let resolution = Resolution::ALL.get(usize::from(resolution)).copied();
    let micros = (u64::from_be_bytes(rest) ^ (1 << 63)).cast_signed();
    (
        resolution,
        u32::from_be_bytes([a, b, c, d]),
        Timestamp::from_micros(micros),
    )
}

impl Store {
    /// Opens the index of a lane of `journal`. One that is damaged, of another version or of another
    /// journal is removed, and an empty one takes its place.
    pub(crate) fn open(
        path: &Path,
        journal: &dyn Journal,
        lane: Lane,
    ) -> Result<(Self, Opened), OpenError> {
        let unusable = |detail: String| OpenError::File {
            path: path.to_owned(),
            detail,
        };
        let reason = match guarded(|| Self::try_open(path, journal, lane)) {
            Ok(opened) => return Ok(opened),
            Err(reason) => reason,
        };
        tracing::warn!(file = %path.display(), reason, "the history's index is built anew");
        match fs::remove_file(path) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(unusable(error.to_string()));
            }
            _ => {}
        }
        guarded(|| Self::try_open(path, journal, lane)).map_err(unusable)
    }

    fn try_open(path: &Path, journal: &dyn Journal, lane: Lane) -> Result<(Self, Opened), String> {
        let said = |error: &dyn std::fmt::Display| error.to_string();
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(|error| said(&error))?;
        let store = Self {
            database,
            path: path.to_owned(),
        };
        store.prepare().map_err(|error| said(&error))?;
        let opened = store.load().map_err(|error| said(&error))?;
        let opened = opened.ok_or("it has another version's format, or is damaged")?;
        belongs(journal, lane, &opened.mark)?;
        Ok((store, opened))
    }

    /// Makes the tables of a new file.
    fn prepare(&self) -> Result<(), redb::Error> {
        if self.database.begin_read()?.list_tables()?.next().is_some() {
            return Ok(());
        }
        let writing = self.database.begin_write()?;
        {
            writing.open_table(NAMES)?;
            writing.open_table(TOPICS)?;
            writing.open_table(POSTINGS)?;
            writing.open_table(BUCKETS)?;
            writing.open_table(MISSED)?;
            let mut meta = writing.open_table(META)?;
            meta.insert("format", &FORMAT.to_le_bytes()[..])?;
            meta.insert("mark", &Mark::default().encode()[..])?;
            meta.insert("next", &1u32.to_le_bytes()[..])?;
        }
        writing.commit()?;
        Ok(())
    }

    fn load(&self) -> Result<Option<Opened>, redb::Error> {
        let reading = self.database.begin_read()?;
        let meta = reading.open_table(META)?;
        let get =
            |name: &str| Ok::<_, redb::Error>(meta.get(name)?.map(|row| row.value().to_vec()));
        let (format, mark, next) = (get("format")?, get("mark")?, get("next")?);
        if format.as_deref() != Some(&FORMAT.to_le_bytes()[..]) {
            return Ok(None);
        }
        let mark = mark.as_deref().and_then(Mark::decode);
        let next = next
            .as_deref()
            .and_then(|bytes| bytes.try_into().ok())
            .map(u32::from_le_bytes);
        let (Some(mark), Some(next)) = (mark, next) else {
            return Ok(None);
        };
        // From one list with intervals of a day to the next.
        let buckets = reading.open_table(BUCKETS)?;
        let mut series = HashSet::new();
        let mut list = 0u32;
        loop {
            let from = bucket_key(Resolution::Day, list, Timestamp::from_micros(i64::MIN));
            let Some(row) = buckets.range::<&[u8; 13]>(&from..)?.next() else {
                break;
            };
            list = split_bucket_key(row?.0.value()).1;
            series.insert(list);
            list += 1;
        }
        Ok(Some(Opened { mark, next, series }))
    }

    pub(crate) const fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn read(&self) -> Result<ReadTransaction, HistoryError> {
        self.database.begin_read().map_err(HistoryError::index)
    }

    /// The list of a name.
    pub(crate) fn list_of(&self, name: &[u8]) -> Result<Option<u32>, HistoryError> {
        let names = self
            .read()?
            .open_table(NAMES)
            .map_err(HistoryError::index)?;
        let row = names.get(name).map_err(HistoryError::index)?;
        Ok(row.map(|row| row.value()))
    }
}

/// The store may panic on bytes that no version of it has written. For us that is one more way to
/// say that the file is damaged.
fn guarded<T>(open: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(open)).unwrap_or_else(|_| Err("the store gave up on it".into()))
}

/// Whether the record where the index ends stands at the same place in the journal. When the journal
/// no longer has it, or cannot read it, nothing speaks against the index.
fn belongs(journal: &dyn Journal, lane: Lane, mark: &Mark) -> Result<(), String> {
    let durable = journal.status(lane).durable;
    if mark.seq > durable {
        return Err(format!(
            "it ends at {} of the {lane} lane, which ends at {durable}",
            mark.seq
        ));
    }
    let (Some(trace), Some(before)) = (&mark.record, mark.seq.0.checked_sub(1)) else {
        return Ok(());
    };
    let follower = journal.follow(lane, Seq(before));
    let read = follower.and_then(|mut follower| follower.read(1));
    match read.map_err(|error| error.to_string())? {
        Followed::Records(records)
            if records
                .first()
                .is_some_and(|record| Trace::of(record) != *trace) =>
        {
            Err(format!(
                "the {lane} lane has another record at {}",
                mark.seq
            ))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_what_they_say() {
        let time = Timestamp::from_micros;
        let keys = [
            bucket_key(Resolution::Minute, 1, time(-5)),
            bucket_key(Resolution::Minute, 1, time(5)),
            bucket_key(Resolution::Minute, 2, time(-9)),
            bucket_key(Resolution::Quarter, 0, time(0)),
        ];
        assert!(keys.is_sorted());
        assert_eq!(
            split_bucket_key(&keys[2]),
            (Some(Resolution::Minute), 2, time(-9))
        );
        assert!(posting_key(1, Seq(256)) > posting_key(1, Seq(255)));
        assert_eq!(split_posting_key(&posting_key(7, Seq(9))), (7, Seq(9)));
    }
}
