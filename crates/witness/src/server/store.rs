//! What the server holds: a few short values, in memory and in one file.
//!
//! ```text
//!  spica-witness 1 crc32c=8a4b1f02
//!  {"root.s1":"…"}
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;
use sha2::{Digest, Sha256};

use crate::disk_thread::DiskThread;
use crate::value::VALUE_BYTES;

/// The file.
pub const FILE: &str = "witness.state";
/// The lock that keeps a second process out.
const LOCK: &str = "witness.lock";
/// What the file begins with.
const HEAD: &str = "spica-witness 1 crc32c=";
/// Most keys that it takes.
pub const KEYS: usize = 1_024;
/// Longest file that is read.
const FILE_BYTES: u64 = 16 * 1024 * 1024;

/// Why what is recorded cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub enum OpenStoreError {
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process has it.
    #[error("another process serves the witness in {}; stop it first", .0.display())]
    InUse(PathBuf),
    /// The file is not what was written.
    #[error(
        "{} is damaged ({reason}). The witness does not begin anew by itself, since it would permit \
         what it has refused: see docs/witness.md, \"Damage\"",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

/// What a write asks of the value that stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Condition {
    /// There is none.
    Absent,
    /// It has this ETag.
    Tag(String),
}

/// How a write went.
#[derive(Debug)]
pub(super) enum Put {
    /// It is on disk, under this ETag.
    Done(String),
    /// The condition does not hold.
    Unmet,
    /// There are too many keys.
    Full,
    /// The disk refuses; what stood there still does.
    Failed(String),
}

type Values = BTreeMap<String, String>;

#[derive(Debug)]
pub(super) struct Store {
    files: Arc<Files>,
    thread: DiskThread,
}

#[derive(Debug)]
struct Files {
    directory: PathBuf,
    /// What is on disk. Only the thread writes.
    values: RwLock<Values>,
    /// Held as long as the store lives.
    _lock: File,
}

/// The ETag of a value. Values of a witness never come back, since epochs only grow.
pub(super) fn tag(value: &str) -> String {
    let hash = Sha256::digest(value.as_bytes());
    let hex: String = hash
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
}

impl Store {
    pub(super) fn open(directory: &Path) -> Result<Self, OpenStoreError> {
        fs::create_dir_all(directory).map_err(at(directory))?;
        let lock_path = directory.join(LOCK);
        let lock = File::create(&lock_path).map_err(at(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenStoreError::InUse(directory.to_owned()));
            }
            Err(TryLockError::Error(source)) => return Err(at(&lock_path)(source)),
        }
        let values = load(&directory.join(FILE))?;
        let files = Files {
            directory: directory.to_owned(),
            values: RwLock::new(values),
            _lock: lock,
        };
        let thread = DiskThread::start().map_err(at(directory))?;
        let files = Arc::new(files);
        Ok(Self { files, thread })
    }

    pub(super) fn len(&self) -> usize {
        self.files.values.read().len()
    }

    pub(super) fn get(&self, key: &str) -> Option<String> {
        self.files.values.read().get(key).cloned()
    }

    pub(super) async fn put(&self, key: String, value: String, condition: Condition) -> Put {
        let files = self.files.clone();
        let done = self
            .thread
            .run(move || files.put(key, value, &condition))
            .await;
        done.unwrap_or_else(|ended| Put::Failed(ended.to_string()))
    }
}

impl Files {
    /// Runs on the one thread that writes, so nothing changes between the comparison and the end.
    fn put(&self, key: String, value: String, condition: &Condition) -> Put {
        let mut values = self.values.read().clone();
        let met = match (values.get(&key), condition) {
            (None, Condition::Absent) => true,
            (Some(old), Condition::Tag(expected)) => tag(old) == *expected,
            _ => false,
        };
        if !met {
            return Put::Unmet;
        }
        if values.len() >= KEYS && !values.contains_key(&key) {
            return Put::Full;
        }
        let tag = tag(&value);
        values.insert(key, value);
        if let Err(error) = save(&self.directory, &values) {
            let directory = self.directory.display();
            tracing::error!(%directory, %error, "what the witness should record cannot be written");
            return Put::Failed(error.to_string());
        }
        *self.values.write() = values;
        Put::Done(tag)
    }
}

fn save(directory: &Path, values: &Values) -> io::Result<()> {
    let body = serde_json::to_string(values)?;
    let mut file = tempfile::Builder::new()
        .prefix(".new-")
        .tempfile_in(directory)?;
    writeln!(file, "{HEAD}{:08x}", crc32c::crc32c(body.as_bytes()))?;
    file.write_all(body.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(directory.join(FILE))?;
    File::open(directory)?.sync_all()
}

fn load(path: &Path) -> Result<Values, OpenStoreError> {
    let damaged = |reason: &str| OpenStoreError::Damaged {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Values::new()),
        Err(source) => return Err(at(path)(source)),
        Ok(metadata) if metadata.len() > FILE_BYTES => return Err(damaged("it is too long")),
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(at(path))?;
    let text = String::from_utf8(bytes).map_err(|_| damaged("it is no text"))?;
    let (head, body) = text.split_once('\n').ok_or_else(|| damaged("it is cut"))?;
    let checksum = format!("{:08x}", crc32c::crc32c(body.as_bytes()));
    match head.strip_prefix(HEAD) {
        None => Err(damaged("it does not begin as this version writes it")),
        Some(said) if said != checksum => Err(damaged("its checksum does not fit")),
        Some(_) => serde_json::from_str(body).map_err(|error| damaged(&error.to_string())),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> OpenStoreError {
    let path = path.to_owned();
    move |source| OpenStoreError::Io { path, source }
}

/// Whether so many keys of the greatest length with the longest values can be read again. JSON may
/// take six bytes for one.
const _: () = assert!((KEYS * (crate::name::KEY_BYTES + VALUE_BYTES) * 6) as u64 <= FILE_BYTES);

#[cfg(test)]
mod tests;
