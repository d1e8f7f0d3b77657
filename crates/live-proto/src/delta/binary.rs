//! Binary deltas: insert these bytes, copy those of the base.
//!
//! The encoder takes what both have in common at the beginning and at the end, which is all there is
//! for most telemetry, and looks the rest up in an index of the base's blocks. Its time is linear in
//! both lengths, whatever they are.

use super::PatchError;

/// Bytes of a block: what both must have in common to be found.
const BLOCK: usize = 16;
/// A copy costs up to nine bytes: common ends shorter than this are inserted.
const WORTH: usize = 8;

/// Operations that make `new` out of `base`.
pub(super) fn diff(base: &[u8], new: &[u8]) -> Vec<u8> {
    let prefix = worth(common_prefix(base, new));
    let suffix = worth(common_suffix(&base[prefix..], &new[prefix..]));
    let middle = &new[prefix..new.len() - suffix];
    let mut operations = Operations::default();
    operations.copy(0, prefix);
    if middle.len() < BLOCK || base.len() < BLOCK {
        operations.insert(middle);
    } else {
        search(base, middle, &mut operations);
    }
    operations.copy(base.len() - suffix, suffix);
    operations.end()
}

const fn worth(common: usize) -> usize {
    if common < WORTH { 0 } else { common }
}

/// Finds what `new` has of `base`, block by block.
fn search(base: &[u8], new: &[u8], operations: &mut Operations) {
    let index = Index::of(base);
    // Up to `done` everything is said; up to `at` nothing was found.
    let (mut done, mut at) = (0, 0);
    while let Some(block) = new[at..].first_chunk() {
        let Some(found) = index.find(block) else {
            at += 1;
            continue;
        };
        let before = common_suffix(&base[..found], &new[done..at]);
        let after = common_prefix(&base[found..], &new[at..]);
        operations.insert(&new[done..at - before]);
        operations.copy(found - before, before + after);
        at += after;
        done = at;
    }
    operations.insert(&new[done..]);
}

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let chunks = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK));
    let equal = chunks.take_while(|(a, b)| a == b).count() * BLOCK;
    let rest = a[equal..].iter().zip(&b[equal..]);
    equal + rest.take_while(|(a, b)| a == b).count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let chunks = a.rchunks_exact(BLOCK).zip(b.rchunks_exact(BLOCK));
    let equal = chunks.take_while(|(a, b)| a == b).count() * BLOCK;
    let (a, b) = (&a[..a.len() - equal], &b[..b.len() - equal]);
    let rest = a.iter().rev().zip(b.iter().rev());
    equal + rest.take_while(|(a, b)| a == b).count()
}

/// Where in the base a block stands. Of blocks that share a slot the first is kept: what is missed
/// costs bytes, not correctness, and no input can make it slow.
struct Index<'a> {
    base: &'a [u8],
    /// The number of a block, from 1; 0 for none.
    slots: Vec<u32>,
    shift: u32,
}

impl<'a> Index<'a> {
    fn of(base: &'a [u8]) -> Self {
        let blocks = base.chunks_exact(BLOCK);
        let bits = (blocks.len() * 2)
            .next_power_of_two()
            .trailing_zeros()
            .max(1);
        let mut index = Self {
            base,
            slots: vec![0; 1 << bits],
            shift: u64::BITS - bits,
        };
        for (block, number) in blocks.filter_map(<[u8]>::first_chunk).zip(1..) {
            let slot = index.slot(block);
            if index.slots[slot] == 0 {
                index.slots[slot] = number;
            }
        }
        index
    }

    /// The offset of `block` in the base.
    fn find(&self, block: &[u8; BLOCK]) -> Option<usize> {
        let number = self.slots[self.slot(block)].checked_sub(1)?;
        let offset = number as usize * BLOCK;
        (self.base[offset..].first_chunk() == Some(block)).then_some(offset)
    }

    fn slot(&self, block: &[u8; BLOCK]) -> usize {
        // Odd numbers without a pattern: each bit of the block reaches the upper bits.
        const LOW: u64 = 0x9e37_79b9_7f4a_7c15;
        const HIGH: u64 = 0xc2b2_ae3d_27d4_eb4f;
        let block = u128::from_le_bytes(*block);
        #[expect(clippy::cast_possible_truncation, reason = "one half, then the other")]
        let (low, high) = (block as u64, (block >> 64) as u64);
        let mixed = low.wrapping_mul(LOW) ^ high.wrapping_mul(HIGH).rotate_left(32);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "shifted down to an index of the slots"
        )]
        let slot = (mixed.wrapping_mul(LOW) >> self.shift) as usize;
        slot
    }
}

/// Operations as they are written. Copies that follow each other in both are one.
#[derive(Default)]
struct Operations {
    out: Vec<u8>,
    /// Offset and length of a copy that may still grow.
    copy: (usize, usize),
}

impl Operations {
    fn insert(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.flush();
            varint(bytes.len() * 2, &mut self.out);
            self.out.extend_from_slice(bytes);
        }
    }

    fn copy(&mut self, offset: usize, len: usize) {
        if len == 0 {
            return;
        }
        if self.copy.1 > 0 && self.copy.0 + self.copy.1 == offset {
            self.copy.1 += len;
            return;
        }
        self.flush();
        self.copy = (offset, len);
    }

    fn flush(&mut self) {
        let (offset, len) = std::mem::take(&mut self.copy);
        if len > 0 {
            varint(len * 2 + 1, &mut self.out);
            varint(offset, &mut self.out);
        }
    }

    fn end(mut self) -> Vec<u8> {
        self.flush();
        self.out
    }
}

/// LEB128: seven bits a byte, the lowest first.
fn varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// What the operations of `patch` make of `base`, at most `limit` bytes.
pub(super) fn apply(base: &[u8], patch: &[u8], limit: usize) -> Result<Vec<u8>, PatchError> {
    let mut out = Vec::new();
    let mut rest = patch;
    while !rest.is_empty() {
        let damaged = PatchError::Operation(patch.len() - rest.len());
        let Some(bytes) = operation(base, &mut rest) else {
            return Err(damaged);
        };
        if bytes.len() > limit - out.len() {
            return Err(PatchError::TooLong(limit));
        }
        out.extend_from_slice(bytes);
    }
    Ok(out)
}

/// The bytes that the next operation gives.
fn operation<'a>(base: &'a [u8], rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let head = read_varint(rest)?;
    let len = usize::try_from(head >> 1).ok()?;
    if head & 1 == 0 {
        let (bytes, after) = rest.split_at_checked(len)?;
        *rest = after;
        return Some(bytes);
    }
    let offset = usize::try_from(read_varint(rest)?).ok()?;
    base.get(offset..offset.checked_add(len)?)
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has room for one bit.
        if (bits << shift) >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
