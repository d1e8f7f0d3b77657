//! What was found when a journal was opened.

use std::fmt;
use std::time::Duration;

use spica_journal::Damage;
use spica_model::{Lane, Seq};

/// What was found when a journal was opened.
#[derive(Debug, Clone)]
pub struct RecoveryReport {
    /// The lanes, critical first.
    pub lanes: [LaneReport; 2],
    /// How long it took.
    pub took: Duration,
}

/// What was found when a lane was opened.
#[derive(Debug, Clone)]
pub struct LaneReport {
    /// The lane.
    pub lane: Lane,
    /// The oldest record that is kept; `last.next()` if there is none.
    pub first: Seq,
    /// The newest record.
    pub last: Seq,
    /// Segments in use.
    pub segments: usize,
    /// Bytes that had to be scanned, because no footer describes them.
    pub scanned_bytes: u64,
    /// Whether the lane was closed in order.
    pub clean: bool,
    /// The torn tail that was cut.
    pub torn: Option<TornTail>,
    /// Records that are damaged.
    pub damaged: Vec<Damage>,
    /// Records that are lost and were given up by a repair.
    pub given_up: Vec<Damage>,
    /// Bytes that are damaged without a loss of records.
    pub notes: Vec<Note>,
}

/// A batch that a crash left unfinished: nothing in it was ever acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The file.
    pub file: String,
    /// Where it was cut.
    pub offset: u64,
    /// The place that its first record would have had; given anew now.
    pub seq: Seq,
}

/// Something worth an operator's eye that loses no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The file.
    pub file: String,
    /// Where in the file.
    pub offset: u64,
    /// What was found.
    pub what: String,
}

impl RecoveryReport {
    /// Whether neither damage nor anything to note was found; a torn tail is neither.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.lanes
            .iter()
            .all(|lane| lane.damaged.is_empty() && lane.notes.is_empty())
    }
}

impl fmt::Display for LaneReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lane,
            first,
            last,
            segments,
            scanned_bytes,
            ..
        } = self;
        write!(
            f,
            "{lane}: records {first} to {last} in {segments} segments, {scanned_bytes} bytes scanned"
        )?;
        if let Some(torn) = &self.torn {
            write!(
                f,
                "\n  a write that a crash tore was cut: {} from byte {} on; nothing in it was \
                 acknowledged",
                torn.file, torn.offset
            )?;
        }
        for damage in &self.damaged {
            write!(
                f,
                "\n  records {} to {} are damaged: {} at byte {}: {}",
                damage.from, damage.to, damage.file, damage.offset, damage.reason
            )?;
        }
        for note in &self.notes {
            write!(
                f,
                "\n  {} at byte {}: {}",
                note.file, note.offset, note.what
            )?;
        }
        Ok(())
    }
}
