//! Epochs that the two nodes of a pair can never both choose: the primary's are even, the backup's
//! odd. Two reigns that do not know of each other still have different numbers.

use spica_model::Epoch;

use crate::Side;

/// How far an operator's order jumps: beyond every reign that the node cannot know of.
pub const PROMOTION: u32 = 1_000;

/// The first epoch of `side` after `seen`.
#[must_use]
pub const fn next(side: Side, seen: Epoch) -> Epoch {
    let next = seen.0.saturating_add(1);
    let odd = next % 2 == 1;
    match (side, odd) {
        (Side::Primary, false) | (Side::Backup, true) => Epoch(next),
        _ => Epoch(next.saturating_add(1)),
    }
}

/// The epoch of `side` for a reign that an operator has ordered.
#[must_use]
pub const fn promoted(side: Side, seen: Epoch) -> Epoch {
    next(side, Epoch(seen.0.saturating_add(PROMOTION)))
}

/// Whose reign an epoch is; `None` for those before the first.
#[must_use]
pub const fn side_of(epoch: Epoch) -> Option<Side> {
    match (epoch.0, epoch.0 % 2) {
        (0 | 1, _) => None,
        (_, 0) => Some(Side::Primary),
        _ => Some(Side::Backup),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_sides_never_choose_the_same_epoch_and_always_a_later_one() {
        for seen in (0..50).map(Epoch) {
            let [primary, backup] = [Side::Primary, Side::Backup].map(|side| next(side, seen));
            assert!(primary > seen && backup > seen && primary != backup);
            if seen.0 > 0 {
                assert_eq!(side_of(primary), Some(Side::Primary));
                assert_eq!(side_of(backup), Some(Side::Backup));
            }
            assert!(promoted(Side::Backup, seen) > primary);
        }
    }
}
