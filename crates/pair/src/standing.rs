//! Which of two nodes holds everything that was ever acknowledged.

use spica_model::{Epoch, Seq};

use crate::Beat;

/// What decides it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The newest epoch up to which the node holds everything that was acknowledged.
    pub authority: Epoch,
    /// Whether its journal is without damage.
    pub sound: bool,
    /// Whether its journal has ever held a record.
    pub records: bool,
}

impl Standing {
    /// How a node says that it stands.
    #[must_use]
    pub fn of(beat: &Beat) -> Self {
        Self {
            authority: beat.authority,
            sound: beat.sound,
            records: holds_any(beat.ends),
        }
    }
}

/// Whether a journal with these ends has ever held a record.
#[must_use]
pub fn holds_any(ends: [Seq; 2]) -> bool {
    ends.iter().any(|end| *end > Seq::ZERO)
}

/// How one node stands to the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Only this one holds everything.
    Better,
    /// Only the other one does.
    Worse,
    /// Both do.
    Equal,
    /// One is damaged, the other one lacks records: neither may serve before an operator decides.
    Neither,
}

/// The authority of a node that has never been one of a pair.
const NEVER: Epoch = Epoch(0);

/// Compares this node with its partner.
#[must_use]
pub fn compare(mine: Standing, theirs: Standing) -> Compared {
    use std::cmp::Ordering::{Equal, Greater, Less};
    if mine.authority == NEVER && theirs.authority == NEVER && mine.sound && theirs.sound {
        // They have never been a pair: one of them may bring a journal, not both.
        return match (mine.records, theirs.records) {
            (false, false) => Compared::Equal,
            (true, false) => Compared::Better,
            (false, true) => Compared::Worse,
            (true, true) => Compared::Neither,
        };
    }
    match (
        mine.authority.cmp(&theirs.authority),
        mine.sound,
        theirs.sound,
    ) {
        (Equal, true, true) => Compared::Equal,
        (Equal | Greater, true, _) => Compared::Better,
        (Equal | Less, _, true) => Compared::Worse,
        _ => Compared::Neither,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_strangers_the_one_with_a_journal_leads_and_two_journals_do_not_meet() {
        let of = |records| Standing {
            authority: NEVER,
            sound: true,
            records,
        };
        assert_eq!(compare(of(false), of(false)), Compared::Equal);
        assert_eq!(compare(of(true), of(false)), Compared::Better);
        assert_eq!(compare(of(false), of(true)), Compared::Worse);
        assert_eq!(compare(of(true), of(true)), Compared::Neither);
    }

    #[test]
    fn damage_never_wins_over_sound_and_old_never_over_new() {
        let of = |authority, sound| Standing {
            authority: Epoch(authority),
            sound,
            records: true,
        };
        for (mine, theirs, says) in [
            (of(3, true), of(3, true), Compared::Equal),
            (of(4, true), of(3, true), Compared::Better),
            (of(3, true), of(4, true), Compared::Worse),
            (of(3, false), of(3, true), Compared::Worse),
            (of(3, true), of(3, false), Compared::Better),
            (of(4, true), of(3, false), Compared::Better),
            (of(4, false), of(3, true), Compared::Neither),
            (of(3, true), of(4, false), Compared::Neither),
            (of(3, false), of(3, false), Compared::Neither),
        ] {
            assert_eq!(compare(mine, theirs), says, "{mine:?} {theirs:?}");
            let mirrored = match says {
                Compared::Better => Compared::Worse,
                Compared::Worse => Compared::Better,
                same => same,
            };
            assert_eq!(compare(theirs, mine), mirrored);
        }
    }
}
