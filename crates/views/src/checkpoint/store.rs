//! The file of the checkpoint.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};
use spica_model::{Lane, Topic};
use spica_state::{Limits, StateTree};

use super::{FORMAT, Job, Loaded, Mark, codec};

const TOPICS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("topics");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");

/// Memory for pages of the file; it is written in bulk and read once.
const CACHE_BYTES: usize = 16 << 20;

/// The open file.
pub(crate) struct Store {
    database: Database,
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
        use redb::{DatabaseError, StorageError};
        let database = Database::builder()
            .set_cache_size(CACHE_BYTES)
            .create(path)
            .map_err(|error| match error {
                DatabaseError::DatabaseAlreadyOpen => LoadError::File(error.to_string()),
                DatabaseError::Storage(StorageError::Io(io))
                    if io.kind() != std::io::ErrorKind::InvalidData
                        && io.kind() != std::io::ErrorKind::UnexpectedEof =>
                {
                    LoadError::File(io.to_string())
                }
                _ => LoadError::content(error),
            })?;
        let path = path.to_owned();
        Ok(Self { database, path })
    }

    /// Everything the file holds; nothing if it is new.
    pub(super) fn load(&self, limits: Limits) -> Result<Loaded, LoadError> {
        let reading = self.database.begin_read().map_err(LoadError::content)?;
        let mut tables = reading.list_tables().map_err(LoadError::content)?;
        let mut tree = StateTree::new(limits);
        if tables.next().is_none() {
            let marks = <[Mark; 2]>::default();
            return Ok(Loaded { tree, marks });
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
        let mut rows = 0_u64;
        for entry in topics.iter().map_err(LoadError::content)? {
            let (topic, row) = entry.map_err(LoadError::content)?;
            restore(&mut tree, topic.value(), row.value())
                .ok_or_else(|| LoadError::Content("a topic is damaged".into()))?;
            rows += 1;
        }
        if row("rows")?[..] != rows.to_le_bytes() {
            return Err(LoadError::Content("topics are missing".into()));
        }
        Ok(Loaded { tree, marks })
    }

    /// Writes what has changed, durably.
    pub(super) fn save(&self, job: &Job) -> Result<(), redb::Error> {
        let writing = self.database.begin_write()?;
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

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

fn restore(tree: &mut StateTree, topic: &[u8], row: &[u8]) -> Option<()> {
    let topic = Topic::from_bytes(Bytes::copy_from_slice(topic)).ok()?;
    for record in codec::decode(&topic, Bytes::copy_from_slice(row))? {
        tree.restore(&record);
    }
    Some(())
}
