//! A view: the last value of each topic, the facts there are, and how far each command is. Folded
//! from committed records, and thrown away with the process.

use crate::book::{Book, Says};
use crate::words::{Entry, Key};

/// Behind the topics of values.
pub(crate) const TOPICS: usize = 8;

/// How many topics there are: those of devices and of desks too.
const ALL_TOPICS: usize = 11;

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) enum Step {
    #[default]
    Unknown,
    Queued,
    Sent,
    Confirmed,
}

impl Step {
    /// The step that a command's record with this number stands for.
    pub(crate) const fn of(number: u8) -> Self {
        match number {
            0 => Self::Queued,
            1 => Self::Sent,
            _ => Self::Confirmed,
        }
    }
}

/// A view of committed records.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct View {
    /// How many records of each lane are folded in.
    pub(crate) applied: [u64; 2],
    latest: [Option<(Key, u32)>; ALL_TOPICS],
    commands: Vec<Step>,
    /// A sum over all facts and when they were taken in: two views with the same sum hold the same.
    sum: u64,
}

impl View {
    /// Folds one record in: the next one of its lane.
    pub(crate) fn apply(&mut self, lane: usize, entry: Entry, book: &Book) {
        self.applied[lane] += 1;
        let fact = book.fact(entry.key);
        self.latest[fact.topic as usize] = Some((entry.key, entry.received));
        let mixed = (u64::from(entry.key) << 32 | u64::from(entry.received)) + 1;
        self.sum = self
            .sum
            .wrapping_add(mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        if let Says::Command { command, step } = fact.says {
            let command = command as usize;
            if self.commands.len() <= command {
                self.commands.resize(command + 1, Step::Unknown);
            }
            self.commands[command] = self.commands[command].max(Step::of(step));
        }
    }

    /// The oldest command that is not confirmed, and how far it is.
    pub(crate) fn open_command(&self) -> Option<(u16, Step)> {
        let open = |step: &Step| matches!(step, Step::Queued | Step::Sent);
        let at = self.commands.iter().position(open)?;
        Some((u16::try_from(at).ok()?, self.commands[at]))
    }
}
