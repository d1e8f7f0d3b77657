//! A witness in a directory that both nodes reach.
//!
//! ```text
//!  <directory>/root.s1/entry-0000000007     the newest entry counts
//! ```
//!
//! Entries are numbered, and never changed. To write over entry 7 is to create entry 8, which only
//! one can: a whole, flushed file is given its name by `link(2)`, which fails if the name exists and
//! is decided by the file server. So there is no lock that somebody could leave behind, and no file
//! that is half written.
//!
//! Assumed: hard links, `link` and `mkdir` that are atomic among all clients, `fsync` that means it.
//! NFS 3 and 4, CephFS, GFS2, OCFS2 and local disks do that; SMB and most FUSE mounts of object
//! stores do not. An old listing (NFS caches them) leads to `EEXIST`, never to a wrong grant.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use spica_model::Epoch;

use crate::disk_thread::DiskThread;
use crate::name::PairName;
use crate::register::{Entry, Register, Written, damaged, epoch_in};
use crate::value::VALUE_BYTES;
use crate::{DamageError, LookError, value};

/// So many old entries stay: to be looked at, and far more than anybody can be behind.
const KEPT: u64 = 64;

const ENTRY: &str = "entry-";
const UNFINISHED: &str = ".new-";

/// The register in a directory.
#[derive(Debug)]
pub(crate) struct InDirectory {
    directory: PathBuf,
    thread: DiskThread,
}

impl InDirectory {
    pub(crate) fn new(directory: PathBuf) -> io::Result<Self> {
        let thread = DiskThread::start()?;
        Ok(Self { directory, thread })
    }

    async fn on_disk<T: Send + 'static>(
        &self,
        pair: &PairName,
        work: impl FnOnce(&Pair) -> Result<T, LookError> + Send + 'static,
    ) -> Result<T, LookError> {
        let files = Pair {
            shared: self.directory.clone(),
            name: pair.clone(),
        };
        let done = self.thread.run(move || work(&files)).await;
        done.map_err(|ended| LookError::failed(&ended))?
    }
}

#[async_trait]
impl Register for InDirectory {
    /// The number of the newest entry; 0 before the first.
    type Revision = u64;

    async fn read(&self, pair: &PairName) -> Result<Entry<u64>, LookError> {
        self.on_disk(pair, Pair::read).await
    }

    async fn write(&self, pair: &PairName, epoch: Epoch, over: &u64) -> Result<Written, LookError> {
        let over = *over;
        self.on_disk(pair, move |pair| pair.write(epoch, over))
            .await
    }
}

/// The files of one pair.
struct Pair {
    shared: PathBuf,
    name: PairName,
}

impl Pair {
    fn directory(&self) -> PathBuf {
        self.shared.join(self.name.key())
    }

    fn entry(&self, number: u64) -> PathBuf {
        self.directory().join(format!("{ENTRY}{number:010}"))
    }

    fn read(&self) -> Result<Entry<u64>, LookError> {
        self.must_be_mounted()?;
        let revision = self.newest().map_err(failed(&self.directory()))?;
        let epoch = match revision {
            0 => None,
            number => Some(self.read_entry(number)?),
        };
        Ok(Entry { epoch, revision })
    }

    fn write(&self, epoch: Epoch, over: u64) -> Result<Written, LookError> {
        self.must_be_mounted()?;
        let number = over.saturating_add(1);
        let created = self.create(epoch, number);
        if !created.map_err(failed(&self.entry(number)))? {
            return Ok(Written::Outrun);
        }
        // A writer that was stopped for long could have taken a number that was free again.
        let newest = self.newest().map_err(failed(&self.directory()))?;
        if newest != number {
            return Ok(Written::Outrun);
        }
        self.forget_before(number.saturating_sub(KEPT));
        Ok(Written::Yes)
    }

    /// A directory that is missing may be a mount that is; one that we made in its place would be
    /// this node's alone.
    fn must_be_mounted(&self) -> Result<(), LookError> {
        let is_directory = fs::metadata(&self.shared)
            .map_err(failed(&self.shared))?
            .is_dir();
        if is_directory {
            return Ok(());
        }
        let shared = self.shared.display();
        Err(LookError::Failed(format!("{shared} is no directory")))
    }

    /// Creates an entry, whole and durable; false if there is one with this number.
    fn create(&self, epoch: Epoch, number: u64) -> io::Result<bool> {
        let directory = self.directory();
        match fs::create_dir(&directory) {
            Ok(()) => File::open(&self.shared)?.sync_all()?,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let mut unfinished = tempfile::Builder::new()
            .prefix(&format!("{UNFINISHED}{number}-"))
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
            .tempfile_in(&directory)?;
        unfinished.write_all(&value::write(&self.name, epoch))?;
        unfinished.as_file().sync_all()?;
        match fs::hard_link(unfinished.path(), self.entry(number)) {
            // When NFS has lost the first answer it says so of our own entry too; who reads it then
            // finds the epoch that it asked for.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
            Ok(()) => File::open(&directory)?.sync_all().map(|()| true),
        }
    }

    /// The number of the newest entry; 0 if there is none.
    fn newest(&self) -> io::Result<u64> {
        let mut newest = self.numbers(ENTRY)?.into_iter().max().unwrap_or(0);
        // A listing may be old; a name that is looked up is asked of the file server.
        while self.entry(newest + 1).try_exists()? {
            newest += 1;
        }
        Ok(newest)
    }

    /// The numbers of the files whose names begin so.
    fn numbers(&self, prefix: &str) -> io::Result<Vec<u64>> {
        let files = match fs::read_dir(self.directory()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut numbers = Vec::new();
        for file in files {
            let name = file?.file_name();
            numbers.extend(name.to_str().and_then(|name| number_in(name, prefix)));
        }
        Ok(numbers)
    }

    fn read_entry(&self, number: u64) -> Result<Epoch, LookError> {
        let path = self.entry(number);
        let place = path.display().to_string();
        let mut bytes = Vec::new();
        let read = File::open(&path)
            .and_then(|file| file.take(VALUE_BYTES as u64 + 1).read_to_end(&mut bytes));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(damaged(&place, DamageError::Gone))
            }
            Err(error) => Err(failed(&path)(error)),
            Ok(_) => epoch_in(&self.name, &bytes, &place),
        }
    }

    /// Removes entries, and what crashed writers left, with numbers below `limit`.
    fn forget_before(&self, limit: u64) {
        let directory = self.directory();
        let Ok(files) = fs::read_dir(&directory) else {
            return;
        };
        for file in files.flatten() {
            let name = file.file_name();
            let Some(name) = name.to_str() else { continue };
            let number = number_in(name, ENTRY).or_else(|| number_in(name, UNFINISHED));
            if number.is_some_and(|number| number < limit) {
                // The next write tries again, and so does the other node.
                let _ = fs::remove_file(file.path());
            }
        }
    }
}

/// The number in `<prefix><number>` or `<prefix><number>-<anything>`.
fn number_in(name: &str, prefix: &str) -> Option<u64> {
    let rest = name.strip_prefix(prefix)?;
    let end = rest.find('-').unwrap_or(rest.len());
    rest[..end].parse().ok()
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> LookError {
    let path = path.display().to_string();
    move |error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "; is it mounted? It is not created where it is missing",
            _ => "",
        };
        LookError::Failed(format!("{path}: {error}{hint}"))
    }
}

#[cfg(test)]
mod tests;
