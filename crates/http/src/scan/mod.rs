//! Reading both lanes as one sequence: the work behind history and behind resumed live streams.
//!
//! The order: each lane in the order of its numbers; of the two next records the one that was
//! received earlier comes first, and of two received at once the critical one. A lane is never
//! reordered, so where a clock jumped back the times of a page jump too. Damaged and missing ranges
//! come at their place in their lane.
//!
//! Everything here may read from disk: callers run it off the async workers.

mod lane;

use std::sync::Arc;

use spica_journal::{Damage, FollowError, Journal};
use spica_model::{Lane, Record, Seq, Timestamp, TopicFilter};

use self::lane::{Item, LaneScan};
use crate::place::Place;

/// Which records are wanted. Without any filter: all of them.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Topics.
    pub filter: Option<TopicFilter>,
    /// A topic of which only what is strictly below is wanted.
    pub below: Option<String>,
    /// A topic that is hidden, with all below.
    pub hidden: Option<String>,
    /// Received at or after this time.
    pub from: Option<Timestamp>,
    /// Received before this time.
    pub to: Option<Timestamp>,
}

impl Wanted {
    /// Whether `record` is one of them. A restated record never is: it is no new fact.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        let topic = &record.topic;
        !record.is_restated()
            && self.from.is_none_or(|from| record.received >= from)
            && self.to.is_none_or(|to| record.received < to)
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.matches(topic))
            && self
                .below
                .as_ref()
                .is_none_or(|prefix| topic.below(prefix).is_some())
            && !self
                .hidden
                .as_ref()
                .is_some_and(|hidden| topic.is_within(hidden))
    }
}

/// What a scan finds next.
#[derive(Debug)]
pub enum Found {
    /// A record that is wanted.
    Record(Record),
    /// Records that retention has removed.
    Gap {
        /// The lane.
        lane: Lane,
        /// The first that is missing.
        from: Seq,
        /// The last that is missing.
        to: Seq,
    },
    /// Records that cannot be read.
    Damaged(Damage),
    /// The budget of records is used up; there may be more.
    Paused,
    /// The end of the window.
    End,
}

/// A scan over one or both lanes, up to where they were durable when it began.
pub struct Scan {
    wanted: Arc<Wanted>,
    lanes: Vec<LaneScan>,
    place: Place,
}

/// Where a scan begins and which lanes it reads.
#[derive(Debug, Clone)]
pub struct Window {
    /// The lanes to read.
    pub lanes: Vec<Lane>,
    /// After which place; from the oldest kept records, or from the wanted time, if there is none.
    pub after: Option<Place>,
    /// Up to which place; the durable end of now if there is none.
    pub until: Option<Place>,
}

impl Scan {
    /// A scan of `window` for what is `wanted`.
    ///
    /// # Errors
    /// If the place lies in another history, or a file cannot be read.
    pub fn new(
        journal: &dyn Journal,
        window: &Window,
        wanted: Arc<Wanted>,
    ) -> Result<Self, FollowError> {
        let lanes = window
            .lanes
            .iter()
            .map(|&lane| LaneScan::new(journal, lane, window, &wanted))
            .collect::<Result<Vec<_>, _>>()?;
        let place = window.after.unwrap_or_else(|| start(journal, &lanes));
        Ok(Self {
            wanted,
            lanes,
            place,
        })
    }

    /// After everything that has come out so far, and everything unwanted before it.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// The next find. Takes at most `budget` records into hand, and counts it down.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn next(&mut self, budget: &mut usize) -> Result<Found, FollowError> {
        loop {
            for lane in &mut self.lanes {
                lane.fill()?;
            }
            let Some(next) = self.earliest() else {
                return Ok(Found::End);
            };
            if *budget == 0 {
                return Ok(Found::Paused);
            }
            *budget -= 1;
            if let Some(found) = self.take(next) {
                return Ok(found);
            }
        }
    }

    /// Whether anything is left to read, wanted or not.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn has_more(&mut self) -> Result<bool, FollowError> {
        for lane in &mut self.lanes {
            lane.fill()?;
        }
        Ok(self.earliest().is_some())
    }

    /// Index of the lane whose next item comes first.
    fn earliest(&self) -> Option<usize> {
        let heads = self.lanes.iter().enumerate().filter_map(|(at, lane)| {
            // What has no time of its own comes at once; lanes stand critical first.
            let received = match lane.ahead.front()? {
                Item::Record(record) => record.received,
                Item::Gap(..) | Item::Damaged(_) => Timestamp::from_micros(i64::MIN),
            };
            Some((received, at))
        });
        heads.min().map(|(_, at)| at)
    }

    fn take(&mut self, at: usize) -> Option<Found> {
        let lane = self.lanes.get_mut(at)?;
        let item = lane.ahead.pop_front()?;
        let position = item.last(lane);
        self.place.advance(position);
        let found = match item {
            Item::Record(record) if self.wanted.matches(&record) => Found::Record(record),
            Item::Record(_) => return None,
            Item::Gap(from, to) => Found::Gap {
                lane: lane.lane,
                from,
                to,
            },
            Item::Damaged(damage) => Found::Damaged(damage),
        };
        Some(found)
    }
}

/// The place before the first record that the lanes will read.
fn start(journal: &dyn Journal, lanes: &[LaneScan]) -> Place {
    let of = |lane: Lane| {
        let seq = lanes
            .iter()
            .find(|scan| scan.lane == lane)
            .map_or(Seq::ZERO, |s| s.after);
        (journal.status(lane).epoch, seq)
    };
    Place::new(of(Lane::Critical), of(Lane::Normal))
}
