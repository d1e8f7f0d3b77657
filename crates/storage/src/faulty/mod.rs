//! A disk in memory that does to the journal what disks do.
//!
//! Between the process and the medium stands a page cache, as on Linux: a write is in the cache at
//! once and on the medium after a sync. What was not synced when the machine
//! [crashes](FaultyStorage::crash) survives or not, sector by sector, so writes are torn and
//! reordered; of the changes of names, a first part survives. Everything that is left to chance
//! comes from one seed: the same calls in the same order give the same faults. A file is at most
//! 256 MiB long, for it is held in memory.

mod access;
mod disk;
mod faults;
mod file;
mod inode;
mod names;
mod random;
mod settling;

use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use self::disk::Disk;
use self::file::FaultyFile;
use crate::names::check;
use crate::{File, FileInfo, Mode, Storage};

pub use faults::{Counters, Fault};

/// A bit that was flipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flipped {
    /// The file.
    pub name: String,
    /// The byte.
    pub offset: u64,
    /// The bit in it, 0 for the lowest.
    pub bit: u8,
}

/// A directory on a disk that loses and damages what it may, and a handle to make it do so.
///
/// Clones share the disk and the life of the process on it. [`crash`](Self::crash) and
/// [`kill`](Self::kill) end that life and return the handle of the next one; whatever was opened
/// before then fails, so a thread that is left over can do no harm.
#[derive(Clone)]
pub struct FaultyStorage {
    disk: Arc<Mutex<Disk>>,
    life: u64,
}

impl FaultyStorage {
    /// An empty disk without faults and without a limit of space.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::on(Disk::new(seed))
    }

    fn on(disk: Disk) -> Self {
        let life = disk.life;
        let disk = Arc::new(Mutex::new(disk));
        Self { disk, life }
    }

    fn next_life(&self, end: impl FnOnce(&mut Disk)) -> Self {
        let mut disk = self.disk.lock();
        end(&mut disk);
        Self {
            disk: Arc::clone(&self.disk),
            life: disk.life,
        }
    }

    /// Ends the machine, by a power cut say: a random part of what was not synced is lost. Planned
    /// faults stay planned.
    #[must_use = "the handle that was used before is dead"]
    pub fn crash(&self) -> Self {
        self.next_life(Disk::crash)
    }

    /// Ends the process alone, as `kill -9` does: what it wrote stays in the page cache.
    #[must_use = "the handle that was used before is dead"]
    pub fn kill(&self) -> Self {
        self.next_life(Disk::kill)
    }

    /// A copy of the disk as it is now, with a life of its own: to try several things from one
    /// state.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let mut disk = self.disk.lock().clone();
        disk.kill();
        Self::on(disk)
    }

    /// Lets a fault happen with this probability, from 0 to 1, at each operation it can happen to.
    pub fn set_chance(&self, fault: Fault, probability: f64) {
        self.disk.lock().plan.set_chance(fault, probability);
    }

    /// Lets a fault happen once, at the next operation it can happen to.
    pub fn inject(&self, fault: Fault) {
        self.inject_after(fault, 0);
    }

    /// Lets a fault happen once, after `skip` operations that it could have happened to.
    pub fn inject_after(&self, fault: Fault, skip: u64) {
        self.disk.lock().plan.once(fault, None, skip);
    }

    /// Lets a fault happen once, at the next operation on a file that was opened by this name.
    pub fn inject_on(&self, name: &str, fault: Fault) {
        self.disk.lock().plan.once(fault, Some(name), 0);
    }

    /// Forgets all planned faults. The capacity stays.
    pub fn calm(&self) {
        self.disk.lock().plan = faults::Plan::default();
    }

    /// Sets how many bytes the disk has, in whole blocks of 4,096; none: no limit. What is there
    /// stays there.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.disk.lock().set_capacity(bytes);
    }

    /// Flips a bit (0 to 7, 0 the lowest) on the medium and in the cache.
    ///
    /// # Errors
    /// If there is no such file, or it is shorter.
    pub fn flip_bit(&self, name: &str, offset: u64, bit: u8) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        if self.disk.lock().find(name)?.flip(at, bit) {
            return Ok(());
        }
        let why = format!("{name} ends before byte {offset}");
        Err(io::Error::new(io::ErrorKind::UnexpectedEof, why))
    }

    /// Flips a random bit of a random file; none if there are only empty ones.
    pub fn rot(&self) -> Option<Flipped> {
        let (name, offset, bit) = self.disk.lock().rot()?;
        Some(Flipped { name, offset, bit })
    }

    /// Forgets the page cache of files that have no unsynced changes: reads come from the medium,
    /// where torn and misdirected writes show.
    pub fn drop_caches(&self) {
        self.disk.lock().drop_caches();
    }

    /// What was done to the disk so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.disk.lock().counters
    }

    fn admitted(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.lock();
        disk.admit(self.life)?;
        Ok(disk)
    }
}

impl fmt::Debug for FaultyStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStorage")
            .field("life", &self.life)
            .finish_non_exhaustive()
    }
}

impl Storage for FaultyStorage {
    fn list(&self) -> io::Result<Vec<FileInfo>> {
        let mut disk = self.admitted()?;
        let named: Vec<_> = disk
            .names
            .iter()
            .map(|(name, id)| (name.to_owned(), id))
            .collect();
        named
            .into_iter()
            .map(|(name, id)| {
                let len = disk.inode(id)?.len() as u64;
                Ok(FileInfo { name, len })
            })
            .collect()
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn File>> {
        let name = check(name)?;
        let mut disk = self.admitted()?;
        disk.counters.name_changes += 1;
        let id = disk.create(name)?;
        let file = FaultyFile::open(&self.disk, &mut disk, id, name, Mode::Write)?;
        Ok(Box::new(file))
    }

    fn open(&self, name: &str, mode: Mode) -> io::Result<Box<dyn File>> {
        let name = check(name)?;
        let mut disk = self.admitted()?;
        let id = disk.names.get(name).ok_or(io::ErrorKind::NotFound)?;
        let file = FaultyFile::open(&self.disk, &mut disk, id, name, mode)?;
        Ok(Box::new(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let (from, to) = (check(from)?, check(to)?);
        let mut disk = self.admitted()?;
        disk.counters.name_changes += 1;
        disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let name = check(name)?;
        let mut disk = self.admitted()?;
        disk.counters.name_changes += 1;
        disk.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.admitted()?.sync_directory()
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.admitted()?.free_bytes())
    }

    fn describe(&self, name: &str) -> String {
        format!("memory:{name}")
    }
}
