//! The records of a batch, the good ones and the ranges that are damaged.

use spica_model::{Position, Record, Seq};

use crate::batch::{Batch, BatchHeader};
use crate::record::{self, FRAME_BYTES_MIN, Frame};

/// What stands next in a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all items are records: a box for each would cost more than the room in the others"
)]
pub enum Item {
    /// A record whose checksum is good.
    Record(Record),
    /// Records whose bytes are not what was written.
    Damaged {
        /// The first of them.
        from: Seq,
        /// The last of them.
        to: Seq,
        /// Where in the file the first of them begins.
        offset: u64,
    },
}

/// Reads the records of a batch in order. After damage it looks for the next frame that holds, so
/// that one bad record hides no good one.
#[derive(Debug, Clone)]
pub struct Records {
    batch: Batch,
    at: usize,
    index: u32,
}

impl Records {
    pub(crate) const fn new(batch: Batch) -> Self {
        Self {
            batch,
            at: 0,
            index: 0,
        }
    }

    /// The header of the batch.
    #[must_use]
    pub const fn header(&self) -> &BatchHeader {
        &self.batch.header
    }

    /// The place of the next item.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        self.seq(self.index)
    }

    /// Goes over all records before `seq` without decoding them.
    pub fn skip_to(&mut self, seq: Seq) {
        while self.next_seq() < seq {
            match self.expected() {
                Some(frame) => self.pass(frame),
                None if self.index < self.batch.header.count => {
                    let (_, next) = self.resync();
                    if self.seq(next.0) > seq {
                        // Part of the damage is wanted: the next item says it.
                        return;
                    }
                    (self.index, self.at) = next;
                }
                None => return,
            }
        }
    }

    /// Where in the body the record at `seq` ends; `None` if no good record stands there.
    pub(crate) fn end_of(mut self, seq: Seq) -> Option<usize> {
        self.skip_to(seq);
        if self.next_seq() != seq {
            return None;
        }
        let frame = self.expected()?;
        Some(self.at + frame.end)
    }

    pub(crate) fn all_hold(mut self) -> bool {
        while let Some(frame) = self.expected() {
            self.pass(frame);
        }
        self.index == self.batch.header.count
    }

    const fn seq(&self, index: u32) -> Seq {
        Seq(self.batch.header.first.0.saturating_add(index as u64))
    }

    const fn pass(&mut self, frame: Frame) {
        self.at += frame.end;
        self.index += 1;
    }

    /// The frame at the present place, if it holds and is the next one.
    fn expected(&self) -> Option<Frame> {
        if self.index >= self.batch.header.count {
            return None;
        }
        self.frame_at(self.at)
            .filter(|frame| frame.index == self.index)
    }

    /// A frame at `at` of the body that holds, relative to `at`.
    fn frame_at(&self, at: usize) -> Option<Frame> {
        let bytes = self.batch.body.get(at..)?;
        let frame = record::claimed(bytes)?;
        record::holds(bytes, frame, self.batch.lane_key, self.seq(frame.index)).then_some(frame)
    }

    /// The next place after damage at the present one: where the damage began, and index and body
    /// offset from which to go on, which are the ends if nothing more is good.
    fn resync(&self) -> (usize, (u32, usize)) {
        let end = self.batch.body.len();
        let count = self.batch.header.count;
        for at in self.at + FRAME_BYTES_MIN..end {
            let Some(claimed) = record::claimed(&self.batch.body[at..]) else {
                continue;
            };
            // The index must leave room for what was there before and what comes after: spares
            // nearly all checksums over bytes that are no frame.
            let before = claimed.index.saturating_sub(self.index) as usize;
            let after = count.saturating_sub(claimed.index) as usize;
            let fits = before > 0
                && after > 0
                && before * FRAME_BYTES_MIN <= at - self.at
                && after * FRAME_BYTES_MIN <= end - at;
            if fits && self.frame_at(at).is_some() {
                return (self.at, (claimed.index, at));
            }
        }
        (self.at, (count, end))
    }

    fn damaged(&mut self) -> Item {
        let (began, (index, at)) = self.resync();
        let item = Item::Damaged {
            from: self.seq(self.index),
            to: self.seq(index - 1),
            offset: self.batch.offset + (BatchHeader::BYTES + began) as u64,
        };
        (self.index, self.at) = (index, at);
        item
    }
}

impl Iterator for Records {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        if self.index >= self.batch.header.count {
            return None;
        }
        let Some(frame) = self.expected() else {
            return Some(self.damaged());
        };
        let header = &self.batch.header;
        let seq = self.next_seq();
        let position = Position {
            epoch: header.epoch,
            lane: self.batch.lane,
            seq,
        };
        let body = self
            .batch
            .body
            .slice(self.at + frame.body_at..self.at + frame.end);
        let item = match record::decode(&body, header.base, position) {
            Some(record) => Item::Record(record),
            None => Item::Damaged {
                from: seq,
                to: seq,
                offset: self.batch.offset + (BatchHeader::BYTES + self.at) as u64,
            },
        };
        self.pass(frame);
        Some(item)
    }
}
