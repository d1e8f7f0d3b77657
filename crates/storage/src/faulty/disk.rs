//! The medium and its page cache, shared by all lives of the process on it.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use rustix::io::Errno;

use super::faults::{Counters, Fault, Plan};
use super::inode::{BLOCK, Inode, Landing, SECTOR};
use super::names::{InodeId, Names};
use super::random::Random;

/// Longest file; everything is in memory.
const FILE_BYTES: u64 = 1 << 28;

#[derive(Debug, Clone)]
pub(super) struct Disk {
    pub(super) names: Names,
    inodes: BTreeMap<InodeId, Inode>,
    next_inode: InodeId,
    /// Number of the present life; whatever belongs to an earlier one fails.
    pub(super) life: u64,
    powered: bool,
    capacity_blocks: Option<usize>,
    pub(super) plan: Plan,
    pub(super) counters: Counters,
    pub(super) random: Random,
}

impl Disk {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            names: Names::default(),
            inodes: BTreeMap::new(),
            next_inode: 1,
            life: 1,
            powered: true,
            capacity_blocks: None,
            plan: Plan::default(),
            counters: Counters::default(),
            random: Random::new(seed),
        }
    }

    /// Refuses what comes from an earlier life, or after the power was cut.
    pub(super) fn admit(&self, life: u64) -> io::Result<()> {
        if self.life != life {
            return Err(io::Error::other("the process that opened this has ended"));
        }
        if !self.powered {
            return Err(io::Error::other("the power is cut"));
        }
        Ok(())
    }

    /// Whether a fault happens now; counts it.
    pub(super) fn strikes(&mut self, fault: Fault, name: &str) -> bool {
        let struck = self.plan.strikes(fault, name, &mut self.random);
        if struck {
            self.counters.count(fault);
        }
        struck
    }

    pub(super) fn inode(&mut self, id: InodeId) -> io::Result<&mut Inode> {
        self.inodes.get_mut(&id).ok_or_else(|| Errno::STALE.into())
    }

    pub(super) fn find(&mut self, name: &str) -> io::Result<&mut Inode> {
        let id = self.names.get(name).ok_or(Errno::NOENT)?;
        self.inode(id)
    }

    pub(super) fn create(&mut self, name: &str) -> io::Result<InodeId> {
        if self.names.get(name).is_some() {
            return Err(Errno::EXIST.into());
        }
        let id = self.next_inode;
        self.next_inode += 1;
        self.inodes.insert(id, Inode::default());
        self.names.change(vec![(name.to_owned(), Some(id))]);
        Ok(id)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let id = self.names.get(from).ok_or(Errno::NOENT)?;
        if from != to {
            let change = vec![(from.to_owned(), None), (to.to_owned(), Some(id))];
            self.names.change(change);
            self.free_nameless();
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        self.names.get(name).ok_or(Errno::NOENT)?;
        self.names.change(vec![(name.to_owned(), None)]);
        self.free_nameless();
        Ok(())
    }

    pub(super) fn sync_directory(&mut self) -> io::Result<()> {
        self.counters.directory_syncs += 1;
        self.power_cut_before("")?;
        if self.strikes(Fault::DirectorySyncError, "") {
            self.names.sync_in_vain(&mut self.random);
            return Err(Errno::IO.into());
        }
        self.names.sync();
        self.free_nameless();
        Ok(())
    }

    pub(super) fn close(&mut self, id: InodeId) {
        if let Some(inode) = self.inodes.get_mut(&id) {
            inode.handles = inode.handles.saturating_sub(1);
        }
        self.free_nameless();
    }

    pub(super) fn read(
        &mut self,
        id: InodeId,
        name: &str,
        buf: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        self.counters.reads += 1;
        let offset = to_usize(offset)?;
        if self.strikes(Fault::ReadError, name) {
            return Err(Errno::IO.into());
        }
        let readable = self.inode(id)?.len().saturating_sub(offset).min(buf.len());
        if readable > 0 && self.strikes(Fault::BitRot, name) {
            let at = offset + self.random.below(readable);
            let bit = self.random.below(8) as u8;
            self.inode(id)?.flip(at, bit);
        }
        let read = self.inode(id)?.read(buf, offset);
        if self.plan.may_strike(Fault::StaleRead) {
            self.read_stale(id, name, &mut buf[..read], offset)?;
        }
        Ok(read)
    }

    /// Puts older bytes in the place of `fresh` ones, if a stale read strikes and they differ.
    fn read_stale(
        &mut self,
        id: InodeId,
        name: &str,
        fresh: &mut [u8],
        offset: usize,
    ) -> io::Result<()> {
        let mut stale = vec![0; fresh.len()];
        self.inode(id)?.read_stale(&mut stale, offset);
        if stale != fresh && self.strikes(Fault::StaleRead, name) {
            fresh.copy_from_slice(&stale);
        }
        Ok(())
    }

    pub(super) fn write(
        &mut self,
        id: InodeId,
        name: &str,
        bytes: &[u8],
        offset: u64,
    ) -> io::Result<()> {
        self.counters.writes += 1;
        self.counters.written_bytes += bytes.len() as u64;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = offset.saturating_add(bytes.len() as u64);
        let range = to_usize(offset)?..to_usize(end)?;
        if self.strikes(Fault::PowerCut, name) {
            self.write_part(id, bytes, range.start)?;
            return self.cut_power();
        }
        if self.strikes(Fault::WriteError, name) {
            self.write_part(id, bytes, range.start)?;
            return Err(Errno::IO.into());
        }
        if self.strikes(Fault::NoSpace, name) {
            self.write_part(id, bytes, range.start)?;
            return Err(Errno::NOSPC.into());
        }
        let free = self.free_blocks();
        let landing = self.landing(id, name, &range)?;
        let inode = self.inode(id)?;
        let fits = inode.writable(range.clone(), free);
        if fits < bytes.len() {
            inode.write(&bytes[..fits], range.start, Landing::Whole);
            return Err(Errno::NOSPC.into());
        }
        inode.write(bytes, range.start, landing);
        Ok(())
    }

    pub(super) fn sync(&mut self, id: InodeId, name: &str) -> io::Result<()> {
        self.counters.syncs += 1;
        self.inode(id)?;
        self.power_cut_before(name)?;
        let fails = self.strikes(Fault::SyncError, name);
        let Some(inode) = self.inodes.get_mut(&id) else {
            return Err(Errno::STALE.into());
        };
        if fails {
            inode.sync_in_vain(&mut self.random);
            return Err(Errno::IO.into());
        }
        inode.sync(&mut self.random);
        Ok(())
    }

    pub(super) fn set_len(&mut self, id: InodeId, len: u64) -> io::Result<()> {
        self.counters.resizes += 1;
        let len = to_usize(len)?;
        self.inode(id)?.set_len(len);
        Ok(())
    }

    pub(super) fn allocate(&mut self, id: InodeId, name: &str, len: u64) -> io::Result<()> {
        self.counters.resizes += 1;
        let len = to_usize(len)?;
        if len == 0 {
            return Ok(());
        }
        let free = self.free_blocks();
        if self.strikes(Fault::NoSpace, name) || self.inode(id)?.missing_blocks(0..len) > free {
            return Err(Errno::NOSPC.into());
        }
        self.inode(id)?.allocate(len);
        Ok(())
    }

    pub(super) fn set_capacity(&mut self, bytes: Option<u64>) {
        self.capacity_blocks =
            bytes.map(|bytes| usize::try_from(bytes / BLOCK as u64).unwrap_or(usize::MAX));
    }

    pub(super) fn free_bytes(&self) -> u64 {
        (self.free_blocks() as u64).saturating_mul(BLOCK as u64)
    }

    /// The process ends; page cache and medium are as they are.
    pub(super) fn kill(&mut self) {
        self.counters.kills += 1;
        self.life += 1;
        self.inodes.values_mut().for_each(|inode| inode.handles = 0);
        self.free_nameless();
    }

    /// The machine ends, and starts again.
    pub(super) fn crash(&mut self) {
        self.counters.crashes += 1;
        self.life += 1;
        self.powered = true;
        self.names.crash(&mut self.random);
        for inode in self.inodes.values_mut() {
            inode.crash(&mut self.random);
        }
        self.free_nameless();
    }

    pub(super) fn drop_caches(&mut self) {
        self.inodes.values_mut().for_each(Inode::forget_cache);
    }

    /// Flips a random bit of a random file that is not empty: its name, offset and bit.
    pub(super) fn rot(&mut self) -> Option<(String, u64, u8)> {
        let files: Vec<_> = self
            .names
            .iter()
            .filter_map(|(name, id)| Some((name.to_owned(), id, self.inodes.get(&id)?.len())))
            .filter(|(_, _, len)| *len > 0)
            .collect();
        let (name, id, len) = files.get(self.random.below(files.len()))?;
        let (offset, bit) = (self.random.below(*len), self.random.below(8) as u8);
        self.inodes.get_mut(id)?.flip(offset, bit);
        Some((name.clone(), offset as u64, bit))
    }

    fn power_cut_before(&mut self, name: &str) -> io::Result<()> {
        if self.strikes(Fault::PowerCut, name) {
            return self.cut_power();
        }
        Ok(())
    }

    fn cut_power(&mut self) -> io::Result<()> {
        self.powered = false;
        Err(io::Error::other("the power is cut"))
    }

    /// A write that fails on its way: some of its bytes are written.
    fn write_part(&mut self, id: InodeId, bytes: &[u8], offset: usize) -> io::Result<()> {
        let free = self.free_blocks();
        let part = self.random.below(bytes.len() + 1);
        let inode = self.inode(id)?;
        let part = part.min(inode.writable(offset..offset + bytes.len(), free));
        inode.write(&bytes[..part], offset, Landing::Whole);
        Ok(())
    }

    /// Where a write that succeeds ends up.
    fn landing(&mut self, id: InodeId, name: &str, range: &Range<usize>) -> io::Result<Landing> {
        if self.strikes(Fault::TornWrite, name) {
            let sectors = range.end.div_ceil(SECTOR) - range.start / SECTOR;
            let kept_to = (range.start / SECTOR + self.random.below(sectors)) * SECTOR;
            return Ok(Landing::Torn(kept_to.saturating_sub(range.start)));
        }
        if self.strikes(Fault::MisdirectedWrite, name) {
            let sectors = self.inode(id)?.len().max(range.end).div_ceil(SECTOR) + 1;
            let meant = range.start / SECTOR;
            // Any sector of the file or the one behind it, but the one that was meant.
            let other = (meant + 1 + self.random.below(sectors - 1)) % sectors;
            return Ok(Landing::At(other * SECTOR + range.start % SECTOR));
        }
        Ok(Landing::Whole)
    }

    fn free_blocks(&self) -> usize {
        let Some(capacity) = self.capacity_blocks else {
            // As much as any test could want, and no overflow for who adds to it.
            return u32::MAX as usize;
        };
        let used: usize = self.inodes.values().map(Inode::occupied_blocks).sum();
        capacity.saturating_sub(used)
    }

    /// Forgets the files that nothing can reach any more, also not after a crash.
    fn free_nameless(&mut self) {
        let named = self.names.named();
        self.inodes
            .retain(|id, inode| inode.handles > 0 || named.contains(id));
    }
}

fn to_usize(offset: u64) -> io::Result<usize> {
    if offset > FILE_BYTES {
        return Err(Errno::FBIG.into());
    }
    usize::try_from(offset).map_err(|_| Errno::FBIG.into())
}
