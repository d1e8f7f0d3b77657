//! The records of both lanes, in order, the critical lane first.

use spica_alarms::Mark;
use std::time::{Duration, Instant};

use spica_journal::{CommitError, Damage, FollowError, Followed, Follower, Journal, Pace};
use spica_model::{Lane, Record, Seq};

/// How many records of a lane are looked at before the other lane's turn: about a millisecond's work,
/// by which a critical record may be late.
const AT_ONCE: usize = 1_024;
/// How often the desk looks for more in the normal lane, after a few looks at once.
const PACE: Pace = Pace::new(Duration::from_millis(2), 4);

/// What there is to decide on next.
pub(crate) enum Fed {
    /// Records of a lane, at least one.
    Records(Lane, Vec<Record>),
    /// Records that retention has removed before the desk saw them, up to this place.
    Gap(Lane, Seq, Seq),
    /// Records that cannot be read.
    Damaged(Damage),
    /// Nothing now.
    Nothing,
}

/// Followers of both lanes, with what they have read ahead.
pub(crate) struct Feed {
    lanes: [Box<dyn Follower>; 2],
    /// Read, and not decided on yet.
    ahead: [Vec<Record>; 2],
    /// Of the normal lane.
    pace: Pace,
}

impl Feed {
    /// A feed of what stands behind `mark`.
    ///
    /// # Errors
    /// If the journal has no such place, or cannot be read.
    pub(crate) fn new(journal: &dyn Journal, mark: Mark) -> Result<Self, FollowError> {
        let [critical, normal] = Lane::ALL.map(|lane| journal.follow(lane, mark.of(lane)));
        Ok(Self {
            lanes: [critical?, normal?],
            ahead: Default::default(),
            pace: PACE,
        })
    }

    /// What is next in `lane`.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(crate) fn next(&mut self, lane: Lane, now: Instant) -> Result<Fed, FollowError> {
        let at = lane.index();
        let ahead = std::mem::take(&mut self.ahead[at]);
        if !ahead.is_empty() {
            return Ok(Fed::Records(lane, ahead));
        }
        Ok(match self.lanes[at].read(AT_ONCE)? {
            Followed::Records(records) => {
                if lane == Lane::Normal {
                    self.pace.turn(now);
                }
                Fed::Records(lane, records)
            }
            Followed::Gap { from, to } => Fed::Gap(lane, from, to),
            Followed::Damaged(damage) => Fed::Damaged(damage),
            Followed::UpToDate => Fed::Nothing,
        })
    }

    /// Takes back what was read and is not decided on.
    pub(crate) fn put_back(&mut self, lane: Lane, rest: Vec<Record>) {
        self.ahead[lane.index()] = rest;
    }

    /// Whether something that was read is not decided on.
    pub(crate) fn has_more(&self) -> bool {
        self.ahead.iter().any(|ahead| !ahead.is_empty())
    }

    /// Resolves when there is something to read in either lane; for the normal one, where many commit
    /// a little each, a moment later.
    ///
    /// # Errors
    /// If a lane has failed or was closed: the node ends.
    pub(crate) async fn more(&self, now: Instant) -> Result<(), CommitError> {
        let [critical, normal] = self.lanes.each_ref().map(|follower| follower.more());
        let rest = self.pace.rest(now);
        let normal = async {
            if let Some(rest) = rest {
                tokio::time::sleep(rest).await;
            }
            normal.await
        };
        tokio::select! {
            more = critical => more,
            more = normal => more,
        }
    }
}
