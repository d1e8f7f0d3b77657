//! The medium and its page cache, shared by all lives of the process on it.

use std::collections::BTreeMap;
use std::io;

use rustix::io::Errno;

use super::faults::{Counters, Fault, Plan};
use super::inode::{BLOCK, Inode};
use super::names::{InodeId, Names};
use super::random::Random;

#[derive(Debug, Clone)]
pub(super) struct Disk {
    pub(super) names: Names,
    pub(super) inodes: BTreeMap<InodeId, Inode>,
    next_inode: InodeId,
    /// Number of the present life; whatever belongs to an earlier one fails.
    pub(super) life: u64,
    pub(super) powered: bool,
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

    pub(super) fn free_blocks(&self) -> usize {
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
