//! The port of handlers: durable consumers of the journal, each with a cursor of its own.
//!
//! A [`Factory`] says what a handler is called and which lanes it wants, and makes a [`Handler`] for
//! each lane, anew whenever one has crashed or hangs. A handler is given every durable record of its
//! lane in order and **at least once**; that a second delivery changes nothing is its own business,
//! and [`contract`] checks it. [`HandlerControl`] is what operators see and do, [`TroubleSink`] where
//! trouble is told.
//!
//! What is not here: threads, cursors, retries. `crates/handlers` runs handlers.

pub mod contract;
mod control;
mod error;
mod letter;
pub mod memory;
mod status;
mod trouble;

use spica_model::{Lane, Record, Seq};

pub use control::{ControlError, HandlerControl, LetterPage, Replayed, Which};
pub use error::{ErrorKind, HandleError};
pub use letter::{DeadLetter, LetterError, LetterId, PAYLOAD_BYTES_MAX, Pause};
pub use spica_cases::Severity;
pub use status::{HandlerStatus, LastError, State};
pub use trouble::{DEAD_LETTERS_FULL, HANDLER_LAG, HANDLER_TROUBLE};
pub use trouble::{Trouble, TroubleSink};

/// Longest name of a handler, in bytes: with the name of a lane it still is one of a cursor.
pub const NAME_BYTES_MAX: usize = 48;

/// Whether `name` is one of a handler: 1 to [`NAME_BYTES_MAX`] of `a-z`, `0-9` and `-`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

/// Makes the handlers of one name, one for each lane.
pub trait Factory: Send + Sync + 'static {
    /// What the handler is called; see [`is_name`].
    fn name(&self) -> &str;

    /// The lanes it wants; both by default. Each lane gets a handler and a thread of its own.
    fn lanes(&self) -> &[Lane] {
        &Lane::ALL
    }

    /// Whether it also runs where the node does not serve, since what it makes are local files.
    fn everywhere(&self) -> bool {
        false
    }

    /// Most records that its handlers want at once, for those that take long over each; as many as
    /// the settings allow by default.
    fn batch_records(&self) -> usize {
        usize::MAX
    }

    /// A handler for `lane`, which has nothing in hand. May block. An earlier one of the lane may
    /// still be caught in a call that never ended; whatever it does later must not harm.
    ///
    /// # Errors
    /// If it cannot be made now; it is tried again.
    fn make(&self, lane: Lane) -> Result<Box<dyn Handler>, HandleError>;
}

/// A durable consumer of one lane. Its calls come from one thread, which it may block.
pub trait Handler: Send {
    /// Where to go on from: it is given the records after the place it returns. `cursor` is the place
    /// up to which it once said that everything is [kept](Kept). A handler whose own store is behind
    /// that, or gone, says an earlier one. Called once, before any record.
    ///
    /// # Errors
    /// If it cannot begin now; it is tried again.
    fn resume(&mut self, cursor: Seq) -> Result<Seq, HandleError> {
        Ok(cursor)
    }

    /// Handles records of its lane, which come in order. Between two batches there may be a hole:
    /// what was [missed](Handler::missed) or given up as a dead letter.
    ///
    /// # Errors
    /// The index of the record that it failed on: those before it are done and do not come again,
    /// unless the process ends.
    fn handle(&mut self, batch: &[Record]) -> Result<(), HandleError>;

    /// Handles a single record that it once gave up, whatever has come since.
    ///
    /// # Errors
    /// If it fails again.
    fn replay(&mut self, record: &Record) -> Result<(), HandleError> {
        self.handle(std::slice::from_ref(record))
    }

    /// Takes note of records that it will never be given. They have been counted and reported.
    ///
    /// # Errors
    /// If it cannot take note of it now; it is told again.
    fn missed(&mut self, missed: &Missed) -> Result<(), HandleError> {
        let _ = missed;
        Ok(())
    }

    /// Up to where it needs no record a second time, also when the machine fails now: the cursor
    /// goes no further. Asked after each batch; cheap.
    fn kept(&mut self) -> Kept {
        Kept::All
    }

    /// Makes durable what it has in hand, and says how far it got. Called from time to time, when
    /// nothing is left to do, and before it ends or is paused.
    ///
    /// # Errors
    /// If that is not possible now; it is tried again.
    fn checkpoint(&mut self) -> Result<Kept, HandleError> {
        Ok(self.kept())
    }
}

/// Up to where a handler needs no record a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// All that it has handled.
    All,
    /// Everything up to this place and nothing behind it.
    Through(Seq),
}

/// Why records will never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissedKind {
    /// Retention has removed them.
    Gap,
    /// They are damaged on disk.
    Damage,
}

impl MissedKind {
    /// The word for it: `gap` or `damage`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gap => "gap",
            Self::Damage => "damage",
        }
    }
}

/// Records of a lane that will never come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missed {
    /// The lane.
    pub lane: Lane,
    /// The first one.
    pub from: Seq,
    /// The last one.
    pub to: Seq,
    /// Why.
    pub kind: MissedKind,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_leave_room_for_a_lane() {
        assert!(is_name("history"));
        assert!(is_name("web-hook-2"));
        assert!(is_name(&"x".repeat(NAME_BYTES_MAX)));
        for bad in [
            "",
            "History",
            "a/b",
            "a_b",
            "ü",
            &"x".repeat(NAME_BYTES_MAX + 1),
        ] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
