//! Taking turns: when a session cannot be sent all that changes, each topic comes once before any
//! comes again.
//!
//! A log has a topic at the number of its latest record. Topics that change faster than a session
//! takes them are always at the end of the log, and whoever always begins with the first of what is
//! new would send some of them for ever and others never. So a slow subscription remembers what it
//! was sent in this *round*, and leaves that out until the round is over. What was left out, and has
//! changed since, it still owes: its place stays before that.

use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

/// The round of one lane of a subscription.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    round: u32,
    /// By the number of the topic: the number of what was sent last, and in which round.
    sent: HashMap<u64, (u64, u32)>,
}

/// What is to be done with a value that comes next in the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// It is to be sent.
    Now,
    /// It was sent, before others that are older.
    Done,
    /// An older one was sent in this round: it is owed.
    NextRound,
}

impl Sweep {
    /// What is to be done with the value of a topic at `seq`.
    pub(crate) fn due(&self, number: u64, seq: u64) -> Due {
        match self.sent.get(&number) {
            Some((sent, _)) if *sent == seq => Due::Done,
            Some((_, round)) if *round == self.round => Due::NextRound,
            _ => Due::Now,
        }
    }

    /// Notes what was sent, of at most so many topics: others come again too early.
    pub(crate) fn note(&mut self, number: u64, seq: u64, most: usize) {
        let has_room = !self.is_full(most);
        match self.sent.entry(number) {
            Entry::Occupied(mut known) => {
                known.insert((seq, self.round));
            }
            Entry::Vacant(new) if has_room => {
                new.insert((seq, self.round));
            }
            Entry::Vacant(_) => {}
        }
    }

    /// Whether no more topics are remembered; then the round ends early.
    pub(crate) fn is_full(&self, most: usize) -> bool {
        self.sent.len() >= most
    }

    /// Begins a round. What was sent up to `cursor` needs no memory any more.
    pub(crate) fn end_round(&mut self, cursor: u64) {
        self.round = self.round.wrapping_add(1);
        self.sent.retain(|_, (seq, _)| *seq > cursor);
    }

    /// Whether all that there was at the beginning has had its turn.
    pub(crate) const fn has_been_round(&self) -> bool {
        self.round > 0
    }
}
