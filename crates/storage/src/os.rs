//! The real thing: a directory of the file system.

use std::fs::{self, File as OsFile, TryLockError};
use std::io::{self, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, FallocateFlags};
use rustix::io::Errno;

use crate::names::{self, LOCK_FILE};
use crate::{File, FileInfo, Mode, Storage};

/// How many zeros are written at once where the file system cannot reserve blocks.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error(
        "{} is in use by {}: two processes on one journal would destroy it; \
         stop the other one, or give this one its own directory",
        directory.display(),
        holder.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
    )]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// The process that holds it, if the lock file says so.
        holder: Option<u32>,
    },
    /// It cannot be created, opened or made durable.
    #[error("the directory {} cannot be {verb}: {source}", directory.display())]
    Directory {
        /// The directory that fails: the one asked for, or one above it.
        directory: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

/// Files in a directory of the file system.
#[derive(Debug)]
pub struct OsStorage {
    directory: PathBuf,
    /// The directory itself, to fsync it and to ask for free space.
    handle: OsFile,
    /// Held for as long as this lives; the system lets go of it when the process ends, however.
    _lock: Option<OsFile>,
}

impl OsStorage {
    /// Opens a directory without a lock: for tools that only read, beside a running node too.
    /// Creates it, with its parents, if it is missing.
    ///
    /// # Errors
    /// If it cannot be created or opened.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let directory = directory.into();
        create_durably(&directory)?;
        let handle = OsFile::open(&directory).map_err(failed(&directory, "opened"))?;
        Ok(Self {
            directory,
            handle,
            _lock: None,
        })
    }

    /// Opens a directory that is there, without a lock, and flushes nothing: who looks at a journal
    /// that somebody writes must not make its commits wait.
    ///
    /// # Errors
    /// If there is none, or it cannot be opened.
    pub fn open_existing(directory: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let directory = directory.into();
        let handle = OsFile::open(&directory).map_err(failed(&directory, "opened"))?;
        Ok(Self {
            directory,
            handle,
            _lock: None,
        })
    }

    /// Opens a directory for this process alone, by an exclusive `flock` on its file `lock`.
    /// Creates it, with its parents, if it is missing.
    ///
    /// # Errors
    /// [`OpenError::Locked`] if another process, or another value in this one, has the lock; else
    /// as [`open`](Self::open).
    pub fn open_exclusive(directory: impl Into<PathBuf>) -> Result<Self, OpenError> {
        let storage = Self::open(directory)?;
        let lock = lock(&storage.directory)?;
        Ok(Self {
            _lock: Some(lock),
            ..storage
        })
    }

    /// The directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn path(&self, name: &str) -> io::Result<PathBuf> {
        Ok(self.directory.join(names::check(name)?))
    }
}

impl Storage for OsStorage {
    /// Names that are not UTF-8 are not ours and not listed.
    fn list(&self) -> io::Result<Vec<FileInfo>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Removed since the directory was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if metadata.is_file() && name != LOCK_FILE {
                let len = metadata.len();
                files.push(FileInfo { name, len });
            }
        }
        files.sort_unstable();
        Ok(files)
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let path = self.path(name)?;
        let file = OsFile::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)?;
        Ok(Box::new(Opened(file)))
    }

    fn open(&self, name: &str, mode: Mode) -> io::Result<Box<dyn File>> {
        let path = self.path(name)?;
        let file = OsFile::options()
            .read(true)
            .write(mode == Mode::Write)
            .open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{name:?} is not a file"),
            ));
        }
        Ok(Box::new(Opened(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from)?, self.path(to)?)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name)?)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::fstatvfs(&self.handle)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn describe(&self, name: &str) -> String {
        self.directory.join(name).display().to_string()
    }
}

#[derive(Debug)]
struct Opened(OsFile);

