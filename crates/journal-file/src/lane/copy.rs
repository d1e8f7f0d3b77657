//! Placing the partner's records where they stand in its journal.

use spica_journal_format::{Batch, Item, KeyEntry, record_bytes_max};
use spica_model::{Epoch, Record, Seq};

use super::LaneLog;
use super::queue::{Queue, Source, Stage};
use crate::error::CopyError;

impl LaneLog {
    /// See [`FileJournal::copy`](crate::FileJournal::copy).
    pub(crate) fn copy(&self, batch: Batch) -> Result<(), CopyError> {
        let (epoch, next) = (batch.header.epoch, batch.header.next());
        let mut queue = self.queue.lock();
        admit(&queue, epoch, batch.header.first)?;
        if next <= queue.next {
            return Ok(());
        }
        let mut records = batch.records();
        records.skip_to(queue.next);
        queue.note_reign(epoch);
        let damaged = records.find_map(|item| match item {
            Item::Record(record) => {
                self.place_copy(&mut queue, &record);
                None
            }
            Item::Damaged { from, .. } => Some(from),
        });
        drop(queue);
        // What came before damage stays: it is what the partner has.
        self.work.notify_one();
        match damaged {
            Some(seq) => Err(CopyError::Damaged { seq }),
            None => Ok(()),
        }
    }

    fn place_copy(&self, queue: &mut Queue, record: &Record) {
        let new = record.as_new();
        let key = new.key.map(|key| {
            let hash = self.secret.hash_key(key.as_bytes());
            KeyEntry::new(hash, queue.next, record.received)
        });
        if let Some(key) = key {
            queue.known.restore(key);
        }
        queue.make_room(record_bytes_max(&new), record.received);
        queue.push(&new, key);
    }
}

fn admit(queue: &Queue, epoch: Epoch, first: Seq) -> Result<(), CopyError> {
    match &queue.stage {
        Stage::Open => {}
        Stage::Closing => return Err(CopyError::Closed),
        Stage::Failed(error) => return Err(CopyError::Failed(error.clone())),
    }
    if queue.source != Source::Partner {
        return Err(CopyError::Leading);
    }
    if first > queue.next {
        let expected = queue.next;
        return Err(CopyError::Hole { expected, first });
    }
    let newest = queue.last_reign();
    if epoch < newest {
        return Err(CopyError::OldEpoch {
            epoch: epoch.0,
            newest: newest.0,
        });
    }
    Ok(())
}

impl Queue {
    /// The epoch of the newest record; 0 if there is none.
    fn last_reign(&self) -> Epoch {
        let next = self.next;
        let mut reigns = self.reigns.iter().rev();
        reigns
            .find(|(_, first)| *first < next)
            .map_or(Epoch(0), |(epoch, _)| *epoch)
    }

    /// Records of this epoch come next. Epochs that were begun and have no record are forgotten: the
    /// partner's history counts.
    fn note_reign(&mut self, epoch: Epoch) {
        let next = self.next;
        while self.reigns.pop_if(|(_, first)| *first >= next).is_some() {}
        if self.reigns.last().is_none_or(|(last, _)| *last < epoch) {
            self.reigns.push((epoch, next));
        }
        self.epoch = epoch;
    }
}
