//! A group: all subscriptions that want the same. It has one log for all of them.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;
use std::time::Duration;

use slab::Slab;

use crate::derived::Derived;
use crate::mark::{Mark, covers};
use crate::ring::Ring;
use crate::share::Batch;
use crate::want::Want;

/// Frames that are kept for other sessions at the same place.
const BATCHES: usize = 8;

/// All subscriptions that want the same.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) want: Arc<Want>,
    /// What tells it from an older group in the same slot.
    pub(crate) token: u64,
    /// The latest of each topic, by the number at which it became so; per lane.
    pub(crate) states: [BTreeMap<u64, u32>; 2],
    /// Records that are delivered one by one, if any are.
    pub(crate) rings: Option<Box<[Ring; 2]>>,
    /// Values that are computed.
    pub(crate) derived: Option<Box<Derived>>,
    /// The session of each member.
    pub(crate) members: Slab<u32>,
    /// Deletions up to here may have been forgotten.
    pub(crate) forgotten: Mark,
    /// Where the lanes stood when it began: what is later comes as it happens.
    pub(crate) born: Mark,
    /// What has been loaded goes up to here.
    pub(crate) loaded: Mark,
    /// Sessions begin when everything up to here was taken in; `None` as long as it is being loaded.
    pub(crate) ready_at: Option<Mark>,
    /// Whether it is on the list of those with news.
    pub(crate) has_news: bool,
    /// How many values of states came, shown or not.
    pub(crate) updates: u64,
    batches: Vec<Batch>,
    pub(crate) empty_since: Option<Duration>,
}

impl Group {
    pub(crate) fn new(want: Arc<Want>, token: u64, heads: Mark) -> Self {
        let rings = want.each().then(|| Box::new(heads.map(Ring::after)));
        Self {
            derived: Derived::of(&want).map(Box::new),
            rings,
            want,
            token,
            states: Default::default(),
            members: Slab::new(),
            forgotten: [0; 2],
            born: heads,
            loaded: [0; 2],
            ready_at: None,
            has_news: false,
            updates: 0,
            batches: Vec::new(),
            empty_since: None,
        }
    }

    /// Where its log ends now. What windows say has numbers of its own, since a window may close
    /// long after its last record.
    pub(crate) fn head(&self, heads: Mark) -> Mark {
        match self.derived.as_deref() {
            Some(Derived::Windows(windows)) => windows.said(),
            _ => heads,
        }
    }

    pub(crate) fn is_windowed(&self) -> bool {
        self.want.window.is_some()
    }

    /// Whether sessions may begin.
    pub(crate) fn is_ready(&self, heads: Mark) -> bool {
        self.ready_at.is_some_and(|at| covers(heads, at))
    }

    pub(crate) fn ring(&self, lane: usize) -> Option<&Ring> {
        self.rings.as_ref().map(|rings| &rings[lane])
    }

    /// The states of a lane after one number and up to another, in order.
    pub(crate) fn states_after(
        &self,
        lane: usize,
        after: u64,
        to: u64,
    ) -> Peekable<impl Iterator<Item = (u64, u32)>> {
        let states = self.states[lane].range(after + 1..to.max(after) + 1);
        states.map(|(seq, topic)| (*seq, *topic)).peekable()
    }

    /// The last number of a lane at which there is anything.
    pub(crate) fn last_state(&self, lane: usize) -> u64 {
        self.states[lane]
            .last_key_value()
            .map_or(0, |(seq, _)| *seq)
    }

    /// What was built is old.
    pub(crate) fn forget_batches(&mut self) {
        self.batches.clear();
    }

    pub(crate) fn batches(&self) -> &[Batch] {
        &self.batches
    }

    pub(crate) fn keep(&mut self, batch: Batch) {
        if self.batches.len() >= BATCHES {
            self.batches.remove(0);
        }
        self.batches.push(batch);
    }
}
