//! Placing records: the part of the journal that callers run on their own threads.

use std::sync::Arc;

use parking_lot::MutexGuard;
use smallvec::SmallVec;
use spica_journal::{SubmitError, Ticket};
use spica_journal_format::{KeyEntry, KeyHash, record_bytes_max};
use spica_model::{LimitError, NewRecord, Position, Seq, Timestamp, limits};

use super::LaneLog;
use super::queue::Queue;

/// Hashes of the keys of a submission; most have one record.
type Hashes = SmallVec<[Option<KeyHash>; 2]>;

/// What is found out about records before the lock is taken.
struct Looked {
    bytes: usize,
    hashes: Hashes,
    /// What their keys' ages count to.
    now: Timestamp,
}

impl LaneLog {
    /// See [`spica_journal::Journal::submit`].
    pub(crate) fn submit(&self, records: &[NewRecord<'_>]) -> Result<Ticket, SubmitError> {
        let looked = self.look_at(records)?;
        self.take_in(self.queue.lock(), records, &looked)
    }

    /// As [`Self::submit`], if the newest record that was placed is the one at `last`.
    pub(crate) fn submit_after(
        &self,
        last: Seq,
        records: &[NewRecord<'_>],
    ) -> Result<Option<Ticket>, SubmitError> {
        let looked = self.look_at(records)?;
        let queue = self.queue.lock();
        if queue.next != last.next() {
            return Ok(None);
        }
        self.take_in(queue, records, &looked).map(Some)
    }

    fn look_at(&self, records: &[NewRecord<'_>]) -> Result<Looked, SubmitError> {
        let bytes = Self::bytes_max_of(records)?;
        let hashes: Hashes = records
            .iter()
            .map(|record| record.key.map(|key| self.secret.hash_key(key.as_bytes())))
            .collect();
        let now = if hashes.iter().any(Option::is_some) {
            self.trusted_now()
        } else {
            Timestamp::EPOCH
        };
        Ok(Looked { bytes, hashes, now })
    }

    fn take_in(
        &self,
        mut queue: MutexGuard<'_, Queue>,
        records: &[NewRecord<'_>],
        Looked { bytes, hashes, now }: &Looked,
    ) -> Result<Ticket, SubmitError> {
        if let Err(error) = queue.admit(*bytes, self.gate.held_bytes()) {
            drop(queue);
            if matches!(error, SubmitError::Full { .. }) {
                self.metrics.refused.inc();
            }
            return Err(error);
        }
        let first = Position {
            epoch: queue.epoch,
            lane: self.lane,
            seq: queue.next,
        };
        let duplicates = place(&mut queue, records, hashes, *bytes, *now);
        drop(queue);
        self.work.notify_one();
        if !duplicates.is_empty() {
            self.metrics.duplicates.inc_by(duplicates.len() as u64);
        }
        Ok(Ticket::new(
            first,
            records.len() as u32,
            duplicates,
            Arc::clone(&self.watermark),
        ))
    }

    /// The most bytes that `records` can take, if none breaks a limit.
    fn bytes_max_of(records: &[NewRecord<'_>]) -> Result<usize, LimitError> {
        let mut bytes = 0;
        for record in records {
            if record.payload.len() > limits::PAYLOAD_BYTES {
                let bytes = record.payload.len();
                return Err(LimitError {
                    what: "a payload",
                    bytes,
                    limit: limits::PAYLOAD_BYTES,
                });
            }
            bytes += record_bytes_max(record);
        }
        Ok(bytes)
    }
}

/// Places what is new, in one batch if it fits in one; returns the duplicates.
fn place(
    queue: &mut Queue,
    records: &[NewRecord<'_>],
    hashes: &[Option<KeyHash>],
    bytes: usize,
    now: Timestamp,
) -> Vec<(u32, Position)> {
    let mut duplicates = Vec::new();
    let whole = bytes <= queue.batch_bytes_max;
    let mut room = bytes;
    for (index, (record, hash)) in records.iter().zip(hashes).enumerate() {
        let key = hash.map(|hash| KeyEntry::new(hash, queue.next, record.received));
        if let Some(key) = key
            && let Some(seq) = queue.known.find_or_insert(key, now)
        {
            duplicates.push((index as u32, queue.position(seq)));
            continue;
        }
        if !whole {
            room = record_bytes_max(record);
        }
        if room > 0 {
            queue.make_room(room, record.received);
            room = 0;
        }
        queue.push(record, key);
    }
    duplicates
}
