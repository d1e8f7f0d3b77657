//! The file of the checkpoint.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use parking_lot::Mutex;
use redb::{
    Database, DatabaseError, ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageError,
    TableDefinition,
};
use spica_model::{Lane, Topic};
use spica_state::{Limits, StateTree};

use super::{FORMAT, Job, Loaded, codec};

const TOPICS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("topics");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Memory for pages of the file; it is written in bulk and read once.
const CACHE_BYTES: usize = 16 << 20;

/// The checkpoint's file.
pub(crate) struct Store {
    /// `None` after a failed write: what the file holds is not known any more, so nothing is added
    /// to it. The next checkpoint is a whole one, in a new file that takes its place.
    database: Mutex<Option<Database>>,
    path: PathBuf,
}

/// Why a checkpoint cannot be used.
#[derive(Debug)]
pub(super) enum LoadError {
    /// Its content cannot be trusted: set it aside.
    Content(String),
    /// The file cannot be used at all, and another one in its place could not either.
    File(String),
}

impl LoadError {
    fn content(error: impl Into<redb::Error>) -> Self {
        Self::Content(error.into().to_string())
    }
}

impl Store {
    /// Opens the file, or creates it.
    pub(super) fn open(path: &Path) -> Result<Self, LoadError> {
        let database = database(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => LoadError::File(error.to_string()),
            DatabaseError::Storage(StorageError::Io(io))
                if !matches!(io.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
            {
                LoadError::File(io.to_string())
            }
            _ => LoadError::content(error),
        })?;
        // Retention relies on the checkpoint: its name must outlive a power cut as well.
        sync_directory(path).map_err(|error| LoadError::File(error.to_string()))?;
        Ok(Self {
            database: Mutex::new(Some(database)),
            path: path.to_owned(),
        })
    }

    /// Everything the file holds; nothing if it is new.
    pub(super) fn load(&self, limits: Limits) -> Result<Loaded, LoadError> {
        let database = self.database.lock();
        let Some(database) = &*database else {
            return Err(LoadError::Content("a write to it has failed".into()));
        };
        let reading = database.begin_read().map_err(LoadError::content)?;
        let mut tables = reading.list_tables().map_err(LoadError::content)?;
        if tables.next().is_none() {
            return Ok(Loaded::empty(limits));
        }
        let meta = reading.open_table(META).map_err(LoadError::content)?;
        let row = |name: &str| {
            let row = meta.get(name).map_err(LoadError::content)?;
            let row = row.ok_or_else(|| LoadError::Content(format!("no {name}")))?;
            Ok(Bytes::copy_from_slice(row.value()))
        };
        if row("format")?[..] != FORMAT.to_le_bytes() {
            return Err(LoadError::Content("it has another version's format".into()));
        }
        let [critical, normal] = Lane::ALL.map(|lane| {
            codec::decode_mark(row(lane.as_str())?)
                .ok_or_else(|| LoadError::Content(format!("the {lane} lane's place is damaged")))
        });
        let marks = [critical?, normal?];
        let topics = reading.open_table(TOPICS).map_err(LoadError::content)?;
        let (tree, rows) = restore_rows(&topics, limits);
        let is_whole = row("rows")?[..] == rows.to_le_bytes();
        Ok(Loaded {
            tree,
            marks,
            is_whole,
        })
    }

    /// Whether the next checkpoint must hold everything, since the last one failed.
    pub(crate) fn wants_everything(&self) -> bool {
        self.database.lock().is_none()
    }

    /// Writes what has changed, durably; or everything, if that is [wanted](Self::wants_everything).
    pub(super) fn save(&self, job: &Job) -> Result<(), redb::Error> {
        let mut slot = self.database.lock();
        // Taken out, and put back only if nothing fails.
        let database = match slot.take() {
            Some(database) => {
                write(&database, job)?;
                database
            }
            None => self.replace(job)?,
        };
        *slot = Some(database);
        Ok(())
    }

    /// Writes everything to a new file, which then takes the place of the old one.
    fn replace(&self, job: &Job) -> Result<Database, redb::Error> {
        let next = self.path.with_added_extension("next");
        match fs::remove_file(&next) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(redb::Error::Io(error));
            }
            _ => {}
        }
        let database = database(&next)?;
        write(&database, job)?;
        fs::rename(&next, &self.path).map_err(redb::Error::Io)?;
        sync_directory(&self.path).map_err(redb::Error::Io)?;
        Ok(database)
    }

    /// As after a failed write.
    #[cfg(test)]
    pub(crate) fn fail(&self) {
        *self.database.lock() = None;
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn database(path: &Path) -> Result<Database, DatabaseError> {
    Database::builder().set_cache_size(CACHE_BYTES).create(path)
}

/// Makes a file's name durable.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    fs::File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn write(database: &Database, job: &Job) -> Result<(), redb::Error> {
    let writing = database.begin_write()?;
    {
        let mut topics = writing.open_table(TOPICS)?;
        for change in &job.changes {
            let topic = &change.topic.as_bytes()[..];
            if change.records.is_empty() {
                topics.remove(topic)?;
            } else {
                let row = codec::encode(&change.topic, &change.records);
                topics.insert(topic, &row[..])?;
            }
        }
        let mut meta = writing.open_table(META)?;
        meta.insert("format", &FORMAT.to_le_bytes()[..])?;
        meta.insert("rows", &topics.len()?.to_le_bytes()[..])?;
        for lane in Lane::ALL {
            let mark = codec::encode_mark(&job.marks[lane.index()]);
            meta.insert(lane.as_str(), &mark[..])?;
        }
    }
    writing.commit()?;
    Ok(())
}

/// The topics of all rows that are sound, and how many these are.
fn restore_rows(
    topics: &impl ReadableTable<&'static [u8], &'static [u8]>,
    limits: Limits,
) -> (StateTree, u64) {
    let mut tree = StateTree::new(limits);
    let mut rows = 0;
    let Ok(entries) = topics.iter() else {
        return (tree, rows);
    };
    for (topic, row) in entries.map_while(Result::ok) {
        rows += u64::from(restore(&mut tree, topic.value(), row.value()).is_some());
    }
    (tree, rows)
}

fn restore(tree: &mut StateTree, topic: &[u8], row: &[u8]) -> Option<()> {
    let topic = Topic::from_bytes(Bytes::copy_from_slice(topic)).ok()?;
    for record in codec::decode(&topic, Bytes::copy_from_slice(row))? {
        tree.restore(&record);
    }
    Some(())
}
