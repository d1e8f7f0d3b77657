//! What a submitter holds: where its records stand, and when they are durable.

use std::sync::Arc;

use spica_model::{Epoch, Lane, Position, Seq};

use crate::watermark::{Durable, Watermark};

/// Where one submitted record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its place, or that of its first delivery.
    pub position: Position,
    /// Whether its key was known: no second record was made.
    pub duplicate: bool,
}

/// The places of submitted records, and the means to wait until they are durable.
#[derive(Debug)]
pub struct Ticket {
    epoch: Epoch,
    lane: Lane,
    first: Seq,
    count: u32,
    /// Index in the submission, place of the first delivery; in the order of the index.
    duplicates: Vec<(u32, Position)>,
    watermark: Arc<Watermark>,
}

impl Ticket {
    /// A ticket for `count` submitted records of which the `duplicates` (index, place of the first
    /// delivery) took no new place and the others stand from `first` on. For adapters.
    #[must_use]
    pub const fn new(
        first: Position,
        count: u32,
        duplicates: Vec<(u32, Position)>,
        watermark: Arc<Watermark>,
    ) -> Self {
        let Position { epoch, lane, seq } = first;
        Self {
            epoch,
            lane,
            first: seq,
            count,
            duplicates,
            watermark,
        }
    }

    /// Where each submitted record stands, in the order of submission.
    pub fn appended(&self) -> impl Iterator<Item = Appended> + '_ {
        let mut duplicates = self.duplicates.iter().peekable();
        let mut seq = self.first;
        (0..self.count).map(move |index| {
            if let Some((_, position)) = duplicates.next_if(|(at, _)| *at == index) {
                return Appended {
                    position: *position,
                    duplicate: true,
                };
            }
            let position = Position {
                epoch: self.epoch,
                lane: self.lane,
                seq,
            };
            seq = seq.next();
            Appended {
                position,
                duplicate: false,
            }
        })
    }

    /// The place of the first record of the submission. For submissions of one record.
    #[must_use]
    pub fn only(&self) -> Appended {
        self.appended().next().unwrap_or(Appended {
            position: Position {
                epoch: self.epoch,
                lane: self.lane,
                seq: self.first,
            },
            duplicate: false,
        })
    }

    /// The place up to which the lane must be durable before any of it may be acknowledged.
    #[must_use]
    pub fn waits_for(&self) -> Seq {
        let placed = u64::from(self.count) - self.duplicates.len() as u64;
        let last = if placed == 0 {
            Seq::ZERO
        } else {
            Seq(self.first.0 + placed - 1)
        };
        self.duplicates
            .iter()
            .map(|(_, position)| position.seq)
            .fold(last, Seq::max)
    }

    /// Whether all of it is durable now.
    #[must_use]
    pub fn is_durable(&self) -> bool {
        self.watermark.durable() >= self.waits_for()
    }

    /// Resolves when all of it is durable, or never will be.
    #[must_use]
    pub fn durable(&self) -> Durable {
        self.watermark.reached(self.waits_for())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicates_keep_their_first_place() {
        let at = |seq| Position {
            epoch: Epoch::FIRST,
            lane: Lane::Normal,
            seq: Seq(seq),
        };
        let watermark = Arc::new(Watermark::new(Seq(9)));
        let ticket = Ticket::new(at(10), 4, vec![(1, at(3)), (3, at(10))], watermark);
        let seqs: Vec<_> = ticket
            .appended()
            .map(|a| (a.position.seq.0, a.duplicate))
            .collect();
        assert_eq!(seqs, [(10, false), (3, true), (11, false), (10, true)]);
        assert_eq!(ticket.waits_for(), Seq(11));
        assert!(!ticket.is_durable());
    }

    #[test]
    fn a_ticket_of_duplicates_waits_for_the_latest_of_them() {
        let at = |seq| Position {
            epoch: Epoch::FIRST,
            lane: Lane::Normal,
            seq: Seq(seq),
        };
        let watermark = Arc::new(Watermark::new(Seq(6)));
        let ticket = Ticket::new(at(8), 2, vec![(0, at(7)), (1, at(2))], watermark.clone());
        assert!(!ticket.is_durable());
        watermark.advance(Seq(7));
        assert!(ticket.is_durable());
    }
}
