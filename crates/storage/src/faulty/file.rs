//! An open file of a faulty storage.

use std::io;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;

use super::disk::Disk;
use super::names::InodeId;
use crate::{File, Mode};

pub(super) struct FaultyFile {
    disk: Arc<Mutex<Disk>>,
    life: u64,
    id: InodeId,
    /// The name it was opened by, which faults go by.
    name: String,
    mode: Mode,
}

impl FaultyFile {
    /// Opens the file `id` of the present life.
    pub(super) fn open(
        shared: &Arc<Mutex<Disk>>,
        disk: &mut Disk,
        id: InodeId,
        name: &str,
        mode: Mode,
    ) -> io::Result<Self> {
        disk.inode(id)?.handles += 1;
        Ok(Self {
            disk: Arc::clone(shared),
            life: disk.life,
            id,
            name: name.to_owned(),
            mode,
        })
    }

    fn disk(&self) -> io::Result<MutexGuard<'_, Disk>> {
        let disk = self.disk.lock();
        disk.admit(self.life)?;
        Ok(disk)
    }

    fn writable(&self) -> io::Result<MutexGuard<'_, Disk>> {
        match self.mode {
            Mode::Read => Err(Errno::BADF.into()),
            Mode::Write => self.disk(),
        }
    }
}

impl File for FaultyFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        self.disk()?.read(self.id, &self.name, buf, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.writable()?.write(self.id, &self.name, bytes, offset)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk()?.sync(self.id, &self.name)
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk()?.inode(self.id)?.len() as u64)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.writable()?.set_len(self.id, len)
    }

    /// What is written may reach the disk at any time anyway.
    fn begin_writing(&self, _offset: u64, _len: u64) {}

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.writable()?.allocate(self.id, &self.name, len)
    }
}

impl Drop for FaultyFile {
    fn drop(&mut self) {
        let mut disk = self.disk.lock();
        if disk.life == self.life {
            disk.close(self.id);
        }
    }
}