impl File for Opened {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buf.len() {
            match self.0.read_at(&mut buf[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    /// Advice that the pages are not needed makes the kernel write the dirty ones out first.
    fn begin_writing(&self, offset: u64, len: u64) {
        // It is only advice: a medium that does not take it writes at the next sync.
        let _ = rustix::fs::fadvise(&self.0, offset, NonZeroU64::new(len), Advice::DontNeed);
    }

    /// Where the file system cannot reserve blocks, zeros are written behind the present end; holes
    /// before it stay holes then.
    fn allocate(&self, len: u64) -> io::Result<()> {
        if len == 0 {
            return Ok(());
        }
        let reserve = || rustix::fs::fallocate(&self.0, FallocateFlags::empty(), 0, len);
        match rustix::io::retry_on_intr(reserve) {
            Err(Errno::OPNOTSUPP) => self.fill(len),
            outcome => Ok(outcome?),
        }
    }
}

impl Opened {
    /// Writes zeros from the end of the file to `len`.
    fn fill(&self, len: u64) -> io::Result<()> {
        let mut end = self.len()?;
        while end < len {
            let part = ZEROS
                .len()
                .min(usize::try_from(len - end).unwrap_or(usize::MAX));
            self.0.write_all_at(&ZEROS[..part], end)?;
            end += part as u64;
        }
        Ok(())
    }
}

/// Creates the directory and those above it, and makes their names durable.
fn create_durably(directory: &Path) -> Result<(), OpenError> {
    let Some(parent) = parent_of(directory) else {
        return Ok(());
    };
    if !parent.is_dir() {
        create_durably(parent)?;
    }
    let created = match fs::create_dir(directory) {
        Ok(()) => true,
        Err(_) if directory.is_dir() => false,
        Err(error) => return Err(failed(directory, "created")(error)),
    };
    // Also when it was there: who created it may have died before this.
    match OsFile::open(parent).and_then(|parent| parent.sync_all()) {
        // A directory that the system made for us may stand in one that we may not open.
        Err(error) if !created && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        outcome => outcome.map_err(failed(parent, "made durable")),
    }
}

/// The directory above, `.` for a bare name, none for the root and for `.` itself.
fn parent_of(directory: &Path) -> Option<&Path> {
    if directory.as_os_str().is_empty() || directory == Path::new(".") {
        return None;
    }
    let parent = directory.parent()?;
    Some(if parent.as_os_str().is_empty() {
        Path::new(".")
    } else {
        parent
    })
}

fn lock(directory: &Path) -> Result<OsFile, OpenError> {
    let path = directory.join(LOCK_FILE);
    let mut file = OsFile::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed(directory, "locked"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(OpenError::Locked {
                directory: directory.to_owned(),
                holder: fs::read_to_string(&path)
                    .ok()
                    .and_then(|pid| pid.trim().parse().ok()),
            });
        }
        Err(TryLockError::Error(error)) => return Err(failed(directory, "locked")(error)),
    }
    // The number is only a hint for whom it locks out: a full disk must not stop a start for it.
    let _ = file
        .set_len(0)
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

fn failed(directory: &Path, verb: &'static str) -> impl FnOnce(io::Error) -> OpenError {
    move |source| OpenError::Directory {
        directory: directory.to_owned(),
        verb,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_created_with_its_parents() {
        let root = tempfile::tempdir().unwrap();
        let deep = root.path().join("a/b/c");
        let storage = OsStorage::open(&deep).unwrap();
        assert!(deep.is_dir());
        assert_eq!(storage.directory(), deep);
        assert_eq!(storage.list().unwrap(), []);
        assert!(OsStorage::open(&deep).is_ok(), "it may be there already");
        assert!(storage.describe("x.seg").ends_with("a/b/c/x.seg"));
        assert!(storage.free_bytes().unwrap() > 0);
    }

    #[test]
    fn a_file_in_the_way_is_said() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("journal");
        fs::write(&path, "").unwrap();
        let error = OsStorage::open(&path).unwrap_err().to_string();
        assert!(error.contains("journal cannot be created"), "{error}");
    }

    #[test]
    fn a_second_process_is_locked_out_and_told_by_whom() {
        let root = tempfile::tempdir().unwrap();
        let first = OsStorage::open_exclusive(root.path()).unwrap();
        let error = OsStorage::open_exclusive(root.path()).unwrap_err();
        let holder = match &error {
            OpenError::Locked { holder, .. } => *holder,
            OpenError::Directory { .. } => None,
        };
        assert_eq!(holder, Some(std::process::id()));
        assert!(
            error.to_string().contains("is in use by process"),
            "{error}"
        );
        assert!(OsStorage::open(root.path()).is_ok(), "readers need no lock");
        assert_eq!(first.list().unwrap(), [], "the lock is not listed");
        drop(first);
        assert!(OsStorage::open_exclusive(root.path()).is_ok());
    }

    #[test]
    fn filling_stands_in_for_reserving() {
        let root = tempfile::tempdir().unwrap();
        let storage = OsStorage::open(root.path()).unwrap();
        storage.create("f").unwrap().write_at(b"x", 0).unwrap();
        let path = root.path().join("f");
        let file = Opened(OsFile::options().read(true).write(true).open(path).unwrap());
        let len = ZEROS.len() as u64 + 7;
        file.fill(len).unwrap();
        let mut content = vec![9; ZEROS.len() + 8];
        assert_eq!(file.read_at(&mut content, 0).unwrap() as u64, len);
        assert_eq!(content[0], b'x');
        assert!(content[1..content.len() - 1].iter().all(|byte| *byte == 0));
    }

    #[test]
    fn directories_are_no_files() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("sub")).unwrap();
        let storage = OsStorage::open(root.path()).unwrap();
        assert_eq!(storage.list().unwrap(), []);
        let error = storage.open("sub", Mode::Read).err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_directory_that_is_looked_at_is_not_made() {
        let root = tempfile::tempdir().unwrap();
        let missing = root.path().join("missing");
        assert!(OsStorage::open_existing(&missing).is_err());
        assert!(!missing.exists());
        fs::write(root.path().join("file"), b"x").unwrap();
        let storage = OsStorage::open_existing(root.path()).unwrap();
        assert_eq!(storage.list().unwrap().len(), 1);
    }

    #[test]
    fn parents_are_found() {
        for (path, parent) in [
            ("a", Some(".")),
            ("a/b", Some("a")),
            ("/", None),
            ("/a", Some("/")),
            (".", None),
        ] {
            assert_eq!(parent_of(Path::new(path)), parent.map(Path::new), "{path}");
        }
    }
}
