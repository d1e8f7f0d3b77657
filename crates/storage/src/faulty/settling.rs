//! What reaches the medium of the changes that only the page cache has.

use std::collections::BTreeSet;

use super::random::Random;

/// What a medium writes as one: a crash tears writes at these borders only.
pub(super) const SECTOR: usize = 512;

/// A change that the page cache has and the medium has not.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Write {
        /// Where it was meant to end: the length follows from this.
        end: usize,
        /// Where its bytes land.
        lands_at: usize,
        /// What reaches the medium.
        bytes: Vec<u8>,
    },
    SetLen(usize),
}

/// Which of the unsynced changes a crash leaves on the medium.
#[derive(Debug, Clone, Copy)]
pub(super) enum Survival {
    All,
    /// All before the one of this index, none after it, and of this one some sectors.
    UpTo(usize),
    /// Each sector on its own, change by change, for as long as this chance holds: a late write of
    /// one sector may survive an early one of another, but a sector never skips one of its own,
    /// because the cache holds only its newest content.
    Scattered(f64),
}

impl Survival {
    pub(super) fn draw(changes: usize, random: &mut Random) -> Self {
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

/// The medium of a file while changes arrive on it.
pub(super) struct Settling<'a> {
    medium: &'a mut Vec<u8>,
    survival: Survival,
    /// Sectors that have lost a change: later ones are lost with it.
    lost_sectors: BTreeSet<usize>,
    len: usize,
    /// Whether a change of the length was lost: later ones are lost with it.
    len_is_final: bool,
    overwritten: Vec<(usize, Vec<u8>)>,
}

impl<'a> Settling<'a> {
    pub(super) const fn new(medium: &'a mut Vec<u8>, survival: Survival) -> Self {
        let len = medium.len();
        Self {
            medium,
            survival,
            lost_sectors: BTreeSet::new(),
            len,
            len_is_final: false,
            overwritten: Vec::new(),
        }
    }

    pub(super) fn apply(&mut self, index: usize, change: &Change, random: &mut Random) {
        match change {
            Change::SetLen(len) => {
                self.resize(index, *len, random);
                if self.len < self.medium.len() {
                    self.medium.truncate(self.len);
                }
            }
            Change::Write {
                end,
                lands_at,
                bytes,
            } => {
                self.resize(index, self.len.max(*end), random);
                self.write(index, *lands_at, bytes, random);
            }
        }
    }

    /// Ends it; what was overwritten, as offset and old bytes, in the order of the changes.
    pub(super) fn finish(self) -> Vec<(usize, Vec<u8>)> {
        // Sectors may lie beyond a length that was lost.
        self.medium.resize(self.len, 0);
        self.overwritten
    }

    fn resize(&mut self, index: usize, len: usize, random: &mut Random) {
        if self.len_is_final || len == self.len {
            return;
        }
        if self.survival.keeps(index, random) {
            self.len = len;
        } else {
            self.len_is_final = true;
        }
    }

    fn write(&mut self, index: usize, offset: usize, bytes: &[u8], random: &mut Random) {
        let mut old = vec![0; bytes.len()];
        copy_out(self.medium, &mut old, offset);
        self.overwritten.push((offset, old));
        for (at, part) in sectors(offset, bytes) {
            let sector = at / SECTOR;
            if !self.lost_sectors.contains(&sector) && self.survival.keeps(index, random) {
                put(self.medium, part, at);
            } else {
                self.lost_sectors.insert(sector);
            }
        }
    }
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

pub(super) fn copy_out(content: &[u8], buf: &mut [u8], offset: usize) -> usize {
    let content = content.get(offset..).unwrap_or_default();
    let read = content.len().min(buf.len());
    buf[..read].copy_from_slice(&content[..read]);
    read
}

pub(super) fn put(content: &mut Vec<u8>, bytes: &[u8], offset: usize) {
    let end = offset + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[offset..end].copy_from_slice(bytes);
}
