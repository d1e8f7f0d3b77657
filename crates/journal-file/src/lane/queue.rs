//! What waits for the disk: batches that are being filled, and who may fill them.

use std::collections::VecDeque;

use spica_journal::{CommitError, SubmitError};
use spica_journal_format::{BatchBuilder, KeyEntry};
use spica_model::{Epoch, Lane, NewRecord, Position, Seq, Timestamp};

use super::keys::KnownKeys;

/// Buffers that are kept to be filled again.
const SPARE_MAX: usize = 2;
/// Bytes that a new buffer has room for.
const BUFFER_BYTES: usize = 64 << 10;

/// A batch that waits, and the keys of its records.
#[derive(Debug)]
pub(crate) struct Filling {
    pub(crate) builder: BatchBuilder,
    pub(crate) keys: Vec<KeyEntry>,
}

/// Whether records are taken.
#[derive(Debug, Clone)]
pub(crate) enum Stage {
    /// They are.
    Open,
    /// No new ones; those that wait are still committed.
    Closing,
    /// Nothing is committed any more.
    Failed(CommitError),
}

/// Where new records come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// From this node's own parts.
    Own,
    /// From the active partner, with their places.
    Partner,
}

/// What waits for the disk, under the lane's one lock for submitters.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) lane: Lane,
    pub(crate) stage: Stage,
    pub(crate) source: Source,
    /// The place of the next record.
    pub(crate) next: Seq,
    /// The epoch of the next record.
    pub(crate) epoch: Epoch,
    /// Which epochs began where, oldest first.
    pub(crate) reigns: Vec<(Epoch, Seq)>,
    pub(crate) known: KnownKeys,
    /// The last one is being filled.
    waiting: VecDeque<Filling>,
    spare: Vec<Filling>,
    /// Of all that is not yet durable, what is being written included.
    pub(crate) bytes: usize,
    pub(crate) bytes_max: usize,
    pub(crate) batch_bytes_max: usize,
    pub(crate) lane_key: u64,
}

impl Queue {
    pub(crate) fn new(
        lane: Lane,
        lane_key: u64,
        next: Seq,
        reigns: Vec<(Epoch, Seq)>,
        known: KnownKeys,
        limits: &crate::options::Limits,
    ) -> Self {
        Self {
            lane,
            stage: Stage::Open,
            source: Source::Own,
            next,
            epoch: reigns.last().map_or(Epoch::FIRST, |(epoch, _)| *epoch),
            reigns,
            known,
            waiting: VecDeque::new(),
            spare: Vec::new(),
            bytes: 0,
            bytes_max: limits.queue_bytes,
            batch_bytes_max: limits.commit_bytes_max,
            lane_key,
        }
    }

    /// Says whether records of at most `bytes` may be placed now, while `held` bytes more wait for
    /// the partner.
    pub(crate) fn admit(&self, bytes: usize, held: usize) -> Result<(), SubmitError> {
        match &self.stage {
            Stage::Open if self.source == Source::Partner => Err(SubmitError::Passive),
            Stage::Open if self.bytes + held + bytes <= self.bytes_max => Ok(()),
            Stage::Open => Err(SubmitError::Full {
                lane: self.lane,
                queued_bytes: self.bytes + held,
                limit_bytes: self.bytes_max,
            }),
            Stage::Closing => Err(SubmitError::Closed),
            Stage::Failed(error) => Err(SubmitError::Failed(error.clone())),
        }
    }

    /// Makes sure that the batch being filled has room for `bytes` more, by beginning another one.
    pub(crate) fn make_room(&mut self, bytes: usize, base: Timestamp) {
        let fits = self.waiting.back().is_some_and(|filling| {
            let builder = &filling.builder;
            builder.epoch() == self.epoch && builder.len() + bytes <= self.batch_bytes_max
        });
        if !fits {
            self.begin(base);
        }
    }

    fn begin(&mut self, base: Timestamp) {
        let mut filling = self.spare.pop().unwrap_or_else(|| Filling {
            builder: BatchBuilder::with_capacity(BUFFER_BYTES),
            keys: Vec::new(),
        });
        filling.builder.start(self.next, self.epoch, base);
        filling.keys.clear();
        self.bytes += filling.builder.len();
        self.waiting.push_back(filling);
    }

    /// Places a record in the batch that is being filled, for which room has been made.
    pub(crate) fn push(&mut self, record: &NewRecord<'_>, key: Option<KeyEntry>) {
        let Some(filling) = self.waiting.back_mut() else {
            return;
        };
        let before = filling.builder.len();
        filling.builder.push(record, self.lane_key);
        filling.keys.extend(key);
        self.bytes += filling.builder.len() - before;
        self.next = self.next.next();
    }

    /// Takes the oldest batch out, to be written. Its bytes still count.
    pub(crate) fn take(&mut self) -> Option<Filling> {
        self.waiting.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Notes that a batch is durable, and keeps its buffers.
    pub(crate) fn done(&mut self, filling: Filling) {
        self.bytes -= filling.builder.len();
        if self.spare.len() < SPARE_MAX {
            self.spare.push(filling);
        }
    }

    /// The position of a record that was placed before.
    pub(crate) fn position(&self, seq: Seq) -> Position {
        let after = self.reigns.partition_point(|(_, first)| *first <= seq);
        let reign = after.checked_sub(1).and_then(|at| self.reigns.get(at));
        let epoch = reign
            .or(self.reigns.first())
            .map_or(self.epoch, |(epoch, _)| *epoch);
        Position {
            epoch,
            lane: self.lane,
            seq,
        }
    }
}
