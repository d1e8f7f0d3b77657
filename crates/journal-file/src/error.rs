//! Why a journal cannot be opened, checked or repaired.

use std::io;
use std::sync::Arc;

use spica_journal::CommitError;
use spica_model::{Lane, Seq};
use spica_storage::OpenError as StorageError;

/// Why a journal cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory cannot be used, or another process has it.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A file could not be read or written.
    #[error("{file} cannot be {verb}: {source}")]
    Io {
        /// The file.
        file: String,
        /// What was tried.
        verb: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A later program wrote it.
    #[error(
        "{file} has format version {found}, this program reads versions up to {supported}: start \
         the newer program again, or restore a copy from before the upgrade"
    )]
    Newer {
        /// The file.
        file: String,
        /// The version it has.
        found: u16,
        /// The newest version this program reads.
        supported: u16,
    },
    /// The file `meta` is gone or damaged in both lanes.
    #[error(
        "{file} and its copy in the other lane are missing or damaged, and without them no segment \
         can be checked: stop here, keep a copy of the directory, then run `spica journal repair`, \
         which takes what they held from the segments"
    )]
    MetaLost {
        /// The file.
        file: String,
    },
    /// A segment belongs to another journal.
    #[error(
        "{file} belongs to another journal: someone has copied it here; move it out of the directory"
    )]
    Foreign {
        /// The file.
        file: String,
    },
    /// The end of a lane is damaged, and nobody can tell how many records stood there.
    #[error(
        "the {lane} lane ends at record {recovered}, but record {known} was acknowledged: what \
         follows in {file} from byte {offset} on is damaged or missing, and new records must not \
         take the places of lost ones. Keep a copy of the directory, restore the file if you can; \
         else run `spica journal repair`, which keeps the damaged bytes aside, gives the lost range \
         up and lets the lane go on after it"
    )]
    TailDamaged {
        /// The lane.
        lane: Lane,
        /// The newest record that can be read.
        recovered: Seq,
        /// A record that is known to have been durable.
        known: Seq,
        /// The file with the damage.
        file: String,
        /// Where the damage begins.
        offset: u64,
    },
    /// A segment at the end of a lane is gone.
    #[error(
        "{file} is missing, and with it whatever the {lane} lane held after record {recovered}: put \
         the file back if you can; else run `spica journal repair`, which gives what it held up and \
         lets the lane go on after it"
    )]
    SegmentMissing {
        /// The lane.
        lane: Lane,
        /// The file.
        file: String,
        /// The newest record that can be read.
        recovered: Seq,
    },
    /// The ledger of repairs is damaged.
    #[error(
        "{file}, the list of what repairs have given up, is damaged: move it out of the directory \
         and run `spica journal repair` again"
    )]
    LedgerDamaged {
        /// The file.
        file: String,
    },
    /// A cut of the lane was begun and is not finished.
    #[error(
        "{file} says that shortening the lane was begun and not finished: the next start of the \
         node, or a repair, finishes it"
    )]
    CutUnfinished {
        /// The file.
        file: String,
    },
    /// What is left to do of a cut cannot be read.
    #[error(
        "{file}, which says what is left to do to shorten the lane, is damaged: keep a copy of the \
         directory, move the file out of it, and run `spica journal verify`; what was to be put \
         aside is in the files aside-* or aside.new beside it"
    )]
    CutDamaged {
        /// The file.
        file: String,
    },
    /// An earlier epoch than the journal has seen.
    #[error(
        "the journal has records of epoch {newest}; it cannot be opened for epoch {asked}: another \
         node has taken over since"
    )]
    OldEpoch {
        /// The epoch asked for.
        asked: u32,
        /// The newest epoch of the journal.
        newest: u32,
    },
    /// The settings contradict each other.
    #[error("journal settings: {0}")]
    Settings(String),
    /// No thread for the lane.
    #[error("the threads of the journal cannot be started: {0}")]
    Thread(#[source] io::Error),
}

impl OpenError {
    pub(crate) fn io(file: String, verb: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { file, verb, source }
    }
}

/// Why a batch of the partner's was not placed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CopyError {
    /// This node takes its own records in.
    #[error("this node is active: it takes no copies")]
    Leading,
    /// Records are missing before it.
    #[error("records {} to {} are missing before the batch", expected.0, first.0 - 1)]
    Hole {
        /// The next record that is needed.
        expected: Seq,
        /// The first record of the batch.
        first: Seq,
    },
    /// Its epoch is over.
    #[error("the batch is of epoch {epoch}, but epoch {newest} has begun")]
    OldEpoch {
        /// The epoch of the batch.
        epoch: u32,
        /// The newest epoch of the lane.
        newest: u32,
    },
    /// A record of it is not what was written: it was damaged on the partner's disk or on the way.
    #[error("record {} of the batch is damaged", seq.0)]
    Damaged {
        /// The first such record.
        seq: Seq,
    },
    /// Its epoch cannot be noted.
    #[error(transparent)]
    Epoch(EpochError),
    /// The lane has failed.
    #[error(transparent)]
    Failed(CommitError),
    /// The journal is closing.
    #[error("the journal is closed: the node is stopping")]
    Closed,
}

/// Why an epoch cannot be raised.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EpochError {
    /// It is not newer.
    #[error("epoch {asked} is not after the present one, {present}")]
    NotAfter {
        /// The epoch asked for.
        asked: u32,
        /// The present epoch.
        present: u32,
    },
    /// The disk failed.
    #[error("the epoch cannot be stored: {0}")]
    Store(Arc<str>),
}
