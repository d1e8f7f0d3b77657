//! What a witness remembers: one epoch per pair, which only grows. Any store with a compare-and-set
//! can be one.
//!
//! A node that wants to go on alone names the newest epoch up to which it holds everything (its
//! basis). If the witness has recorded a later one, somebody else went on alone since: the node is
//! stale, and refused.

use spica_model::Epoch;

/// What a node asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The epoch it wants to begin.
    pub epoch: Epoch,
    /// The newest epoch up to which it holds everything that was acknowledged.
    pub basis: Epoch,
}

/// What the witness says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The epoch is recorded.
    Granted,
    /// A later epoch than the basis stands there.
    Refused {
        /// The epoch that stands there.
        recorded: Epoch,
    },
    /// It did not answer.
    Unreachable,
}

/// The rule by which a witness, of whatever kind, answers, given what it has recorded. The caller
/// stores `question.epoch` if, and only if, nobody else has stored anything meanwhile.
#[must_use]
pub fn judge(recorded: Option<Epoch>, question: Question) -> Answer {
    match recorded {
        // An answer that was lost on its way is given again.
        Some(recorded) if recorded == question.epoch => Answer::Granted,
        Some(recorded) if recorded > question.basis || recorded > question.epoch => {
            Answer::Refused { recorded }
        }
        _ => Answer::Granted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_of_two_goes_on_alone() {
        let ask = |epoch, basis| Question {
            epoch: Epoch(epoch),
            basis: Epoch(basis),
        };
        assert_eq!(judge(None, ask(4, 3)), Answer::Granted);
        assert_eq!(judge(Some(Epoch(2)), ask(4, 3)), Answer::Granted);
        // The other one asks with the same basis, and a higher epoch.
        let recorded = Epoch(4);
        assert_eq!(
            judge(Some(recorded), ask(5, 3)),
            Answer::Refused { recorded }
        );
        // The first one asks again.
        assert_eq!(judge(Some(recorded), ask(4, 3)), Answer::Granted);
        // After the partner has caught up with epoch 4, it may take over.
        assert_eq!(judge(Some(recorded), ask(5, 4)), Answer::Granted);
    }
}
