//! What all groups and sessions share.

use spica_model::{Epoch, Lane, Place, Seq};

use crate::Limits;
use crate::group::Group;
use crate::mark::Mark;
use crate::rows::Rows;
use crate::telemetry::Counters;
use crate::topics::Topics;

/// What all groups and sessions share.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) limits: Limits,
    pub(crate) topics: Topics,
    pub(crate) rows: Rows,
    /// Everything up to here has been taken in.
    pub(crate) heads: Mark,
    pub(crate) epochs: [Epoch; 2],
    pub(crate) counters: Counters,
    pub(crate) queue_bytes: usize,
    pub(crate) replay_bytes: usize,
    /// A buffer for rows that are not kept.
    pub(crate) scratch: Vec<u8>,
    /// Buffers for the rows of frames.
    pub(crate) bodies: Vec<Vec<u8>>,
}

impl Store {
    pub(crate) fn new(limits: Limits, heads: &Place) -> Self {
        Self {
            topics: Topics::default(),
            rows: Rows::new(limits.cache_bytes),
            limits,
            heads: Lane::ALL.map(|lane| heads.seq(lane).0),
            epochs: Lane::ALL.map(|lane| heads.epoch(lane)),
            counters: Counters::default(),
            queue_bytes: 0,
            replay_bytes: 0,
            scratch: Vec::new(),
            bodies: Vec::new(),
        }
    }

    /// A place as clients see it.
    pub(crate) fn place(&self, mark: Mark) -> Place {
        let [critical, normal] = [0, 1].map(|lane: usize| (self.epochs[lane], Seq(mark[lane])));
        Place::new(critical, normal)
    }

    /// Where a subscription of `group` that stands at `cursor` would have to go on.
    pub(crate) fn at(&self, group: &Group, cursor: Mark) -> Place {
        if group.is_windowed() {
            return self.place(self.heads);
        }
        self.place(cursor)
    }
}
