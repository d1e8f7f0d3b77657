//! The journal as one of a pair: what the link between the two nodes needs of it.

use std::sync::Arc;

use spica_journal::{SubmitError, Ticket, Watermark};
use spica_journal_format::Batch;
use spica_model::{Epoch, Lane, NewRecord, Seq};

use super::FileJournal;
use crate::error::{CopyError, EpochError};
use crate::lane::queue::Source;
use crate::lane::tail::Tail;

/// When a record that is durable on this node's disk may be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledge {
    /// Not at all.
    Never,
    /// When the partner has it too; on the passive: when the active says so.
    Both,
    /// At once: a node without a partner.
    Alone,
}

/// Where the reigns of a lane began, and how far it reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneHistory {
    /// Which epochs began at which record, oldest first.
    pub reigns: Vec<(Epoch, Seq)>,
    /// The oldest record that is kept; the next one to come if there is none.
    pub first: Seq,
    /// The newest record that is durable here.
    pub last: Seq,
}

impl FileJournal {
    /// Sets when records are acknowledged, from now on. What was acknowledged before stays so.
    pub fn set_acknowledge(&self, rule: Acknowledge) {
        self.lanes.iter().for_each(|lane| lane.set_rule(rule));
    }

    /// Says that the partner has everything of a lane up to `seq`; on the passive, that the active
    /// has acknowledged so much. May go back: a partner that lost its tail has less.
    pub fn partner_has(&self, lane: Lane, seq: Seq) {
        self.lane(lane).partner_has(seq);
    }

    /// Takes records from this node's own parts (`true`), or copies from the partner (`false`).
    /// What was placed before is still committed.
    pub fn take_own(&self, own: bool) {
        for lane in &self.lanes {
            lane.queue.lock().source = if own { Source::Own } else { Source::Partner };
        }
    }

    /// Places a batch of the partner's, record by record, where it stands there. What is known
    /// already is passed over. Returns at once; [`durable_here`](Self::durable_here) says when it is
    /// on this disk.
    ///
    /// # Errors
    /// If this node takes its own records in, if records before the batch are missing, if its epoch
    /// is over, if it is damaged, or if the lane has failed.
    pub fn copy(&self, lane: Lane, batch: Batch) -> Result<(), CopyError> {
        let epoch = batch.header.epoch;
        if epoch > self.epoch() {
            self.note_epoch(epoch).map_err(CopyError::Epoch)?;
        }
        self.lane(lane).copy(batch)
    }

    /// Notes durably that the partner reigns in `epoch`, so that this node never begins it.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn note_epoch(&self, epoch: Epoch) -> Result<(), EpochError> {
        let _raising = self.raising.lock();
        if epoch <= self.epoch() {
            return Ok(());
        }
        self.store_epoch(epoch)
    }

    /// What is durable on this node, acknowledged or not.
    #[must_use]
    pub fn durable_here(&self, lane: Lane) -> Arc<Watermark> {
        Arc::clone(&self.lane(lane).here)
    }

    /// The tail of a lane for the partner, after the record at `after`.
    #[must_use]
    pub fn tail(&self, lane: Lane, after: Seq) -> Tail {
        Tail::new(self.lane(lane), after)
    }

    /// Where the reigns of a lane began, and how far it reaches.
    #[must_use]
    pub fn history(&self, lane: Lane) -> LaneHistory {
        let lane = self.lane(lane);
        let last = lane.here.durable();
        let reigns = lane.queue.lock().reigns.clone();
        let first = lane.segments.oldest().map(|segment| segment.first);
        LaneHistory {
            reigns,
            first: first.unwrap_or(last.next()).min(last.next()),
            last,
        }
    }

    /// As [`Journal::submit`](spica_journal::Journal::submit), but only directly after the record at
    /// `last`: `None`, and nothing is placed, if another one stands there by now. For who must have
    /// seen all that was placed before.
    ///
    /// # Errors
    /// As for `submit`.
    pub fn submit_after(
        &self,
        lane: Lane,
        last: Seq,
        records: &[NewRecord<'_>],
    ) -> Result<Option<Ticket>, SubmitError> {
        self.lane(lane).submit_after(last, records)
    }

    /// The key of a lane with which the checksums of its records are made: the partner needs it to
    /// check what it is sent.
    #[must_use]
    pub fn lane_key(&self, lane: Lane) -> u64 {
        self.meta.lock().secret.lane_key(lane)
    }
}
