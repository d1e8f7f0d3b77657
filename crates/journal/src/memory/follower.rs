//! A reader of a lane in memory.

use std::sync::Arc;

use spica_model::Seq;

use super::lane::MemoryLane;
use crate::{Durable, FollowError, Followed, Follower};

#[derive(Debug)]
pub(super) struct MemoryFollower {
    lane: Arc<MemoryLane>,
    after: Seq,
}

impl MemoryFollower {
    pub(super) fn new(lane: Arc<MemoryLane>, after: Seq) -> Result<Self, FollowError> {
        let durable = lane.watermark().durable();
        if after > durable {
            return Err(FollowError::Beyond {
                lane: lane.name(),
                after,
                durable,
            });
        }
        Ok(Self { lane, after })
    }
}

impl Follower for MemoryFollower {
    fn read(&mut self, max: usize) -> Result<Followed, FollowError> {
        if self.lane.read_fails() {
            return Err(FollowError::Read {
                lane: self.lane.name(),
                detail: "the test let it fail".into(),
            });
        }
        let followed = self.lane.read(self.after, max);
        self.after = match &followed {
            Followed::Records(records) => records.last().map_or(self.after, |r| r.position.seq),
            Followed::Gap { to, .. } => *to,
            Followed::Damaged(damage) => damage.to,
            Followed::UpToDate => self.after,
        };
        Ok(followed)
    }

    fn after(&self) -> Seq {
        self.after
    }

    fn more(&self) -> Durable {
        self.lane.watermark().reached(self.after.next())
    }
}
