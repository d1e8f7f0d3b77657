//! One file: what the page cache shows, what the medium holds, and the changes in between.

use std::collections::BTreeSet;
use std::ops::Range;

use super::random::Random;

/// What a medium writes as one: a crash tears writes at these borders only.
pub(super) const SECTOR: usize = 512;

/// What is allocated as one.
pub(super) const BLOCK: usize = 4_096;

/// A change that the page cache has and the medium has not.
#[derive(Debug, Clone)]
enum Change {
    Write {
        /// Where it was meant to go: the length follows from this.
        end: usize,
        /// Where its bytes land.
        lands_at: usize,
        /// What reaches the medium.
        bytes: Vec<u8>,
    },
    SetLen(usize),
}

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

/// Which of the unsynced changes a crash leaves on the medium.
#[derive(Debug, Clone, Copy)]
enum Survival {
    All,
    /// All before the one of this index, none after it, and of this one some sectors.
    UpTo(usize),
    /// Each sector on its own, change by change, for as long as this chance holds: a late write of
    /// one sector may survive an early one of another, but a sector never skips one of its own,
    /// because the cache holds only its newest content.
    Scattered(f64),
}

impl Survival {
    fn draw(changes: usize, random: &mut Random) -> Self {
        match random.below(4) {
            0 => Self::All,
            1 => Self::UpTo(random.below(changes + 1)),
            2 => Self::Scattered(0.5),
            _ => Self::Scattered(random.below(100) as f64 / 100.0),
        }
    }

    fn keeps(self, index: usize, random: &mut Random) -> bool {
        match self {
            Self::All => true,
            Self::UpTo(torn) => index < torn || (index == torn && random.chance(0.5)),
            Self::Scattered(chance) => random.chance(chance),
        }
    }
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
        let mut lost_sectors = BTreeSet::new();
        let mut len = Some(self.medium.len());
        let mut final_len = self.medium.len();
        self.before_sync.clear();
        for (index, change) in std::mem::take(&mut self.unsynced).into_iter().enumerate() {
            let lands = |random: &mut Random| survival.keeps(index, random);
            let wanted_len = match &change {
                Change::SetLen(wanted) => *wanted,
                Change::Write { end, .. } => (*end).max(len.unwrap_or(0)),
            };
            // Lengths survive in order: none after the first that is lost.
            len = len
                .filter(|now| *now == wanted_len || lands(random))
                .map(|_| wanted_len);
            final_len = len.unwrap_or(final_len);
            match change {
                Change::SetLen(wanted) if len.is_some() => self.medium.truncate(wanted),
                Change::SetLen(_) => {}
                Change::Write {
                    lands_at, bytes, ..
                } => {
                    self.note_overwritten(lands_at, bytes.len());
                    for (at, part) in sectors(lands_at, &bytes) {
                        let sector = at / SECTOR;
                        if !lost_sectors.contains(&sector) && lands(random) {
                            put(&mut self.medium, part, at);
                        } else {
                            lost_sectors.insert(sector);
                        }
                    }
                }
            }
        }
        self.medium.resize(final_len, 0);
    }

    fn note_overwritten(&mut self, offset: usize, len: usize) {
        let mut old = vec![0; len];
        copy_out(&self.medium, &mut old, offset);
        self.before_sync.push((offset, old));
    }
}

fn block_range(bytes: Range<usize>) -> Range<usize> {
    bytes.start / BLOCK..bytes.end.div_ceil(BLOCK)
}

/// The parts of `bytes`, placed at `offset`, that lie in one sector each.
fn sectors(offset: usize, bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = offset;
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let room = SECTOR - at % SECTOR;
        let (part, behind) = rest.split_at(room.min(rest.len()));
        let from = at;
        at += part.len();
        rest = behind;
        (!part.is_empty()).then_some((from, part))
    })
}

fn copy_out(content: &[u8], buf: &mut [u8], offset: usize) -> usize {
    let content = content.get(offset..).unwrap_or_default();
    let read = content.len().min(buf.len());
    buf[..read].copy_from_slice(&content[..read]);
    read
}

fn put(content: &mut Vec<u8>, bytes: &[u8], offset: usize) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}
