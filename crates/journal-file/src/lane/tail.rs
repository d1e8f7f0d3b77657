//! The tail of a lane for the partner: whole batches, as they are written.

use std::sync::Arc;

use spica_journal::{Damage, Durable, FollowError, Followed};
use spica_journal_format::Batch;
use spica_model::Seq;

use super::LaneLog;
use super::place::{Found, Places};

/// Reads whole batches of a lane in order, also the one that is just being written.
pub struct Tail {
    lane: Arc<LaneLog>,
    places: Places,
    after: Seq,
}

/// What comes next.
#[derive(Debug)]
pub enum Tailed {
    /// A batch that holds the next record; records before that may stand in it too.
    Batch(Batch),
    /// Records up to this one are gone: retention was faster.
    Gone(Seq),
    /// Records are damaged on this node's disk.
    Damaged(Damage),
    /// Nothing: [`Tail::more`] resolves when there is.
    UpToDate,
}

impl Tail {
    /// Begins after the record at `after`.
    pub(crate) fn new(lane: &Arc<LaneLog>, after: Seq) -> Self {
        Self {
            lane: Arc::clone(lane),
            places: Places::new(Arc::clone(lane)),
            after,
        }
    }

    /// The next batch. Reads from disk when the place is older than what is kept in memory.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(&mut self) -> Result<Tailed, FollowError> {
        let staged = self.lane.staged.durable();
        if self.after >= staged {
            return Ok(Tailed::UpToDate);
        }
        Ok(match self.places.find(self.after.next(), staged)? {
            Found::Batch(batch, _) => {
                self.after = Seq(batch.header.next().0 - 1);
                Tailed::Batch(batch)
            }
            Found::Other(Followed::Gap { to, .. }) => Tailed::Gone(to),
            Found::Other(Followed::Damaged(damage)) => Tailed::Damaged(damage),
            Found::Other(Followed::Records(_) | Followed::UpToDate) => Tailed::UpToDate,
        })
    }

    /// The last record that was read.
    #[must_use]
    pub const fn after(&self) -> Seq {
        self.after
    }

    /// The newest record that can be read.
    #[must_use]
    pub fn staged(&self) -> Seq {
        self.lane.staged.durable()
    }

    /// Resolves when there is more to read, or the lane has failed or closed.
    #[must_use]
    pub fn more(&self) -> Durable {
        self.lane.staged.reached(self.after.next())
    }
}
