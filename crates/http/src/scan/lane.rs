//! One lane, read ahead by as much as fits.

use std::collections::VecDeque;
use std::time::Duration;

use spica_journal::{Damage, FollowError, Followed, Follower, Journal};
use spica_model::{Epoch, Lane, Position, Record, Seq, Timestamp};

use super::{Wanted, Window};

/// How far times of reception may be out of order within a lane and still be found by them: writers
/// take the time before they get their place, and a station may hold a batch back for a whole session
/// (a minute) while the journal's queue is full. A clock that is set back further disorders more.
const DISORDER: Duration = Duration::from_secs(120);

/// Records to read at first.
const READ_FIRST: usize = 32;
/// Most records to read at once.
const READ_MOST: usize = 256;
/// Payloads of this size, together, are enough to read ahead.
const READ_BYTES: usize = 256 << 10;

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
    /// How many records to read at once: fewer when they are large.
    read: usize,
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
        let after = match &window.after {
            Some(place) => place.seq(lane),
            // What retention removed long ago is no gap in an answer about what is kept.
            None => oldest(journal, lane, wanted.from).max(Seq(status.first.0.saturating_sub(1))),
        };
        let until = window.until.map_or(status.durable, |place| place.seq(lane));
        let end = wanted.to.map_or(until, |to| {
            until.min(journal.seek(lane, to.saturating_add(DISORDER)))
        });
        let follower = journal.follow(lane, after)?;
        Ok(Self {
            lane,
            follower,
            ahead: VecDeque::new(),
            read: READ_FIRST,
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
        match self.follower.read(self.read)? {
            Followed::Records(records) => {
                self.adapt(&records);
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

    /// Reads more at once as long as that takes little memory, else less.
    fn adapt(&mut self, records: &[Record]) {
        let bytes: usize = records.iter().map(|record| record.payload.len()).sum();
        self.read = if bytes > READ_BYTES {
            self.read / 2
        } else {
            self.read * 2
        };
        self.read = self.read.clamp(1, READ_MOST);
    }
}

fn oldest(journal: &dyn Journal, lane: Lane, from: Option<Timestamp>) -> Seq {
    from.map_or(Seq::ZERO, |from| {
        journal.seek(lane, from.saturating_sub(DISORDER))
    })
}
