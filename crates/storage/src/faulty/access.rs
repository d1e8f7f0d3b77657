//! Reads, writes and syncs of a file, and what goes wrong with them.

use std::io;
use std::ops::Range;

use rustix::io::Errno;

use super::disk::Disk;
use super::faults::Fault;
use super::inode::Landing;
use super::names::InodeId;
use super::settling::SECTOR;

/// Longest file; everything is in memory.
const FILE_BYTES: u64 = 1 << 28;

impl Disk {
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

    pub(super) fn power_cut_before(&mut self, name: &str) -> io::Result<()> {
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
}

fn to_usize(offset: u64) -> io::Result<usize> {
    if offset > FILE_BYTES {
        return Err(Errno::FBIG.into());
    }
    usize::try_from(offset).map_err(|_| Errno::FBIG.into())
}
