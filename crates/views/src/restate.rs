//! Restating: before retention removes records, those that still say what their topic is are
//! appended again, so that a state tree can be folded from what is left of the journal.
//!
//! A [`Restater`] reads a lane from its durable cursor [`STANDING`] up to where retention wants to
//! remove soon, asks the state tree which of the records still stand, appends copies of those, and
//! moves the cursor on when the copies are durable. Retention never overtakes the cursor.
//!
//! Why that is right while others publish:
//! - A copy names the place of its original, and is folded as that original. A fold keeps the latest
//!   fact of a topic by the place where it was said first, so a put or delete that came in between
//!   the look and the append wins, wherever the copy stands.
//! - At any time the journal has the last fact of kind `state` of every topic, or a copy of it,
//!   whatever events came after it: a record is only left behind when the tree had a later one, which
//!   itself is not left behind, or when the copy is durable.
//! - A deleted topic stays deleted: see [`StateTree::stands`](spica_state::StateTree::stands).
//!   Between the look and the append lies less than the tombstones' limits allow for.
//! - Whatever is interrupted is done again: a superfluous copy changes nothing.
//!
//! What is not here: a task or a pace. Whoever may write to the journal runs it.

use std::sync::Arc;

use spica_journal::{
    CommitError, CursorError, FollowError, Followed, Follower, SubmitError, Ticket,
};
use spica_model::{Lane, NewRecord, Record, Seq};

use crate::Views;

/// The name of the durable cursor before which nothing stands any more without a copy.
pub const STANDING: &str = "standing";

/// Copies after which a batch ends.
const BATCH_COPIES: usize = 256;
/// Bytes of payloads after which a batch ends.
const BATCH_BYTES: usize = 256 << 10;
/// Records that a batch looks at, at most.
const BATCH_LOOKS: usize = 16 << 10;
/// Records that are read at once.
const READ_RECORDS: u64 = 256;
/// After so many records it is judged whether retention leaves room for more than the state.
const JUDGED_RECORDS: usize = 32 << 10;

/// Why a batch was not restated. Nothing is lost: retention waits.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RestateError {
    /// The journal cannot be read.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The journal does not take the copies now.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The copies do not become durable.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The cursor cannot be opened or moved.
    #[error(transparent)]
    Cursor(#[from] CursorError),
}

/// Restates one lane. One per lane and node.
pub struct Restater {
    views: Arc<Views>,
    lane: Lane,
    /// Nothing up to here stands without a durable copy.
    place: Seq,
    /// Reads on behind `place`; none after an error.
    follower: Option<Box<dyn Follower>>,
    crowding: Crowding,
}

/// A part of a lane that was looked at, and the copies that were appended for it.
#[derive(Debug)]
#[must_use = "only `Restater::settle` lets retention go on"]
pub struct Batch {
    through: Seq,
    looked: usize,
    copies: usize,
    copies_again: usize,
    bytes: usize,
    ticket: Option<Ticket>,
}

impl Batch {
    /// How many records were appended.
    #[must_use]
    pub const fn copies(&self) -> usize {
        self.copies
    }
}

impl Restater {
    /// A restater of `lane` for the state tree of `views`, where the last one has stopped. From now
    /// on retention waits for it. Blocks: a new cursor is stored.
    ///
    /// # Errors
    /// If the cursor cannot be opened.
    pub fn new(views: Arc<Views>, lane: Lane) -> Result<Self, CursorError> {
        let journal = &views.shared.journal;
        let before_first = Seq(journal.status(lane).first.0.saturating_sub(1));
        let place = journal.open_cursor(STANDING, lane, before_first)?;
        Ok(Self {
            views,
            lane,
            place,
            follower: None,
            crowding: Crowding::default(),
        })
    }

    /// The lane.
    #[must_use]
    pub const fn lane(&self) -> Lane {
        self.lane
    }

