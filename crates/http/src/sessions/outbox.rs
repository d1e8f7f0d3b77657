//! The frames of a session that is read by requests: kept until its client has them.

use std::collections::VecDeque;

use bytes::Bytes;

/// Frames, numbered from 1 without holes.
#[derive(Debug)]
pub(crate) struct Outbox {
    limit: usize,
    frames: VecDeque<Bytes>,
    /// Bytes of `frames`.
    bytes: usize,
    /// The number of the last frame that is kept no more.
    before: u64,
    /// Frames up to this number have been handed over, and go when room is needed.
    handed: u64,
    /// Bytes of those among `frames`.
    handed_bytes: usize,
}

impl Outbox {
    /// One that is full at `limit` bytes.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            frames: VecDeque::new(),
            bytes: 0,
            before: 0,
            handed: 0,
            handed_bytes: 0,
        }
    }

    /// Whether there is no room for more. One push beyond it is taken all the same.
    pub(crate) const fn is_full(&self) -> bool {
        self.bytes - self.handed_bytes >= self.limit
    }

    /// The number of the last frame.
    pub(crate) fn last(&self) -> u64 {
        self.before + self.frames.len() as u64
    }

    /// Whether everything was handed over or acknowledged.
    pub(crate) fn is_heard(&self) -> bool {
        self.frames.is_empty() || self.handed >= self.last()
    }

    /// Adds a frame; frames that were handed over make room for it.
    pub(crate) fn push(&mut self, frame: Bytes) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
        while self.bytes > self.limit && self.before < self.handed {
            self.drop_first();
        }
    }

    /// The client has everything up to `number`.
    pub(crate) fn acknowledge(&mut self, number: u64) {
        while self.before < number && !self.frames.is_empty() {
            self.drop_first();
        }
    }

    /// Everything up to `number` is on its way: it is kept only while there is room.
    pub(crate) fn hand_over(&mut self, number: u64) {
        while self.handed < number.min(self.last()) {
            self.handed = self.handed.max(self.before) + 1;
            self.handed_bytes += self.get(self.handed).map_or(0, Bytes::len);
        }
        while self.bytes > self.limit && self.before < self.handed {
            self.drop_first();
        }
    }

    /// What comes after frame `number`; none if that is kept no more, or was never there.
    pub(crate) fn after(&self, number: u64) -> Option<impl Iterator<Item = &Bytes>> {
        let skip = number.checked_sub(self.before)?;
        let skip = usize::try_from(skip).ok()?;
        (skip <= self.frames.len()).then(|| self.frames.iter().skip(skip))
    }

    fn get(&self, number: u64) -> Option<&Bytes> {
        let at = number.checked_sub(self.before + 1)?;
        self.frames.get(usize::try_from(at).ok()?)
    }

    fn drop_first(&mut self) {
        let Some(frame) = self.frames.pop_front() else {
            return;
        };
        self.before += 1;
        self.bytes -= frame.len();
        if self.before <= self.handed {
            self.handed_bytes -= frame.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(limit: usize, frames: usize) -> Outbox {
        let mut outbox = Outbox::new(limit);
        for n in 0..frames {
            outbox.push(format!("{n:02}").into());
        }
        outbox
    }

    fn after(outbox: &Outbox, number: u64) -> Option<Vec<&[u8]>> {
        let frames = outbox.after(number)?;
        Some(frames.map(|frame| &frame[..]).collect())
    }

    #[test]
    fn what_is_not_acknowledged_is_given_again() {
        let mut outbox = filled(6, 3);
        assert!(outbox.is_full());
        let all: [&[u8]; 3] = [b"00", b"01", b"02"];
        for _ in 0..2 {
            assert_eq!(after(&outbox, 0).unwrap(), all);
        }
        outbox.acknowledge(2);
        assert!(!outbox.is_full());
        assert_eq!(after(&outbox, 2).unwrap(), [b"02"]);
        assert_eq!(after(&outbox, 1), None, "kept no more");
        assert_eq!(after(&outbox, 4), None, "never there");
        assert_eq!(after(&outbox, 3).unwrap().len(), 0);
        outbox.acknowledge(9);
        assert_eq!((outbox.last(), outbox.bytes), (3, 0));
    }

    #[test]
    fn what_was_handed_over_is_kept_while_there_is_room() {
        let mut outbox = filled(6, 3);
        outbox.hand_over(3);
        assert!(!outbox.is_full());
        assert_eq!(after(&outbox, 0).unwrap().len(), 3, "to go on after a cut");
        outbox.push("03".into());
        assert_eq!(after(&outbox, 0), None);
        assert_eq!(after(&outbox, 1).unwrap().len(), 3);
        outbox.push("0405".into());
        assert_eq!(after(&outbox, 3).unwrap(), [&b"03"[..], b"0405"]);
        assert!(outbox.is_full(), "neither was handed over");
        outbox.acknowledge(4);
        outbox.hand_over(5);
        assert!(!outbox.is_full());
        assert_eq!(outbox.handed_bytes, outbox.bytes);
    }
}
