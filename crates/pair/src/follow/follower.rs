//! The passive's side of a link.

use spica_model::{Epoch, Lane, Seq};

/// What is done with a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// All or the end of it is placed.
    Place,
    /// It is known already.
    Known,
}

/// Why a batch ends the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Its reign is over: a later one has begun here.
    #[error("epoch {} is over: epoch {} has begun", epoch.0, newest.0)]
    Fenced {
        /// The epoch of who sent it.
        epoch: Epoch,
        /// The newest epoch here.
        newest: Epoch,
    },
    /// Records before it are missing.
    #[error("the records from {} on are missing before {}", expected.0, first.0)]
    Hole {
        /// The next record.
        expected: Seq,
        /// The first one of the batch.
        first: Seq,
    },
}

/// The passive's side of a link.
#[derive(Debug, Clone)]
pub struct Follower {
    /// The epoch of the active at the other end.
    reign: Epoch,
    next: [Seq; 2],
}

impl Follower {
    /// A link to the active of `reign`, whose lanes go on after these places.
    #[must_use]
    pub fn new(reign: Epoch, after: [Seq; 2]) -> Self {
        Self {
            reign,
            next: after.map(Seq::next),
        }
    }

    /// A batch of `count` records from `first` on, sent by the active of `reign`; `newest` is the
    /// newest epoch that this node has begun or follows.
    ///
    /// # Errors
    /// If the link must be cut.
    pub fn accept(
        &mut self,
        lane: Lane,
        reign: Epoch,
        newest: Epoch,
        first: Seq,
        count: u32,
    ) -> Result<Accepted, Refused> {
        let newest = newest.max(self.reign);
        if reign < newest {
            let epoch = reign;
            return Err(Refused::Fenced { epoch, newest });
        }
        self.reign = reign;
        let expected = self.next[lane.index()];
        if first > expected {
            return Err(Refused::Hole { expected, first });
        }
        let end = Seq(first.0.saturating_add(u64::from(count)));
        if end <= expected {
            return Ok(Accepted::Known);
        }
        self.next[lane.index()] = end;
        Ok(Accepted::Place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_placed_without_a_hole_and_old_reigns_are_fenced() {
        let mut follower = Follower::new(Epoch(4), [Seq(0), Seq(9)]);
        let mut accept = |reign, newest, first, count| {
            follower.accept(Lane::Normal, Epoch(reign), Epoch(newest), Seq(first), count)
        };
        assert_eq!(accept(4, 4, 8, 2), Ok(Accepted::Known));
        assert_eq!(accept(4, 4, 8, 5), Ok(Accepted::Place));
        let expected = Seq(13);
        assert_eq!(
            accept(4, 4, 14, 1),
            Err(Refused::Hole {
                expected,
                first: Seq(14)
            })
        );
        // The active went on alone, and came back.
        assert_eq!(accept(6, 4, 13, 1), Ok(Accepted::Place));
        let newest = Epoch(6);
        assert_eq!(
            accept(4, 4, 14, 1),
            Err(Refused::Fenced {
                epoch: Epoch(4),
                newest
            })
        );
        // This node has begun a reign of its own.
        let newest = Epoch(7);
        assert_eq!(
            accept(6, 7, 14, 1),
            Err(Refused::Fenced {
                epoch: Epoch(6),
                newest
            })
        );
    }
}