    /// Looks at some of what retention wants to remove, and appends copies of what stands; `None` if
    /// there is nothing to look at. Reads from disk: call it off the async workers. Each batch is
    /// [settled](Self::settle) before the next.
    ///
    /// # Errors
    /// If the journal cannot be read, or does not take the copies now. Calling again goes on where
    /// the last settled batch ended.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, RestateError> {
        // Only where the views have been can be said what stands.
        let goal = self.views.shared.journal.retiring(self.lane);
        let goal = goal.min(self.views.shared.applied[self.lane.index()].durable());
        if goal <= self.place {
            return Ok(None);
        }
        // An error leaves no follower, so that the next call begins at the place again.
        let mut follower = match self.follower.take() {
            Some(follower) => follower,
            None => self.views.shared.journal.follow(self.lane, self.place)?,
        };
        let found = self.find(&mut *follower, goal)?;
        let batch = self.append(&found, follower.after())?;
        self.follower = Some(follower);
        Ok(Some(batch))
    }

    fn find(&self, follower: &mut dyn Follower, goal: Seq) -> Result<Found, FollowError> {
        let mut found = Found::default();
        while follower.after() < goal && !found.is_enough() {
            let max = (goal.0 - follower.after().0).min(READ_RECORDS);
            match follower.read(usize::try_from(max).unwrap_or(1))? {
                Followed::Records(records) => {
                    found.looked += records.len();
                    self.views.read(|folds| {
                        let stands = |record: &Record| folds.tree.stands(record);
                        found.extend(records.into_iter().filter(stands));
                    });
                }
                // What cannot be read cannot be said again. The views have counted it.
                Followed::Gap { .. } | Followed::Damaged(_) => {}
                Followed::UpToDate => break,
            }
        }
        Ok(found)
    }

    fn append(&self, found: &Found, through: Seq) -> Result<Batch, SubmitError> {
        let copies: Vec<NewRecord<'_>> = found.standing.iter().map(Record::restated).collect();
        let ticket = if copies.is_empty() {
            None
        } else {
            Some(self.views.shared.journal.submit(self.lane, &copies)?)
        };
        let again = found.standing.iter().filter(|record| record.is_restated());
        Ok(Batch {
            through,
            looked: found.looked,
            copies: copies.len(),
            copies_again: again.count(),
            bytes: found.bytes,
            ticket,
        })
    }

    /// Waits until a batch is durable, and lets retention have what it was made of. Cancelled, it
    /// leaves nothing behind but superfluous copies.
    ///
    /// # Errors
    /// If the copies never become durable, or the cursor is gone.
    pub async fn settle(&mut self, batch: Batch) -> Result<(), RestateError> {
        if let Some(ticket) = &batch.ticket {
            ticket.durable().await?;
        }
        let shared = &self.views.shared;
        shared
            .journal
            .advance_cursor(STANDING, self.lane, batch.through)?;
        self.place = batch.through;
        shared
            .metrics
            .restated(self.lane, batch.copies, batch.bytes);
        self.crowding.judge(self.lane, &batch);
        Ok(())
    }
}

impl std::fmt::Debug for Restater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Restater")
            .field("lane", &self.lane)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// What a batch is made of.
#[derive(Default)]
struct Found {
    looked: usize,
    standing: Vec<Record>,
    bytes: usize,
}

impl Found {
    fn extend(&mut self, records: impl Iterator<Item = Record>) {
        for record in records {
            self.bytes += record.payload.len();
            self.standing.push(record);
        }
    }

    const fn is_enough(&self) -> bool {
        self.looked >= BATCH_LOOKS
            || self.standing.len() >= BATCH_COPIES
            || self.bytes >= BATCH_BYTES
    }
}

/// Whether a lane is filled by its own state: then most of what retention removes are copies that
/// must be made again, and the disk writes for ever.
#[derive(Debug, Default)]
struct Crowding {
    looked: usize,
    again: usize,
    crowded: bool,
}

impl Crowding {
    fn judge(&mut self, lane: Lane, batch: &Batch) {
        self.looked += batch.looked;
        self.again += batch.copies_again;
        if self.looked < JUDGED_RECORDS {
            return;
        }
        let crowded = self.again > self.looked / 2;
        if crowded && !self.crowded {
            tracing::warn!(
                %lane,
                "most of what retention removes is state that must be written again at once: raise \
                 journal.{lane}.retention_bytes or retention_age, or delete topics"
            );
        }
        *self = Self {
            crowded,
            ..Self::default()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_is_crowded_when_more_than_half_of_it_is_copied_again() {
        let mut crowding = Crowding::default();
        let batch = |looked, copies_again| Batch {
            through: Seq::ZERO,
            looked,
            copies: copies_again,
            copies_again,
            bytes: 0,
            ticket: None,
        };
        crowding.judge(Lane::Normal, &batch(JUDGED_RECORDS - 1, JUDGED_RECORDS - 1));
        assert!(!crowding.crowded, "too few to judge");
        crowding.judge(Lane::Normal, &batch(1, 0));
        assert!(crowding.crowded);
        crowding.judge(Lane::Normal, &batch(JUDGED_RECORDS, JUDGED_RECORDS / 2));
        assert!(!crowding.crowded);
    }
}
