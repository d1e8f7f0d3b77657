//! One lane, read ahead by as much as fits.

use std::collections::VecDeque;

use spica_journal::{Damage, FollowError, Followed, Follower, Journal};
use spica_model::{Epoch, Lane, Position, Record, Seq};

use super::{Wanted, Window};

/// Records to read at once; the journal reads fewer when they are large.
const READ_RECORDS: usize = 256;

/// What a lane brings next.
pub(super) enum Item {
    Record(Record),
    Gap(Seq, Seq),
    Damaged(Damage),
}

impl Item {
    /// The place after it.
    pub(super) fn last(&self, lane: &LaneScan) -> Position {
        let seq = match self {
            Self::Record(record) => return record.position,
            Self::Gap(_, to) => *to,
            Self::Damaged(damage) => damage.to,
        };
        Position {
            epoch: lane.epoch,
            lane: lane.lane,
            seq,
        }
    }
}

/// One lane of a scan.
pub(super) struct LaneScan {
    pub(super) lane: Lane,
    follower: Box<dyn Follower>,
    /// What was read but not taken yet.
    pub(super) ahead: VecDeque<Item>,
    /// The place after which the scan began.
    pub(super) after: Seq,
    /// The last record of the window.
    end: Seq,
    /// The reign in which the scan runs.
    epoch: Epoch,
}

impl LaneScan {
    pub(super) fn new(
        journal: &dyn Journal,
        lane: Lane,
        window: &Window,
        wanted: &Wanted,
    ) -> Result<Self, FollowError> {
        let status = journal.status(lane);
        let timed = journal.window(lane, wanted.from, wanted.to)?;
        // What retention removed long ago is no gap in an answer about what is kept.
        let after = window.after.map_or(timed.after, |place| place.seq(lane));
        let until = window.until.map_or(status.durable, |place| place.seq(lane));
        let end = until.min(timed.through);
        let follower = journal.follow(lane, after)?;
        Ok(Self {
            lane,
            follower,
            ahead: VecDeque::new(),
            after,
            end,
            epoch: status.epoch,
        })
    }

    /// Makes sure that something is ahead, unless the window ends.
    pub(super) fn fill(&mut self) -> Result<(), FollowError> {
        if !self.ahead.is_empty() || self.follower.after() >= self.end {
            return Ok(());
        }
        let end = self.end;
        match self.follower.read(READ_RECORDS)? {
            Followed::Records(records) => {
                let within = records.into_iter().take_while(|r| r.position.seq <= end);
                self.ahead.extend(within.map(Item::Record));
            }
            Followed::Gap { from, to } => self.ahead.push_back(Item::Gap(from, to)),
            Followed::Damaged(damage) => self.ahead.push_back(Item::Damaged(damage)),
            // Nothing durable is left although the window goes on: the journal was cut; stop here.
            Followed::UpToDate => self.end = self.follower.after(),
        }
        Ok(())
    }
}
