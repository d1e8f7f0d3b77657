//! Whether the journal that counts has, or had, a record at its old place.

use spica_journal::FollowError;
use spica_journal_file::{FileJournal, Tailed};
use spica_journal_format::Item;
use spica_model::{Lane, Record, Seq, Timestamp};
use spica_pair::history::History;

/// The past of a lane.
pub(super) struct Past {
    history: History,
    /// When the oldest record that is kept was received.
    oldest: Option<Timestamp>,
}

impl Past {
    pub(super) fn of(journal: &FileJournal, lane: Lane) -> Result<Self, FollowError> {
        let history = journal.history(lane);
        let history = History {
            reigns: history.reigns,
            first: history.first,
            last: history.last,
        };
        let before = Seq(history.first.0.saturating_sub(1));
        let oldest = match journal.tail(lane, before).read()? {
            Tailed::Batch(batch) => batch.records().find_map(|item| match item {
                Item::Record(record) => Some(record.received),
                Item::Damaged { .. } => None,
            }),
            _ => None,
        };
        Ok(Self { history, oldest })
    }

    /// Where both journals have the same epoch at a place, they have the same record there: it was
    /// put aside because it, or one before it, was damaged or long gone. Of what retention has
    /// removed the epochs may not be known any more; who had it here and who had not is the same
    /// then, if it is older than all that is kept.
    pub(super) fn knows(&self, record: &Record) -> bool {
        let seq = record.position.seq;
        match self.history.epoch_at(seq) {
            Some(epoch) => epoch == record.position.epoch,
            None => seq < self.history.first && Some(record.received) <= self.oldest,
        }
    }
}
