//! What the reader and the writer of a connection, and the actor, share.

use parking_lot::Mutex;
use spica_model::{Epoch, Lane, Seq};
use spica_pair::follow::{Follower, Leader};
use tokio::sync::Notify;

use super::desks::Desks;

/// What a connection carries beside messages.
pub(crate) struct Shared {
    pub(crate) id: u64,
    /// The keys of the partner's checksums, critical first.
    pub(crate) lane_keys: [u64; 2],
    pub(crate) flow: Mutex<Flow>,
    /// Tells the writer that something has changed.
    pub(crate) changed: Notify,
    /// Who takes what comes beside records.
    pub(super) desks: Desks,
}

/// Which way records go.
#[derive(Debug, Default)]
pub(crate) enum Flow {
    /// None.
    #[default]
    None,
    /// To the partner, who follows this node's reign.
    Lead {
        reign: Epoch,
        leader: Box<Leader>,
        /// Counts the beginnings, so that the writer opens the tails anew.
        round: u64,
    },
    /// From the partner, who is active.
    Follow { follower: Follower, after: [Seq; 2] },
}

impl Shared {
    pub(crate) fn new(id: u64, lane_keys: [u64; 2], desks: Desks) -> Self {
        Self {
            id,
            lane_keys,
            flow: Mutex::default(),
            changed: Notify::new(),
            desks,
        }
    }

    /// Records go to the partner from here on.
    pub(crate) fn lead(&self, reign: Epoch, after: [Seq; 2]) {
        let mut flow = self.flow.lock();
        let round = match &*flow {
            Flow::Lead { round, .. } => round + 1,
            _ => 1,
        };
        *flow = Flow::Lead {
            reign,
            leader: Box::new(Leader::new(after, spica_pair::follow::Window::default())),
            round,
        };
        drop(flow);
        self.changed.notify_one();
    }

    /// The reign of who sends has changed, and nothing else.
    pub(crate) fn set_reign(&self, epoch: Epoch) {
        if let Flow::Lead { reign, .. } = &mut *self.flow.lock() {
            *reign = epoch;
        }
    }

    /// Records come from the partner from here on.
    pub(crate) fn follow(&self, reign: Epoch, after: [Seq; 2]) {
        *self.flow.lock() = Flow::Follow {
            follower: Follower::new(reign, after),
            after,
        };
        self.changed.notify_one();
    }

    /// No more records.
    pub(crate) fn end(&self) {
        *self.flow.lock() = Flow::None;
        self.changed.notify_one();
    }

    /// How many records of each lane the partner lacks, and what it has; none if it does not follow.
    pub(crate) fn lag(&self) -> Option<([u64; 2], [Seq; 2])> {
        match &*self.flow.lock() {
            Flow::Lead { leader, .. } => {
                Some((leader.lag(), Lane::ALL.map(|lane| leader.has(lane))))
            }
            _ => None,
        }
    }

    pub(crate) fn is_following(&self) -> bool {
        matches!(&*self.flow.lock(), Flow::Follow { .. })
    }

    pub(crate) fn is_leading(&self) -> bool {
        matches!(&*self.flow.lock(), Flow::Lead { .. })
    }
}
