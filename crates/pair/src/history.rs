//! Where two journals part.
//!
//! A lane's history is the list of its reigns: which epoch began at which place. No two reigns have
//! the same epoch, so as long as two journals have the same epoch at a place, they hold the same
//! record there.

use spica_model::{Epoch, Seq};

/// A lane's history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct History {
    /// Which epochs began where, oldest first; both strictly grow.
    pub reigns: Vec<(Epoch, Seq)>,
    /// The oldest record that is kept.
    pub first: Seq,
    /// The newest record.
    pub last: Seq,
}

/// How the journal of one who wants to follow stands to that of the active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// It is a beginning of it: it goes on after its own end.
    Behind,
    /// They part after `common`: what the follower has behind it was never acknowledged by this
    /// reign, and must be put aside.
    Parted {
        /// The last place that both have in common.
        common: Seq,
    },
    /// The active no longer has what comes after the follower's end: it begins anew at `first`.
    TooFar {
        /// The oldest record that the active has.
        first: Seq,
    },
}

impl History {
    /// The epoch of the record at `seq`; `None` outside of the history, or before the first reign
    /// that is known.
    #[must_use]
    pub fn epoch_at(&self, seq: Seq) -> Option<Epoch> {
        if seq == Seq::ZERO || seq > self.last {
            return None;
        }
        let after = self.reigns.partition_point(|(_, first)| *first <= seq);
        self.reigns
            .get(after.checked_sub(1)?)
            .map(|(epoch, _)| *epoch)
    }

    /// The last place at which both have the same record; zero if there is none.
    #[must_use]
    pub fn common(&self, other: &Self) -> Seq {
        let end = self.last.min(other.last);
        // Walk back reign by reign: within one, all places agree or none does.
        let mut at = end;
        while at > Seq::ZERO {
            let (mine, theirs) = (self.epoch_at(at), other.epoch_at(at));
            match (mine, theirs) {
                (Some(mine), Some(theirs)) if mine == theirs => return at,
                (Some(_), Some(_)) => {
                    let begun = self.begin_of(at).max(other.begin_of(at));
                    at = Seq(begun.0.saturating_sub(1));
                }
                _ => return Seq::ZERO,
            }
        }
        Seq::ZERO
    }

    fn begin_of(&self, seq: Seq) -> Seq {
        let after = self.reigns.partition_point(|(_, first)| *first <= seq);
        let reign = after.checked_sub(1).and_then(|at| self.reigns.get(at));
        reign.map_or(Seq::ZERO, |(_, first)| *first)
    }

    /// How `follower` stands to this history, which is the active's.
    #[must_use]
    pub fn relation(&self, follower: &Self) -> Relation {
        let common = self.common(follower);
        if common.next() < self.first {
            // What they may have in common is gone here.
            return Relation::TooFar { first: self.first };
        }
        if common < follower.last {
            return Relation::Parted { common };
        }
        Relation::Behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn history(reigns: &[(u32, u64)], first: u64, last: u64) -> History {
        History {
            reigns: reigns.iter().map(|(e, s)| (Epoch(*e), Seq(*s))).collect(),
            first: Seq(first),
            last: Seq(last),
        }
    }

    #[test]
    fn named_cases() {
        let active = history(&[(1, 1), (2, 101), (4, 201)], 1, 300);
        let parted = |common| Relation::Parted {
            common: Seq(common),
        };
        for (follower, says) in [
            (history(&[], 1, 0), Relation::Behind),
            (history(&[(1, 1)], 1, 50), Relation::Behind),
            (
                history(&[(1, 1), (2, 101), (4, 201)], 1, 300),
                Relation::Behind,
            ),
            // Records of the last reign that the active never finished.
            (history(&[(1, 1), (2, 101), (4, 201)], 1, 303), parted(300)),
            // It went on alone in epoch 3 while the active began 4.
            (history(&[(1, 1), (2, 101), (3, 180)], 1, 250), parted(179)),
            // Its records of epoch 2 are fewer than the active's, then it went on alone.
            (history(&[(1, 1), (2, 101), (3, 150)], 1, 160), parted(149)),
            // Another journal altogether.
            (history(&[(7, 1)], 1, 10), parted(0)),
        ] {
            assert_eq!(active.relation(&follower), says, "{follower:?}");
        }
        let short = history(&[(2, 101), (4, 201)], 150, 300);
        assert_eq!(
            short.relation(&history(&[(1, 1)], 1, 50)),
            Relation::TooFar { first: Seq(150) }
        );
        assert_eq!(
            short.relation(&history(&[], 1, 0)),
            Relation::TooFar { first: Seq(150) }
        );
        let follower = history(&[(1, 1), (2, 101)], 1, 149);
        assert_eq!(short.relation(&follower), Relation::Behind);
    }

    /// Journals as lists of epochs, one per record: what the lists of reigns stand for.
    fn reigns_of(epochs: &[u32]) -> Vec<(Epoch, Seq)> {
        let mut reigns: Vec<(Epoch, Seq)> = Vec::new();
        for (index, epoch) in epochs.iter().enumerate() {
            if reigns.last().is_none_or(|(last, _)| last.0 != *epoch) {
                reigns.push((Epoch(*epoch), Seq(index as u64 + 1)));
            }
        }
        reigns
    }

    proptest! {
        #[test]
        fn the_common_part_is_that_of_the_records(
            shared in prop::collection::vec(0..3_u32, 0..30),
            one in prop::collection::vec(0..3_u32, 0..10),
            other in prop::collection::vec(0..3_u32, 0..10),
        ) {
            // Epochs only grow; after the fork, one's are even and the other's odd.
            let mut at = 1;
            let shared: Vec<u32> = shared.iter().map(|step| { at += step * 2; at }).collect();
            let grow = |from: u32, steps: &[u32]| {
                let mut at = from;
                steps.iter().map(|step| { at += step * 2; at }).collect::<Vec<_>>()
            };
            let whole = |suffix: Vec<u32>| [shared.clone(), suffix].concat();
            let (one, other) = (whole(grow(at + 1, &one)), whole(grow(at + 2, &other)));
            let of = |epochs: &[u32]| History {
                reigns: reigns_of(epochs), first: Seq(1), last: Seq(epochs.len() as u64),
            };
            let common = one.iter().zip(&other).take_while(|(a, b)| a == b).count() as u64;
            prop_assert_eq!(of(&one).common(&of(&other)), Seq(common));
            prop_assert_eq!(of(&other).common(&of(&one)), Seq(common));
        }
    }
}
