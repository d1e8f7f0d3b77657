//! The rows of one subscription in a turn, and the room that there is for them.

use std::time::Duration;

use bytes::Bytes;
use spica_live_proto::{DATA_FRAME_BYTES, Encoding};
use spica_model::Lane;

use crate::mark::Mark;
use crate::share::Contents;
use crate::subscription::Sub;

/// Bytes that rows may take. The first row is taken in any case, or a large one would never be sent.
pub(crate) struct Budget {
    left: usize,
    used: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            left: bytes.saturating_sub(DATA_FRAME_BYTES),
            used: 0,
        }
    }

    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    pub(crate) const fn takes(&mut self, bytes: usize) -> bool {
        if self.used > 0 && bytes > self.left {
            return false;
        }
        self.left = self.left.saturating_sub(bytes);
        self.used += bytes;
        true
    }
}

/// The rows of one subscription in a turn.
pub(crate) struct Part {
    /// Its index.
    pub(crate) sub: usize,
    pub(crate) body: Vec<u8>,
    pub(crate) contents: Contents,
    /// Where the subscription stood.
    pub(crate) from: Mark,
    pub(crate) beginning: Option<(Mark, Mark)>,
    /// Which values of topics were sent, by number, at which place.
    pub(crate) values: Vec<(u64, Lane, u64)>,
    /// Frames that were full before the last one.
    pub(crate) frames: usize,
    /// Bytes that the limit of the subscription itself has left.
    left: usize,
}

impl Part {
    pub(crate) fn new(at: usize, body: Vec<u8>, sub: &mut Sub, now: Duration) -> Self {
        let pace = sub.pace.as_mut();
        Self {
            left: pace.map_or(usize::MAX, |pace| pace.available(now)),
            sub: at,
            body,
            contents: Contents::NONE,
            from: sub.cursor,
            beginning: sub.beginning(),
            values: Vec::new(),
            frames: 0,
        }
    }

    /// How many rows there were so far, or at least whether there were any.
    pub(crate) fn rows(&self) -> u64 {
        self.contents.rows + self.frames as u64
    }

    /// Whether the limit of the subscription itself leaves room. The first row is always taken.
    pub(crate) fn has_room(&self, row: &Row) -> bool {
        self.rows() == 0 || row.bytes.len() < self.left
    }

    /// Whether a row would make the frame too large.
    pub(crate) fn is_full(&self, row: &Row, frame_bytes: usize) -> bool {
        let bytes = self.body.len() + row.bytes.len() + DATA_FRAME_BYTES;
        bytes > frame_bytes && self.contents.rows > 0
    }

    pub(crate) fn append(&mut self, encoding: Encoding, row: &Row) {
        if self.contents.rows > 0 {
            self.body.extend_from_slice(encoding.row_separator());
        }
        self.body.extend_from_slice(&row.bytes);
        self.left = self.left.saturating_sub(row.bytes.len());
        self.contents.rows += 1;
        self.contents.full += row.full as u64 + 1;
        if let Some((lane, seq)) = row.base {
            self.contents.deltas += 1;
            self.contents.note_base(lane, seq);
        }
    }
}

/// A row, and how long it would be in full.
pub(crate) struct Row {
    pub(crate) bytes: Bytes,
    pub(crate) full: usize,
    pub(crate) base: Option<(Lane, u64)>,
}

impl Row {
    /// A row that is in full.
    pub(crate) const fn full(bytes: Bytes) -> Self {
        Self {
            full: bytes.len(),
            bytes,
            base: None,
        }
    }
}
