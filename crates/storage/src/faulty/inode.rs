//! One file: what the page cache shows, what the medium holds, and the changes in between.

use std::collections::BTreeSet;
use std::ops::Range;

use super::random::Random;
use super::settling::{Change, Settling, Survival, copy_out, put};

/// What is allocated as one.
pub(super) const BLOCK: usize = 4_096;

/// Where a write ends up on the medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Landing {
    /// Where it should.
    Whole,
    /// Only the first so many bytes.
    Torn(usize),
    /// At another offset.
    At(usize),
}

#[derive(Debug, Clone, Default)]
pub(super) struct Inode {
    cache: Vec<u8>,
    medium: Vec<u8>,
    unsynced: Vec<Change>,
    /// What the last sync overwrote: offset and old bytes, in its order.
    before_sync: Vec<(usize, Vec<u8>)>,
    /// The blocks that it occupies.
    blocks: BTreeSet<usize>,
    /// How many open handles the present life has on it.
    pub(super) handles: usize,
}

impl Inode {
    pub(super) const fn len(&self) -> usize {
        self.cache.len()
    }

    pub(super) fn occupied_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// How many of the blocks of this range are still to be allocated.
    pub(super) fn missing_blocks(&self, range: Range<usize>) -> usize {
        let blocks = block_range(range);
        blocks.len() - self.blocks.range(blocks).count()
    }

    /// How many bytes from `offset` on can be written when so many blocks may be allocated.
    pub(super) fn writable(&self, range: Range<usize>, mut free_blocks: usize) -> usize {
        for block in block_range(range.clone()) {
            if !self.blocks.contains(&block) {
                if free_blocks == 0 {
                    return (block * BLOCK).saturating_sub(range.start);
                }
                free_blocks -= 1;
            }
        }
        range.len()
    }

    pub(super) fn read(&self, buf: &mut [u8], offset: usize) -> usize {
        copy_out(&self.cache, buf, offset)
    }

    /// Reads what was there before the last sync; as long as the file is now.
    pub(super) fn read_stale(&self, buf: &mut [u8], offset: usize) -> usize {
        let read = self.cache.len().saturating_sub(offset).min(buf.len());
        let buf = &mut buf[..read];
        buf.fill(0);
        copy_out(&self.medium, buf, offset);
        for (at, old) in self.before_sync.iter().rev() {
            let from = offset.max(*at);
            let to = (offset + read).min(at + old.len());
            if from < to {
                buf[from - offset..to - offset].copy_from_slice(&old[from - at..to - at]);
            }
        }
        read
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: usize, landing: Landing) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        put(&mut self.cache, bytes, offset);
        self.blocks.extend(block_range(offset..end));
        let (lands_at, kept) = match landing {
            Landing::Whole => (offset, bytes.len()),
            Landing::Torn(kept) => (offset, kept),
            Landing::At(other) => (other, bytes.len()),
        };
        let bytes = bytes[..kept].to_vec();
        self.unsynced.push(Change::Write {
            end,
            lands_at,
            bytes,
        });
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.cache.resize(len, 0);
        self.blocks.split_off(&len.div_ceil(BLOCK));
        self.unsynced.push(Change::SetLen(len));
    }

    pub(super) fn allocate(&mut self, len: usize) {
        self.blocks.extend(block_range(0..len));
        if len > self.len() {
            self.set_len(len);
        }
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self, random: &mut Random) {
        self.settle(Survival::All, random);
    }

    /// A failed sync: some changes are durable, the others look as if they were.
    pub(super) fn sync_in_vain(&mut self, random: &mut Random) {
        let survival = Survival::draw(self.unsynced.len(), random);
        self.settle(survival, random);
    }

    /// The machine crashed: only the medium is left, with some of the unsynced changes.
    pub(super) fn crash(&mut self, random: &mut Random) {
        let survival = Survival::draw(self.unsynced.len(), random);
        self.settle(survival, random);
        self.handles = 0;
        self.forget_cache();
    }

    /// Shows what the medium holds, unless changes are still to be written.
    pub(super) fn forget_cache(&mut self) {
        if self.unsynced.is_empty() {
            self.cache.clone_from(&self.medium);
            self.blocks.split_off(&self.cache.len().div_ceil(BLOCK));
        }
    }

    /// Flips a bit in cache and medium; false if it lies beyond the end of both.
    pub(super) fn flip(&mut self, offset: usize, bit: u8) -> bool {
        let mut flipped = false;
        for content in [&mut self.cache, &mut self.medium] {
            if let Some(byte) = content.get_mut(offset) {
                *byte ^= 1 << (bit & 7);
                flipped = true;
            }
        }
        flipped
    }

    /// Brings the unsynced changes that survive to the medium, and forgets the others.
    fn settle(&mut self, survival: Survival, random: &mut Random) {
        if self.unsynced.is_empty() {
            return;
        }
        let mut settling = Settling::new(&mut self.medium, survival);
        for (index, change) in self.unsynced.drain(..).enumerate() {
            settling.apply(index, &change, random);
        }
        self.before_sync = settling.finish();
    }
}

fn block_range(bytes: Range<usize>) -> Range<usize> {
    bytes.start / BLOCK..bytes.end.div_ceil(BLOCK)
}
