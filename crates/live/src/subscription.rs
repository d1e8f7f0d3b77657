//! A subscription: a place in the log of its group, and what its client holds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use spica_live_proto::{Deliver, GapReason, Recovery, SubId};
use spica_model::{Place, Record};

use crate::bucket::Bucket;
use crate::group::Group;
use crate::mark::{Mark, covers, join};
use crate::sweep::Sweep;

/// One subscription of one session.
#[derive(Debug)]
pub(crate) struct Sub {
    pub(crate) id: SubId,
    /// What tells it from an older one with the same number.
    pub(crate) token: u64,
    pub(crate) group: u32,
    /// Its index in the group's list.
    pub(crate) member: u32,
    pub(crate) recovery: Recovery,
    pub(crate) deliver: Deliver,
    pub(crate) delta: bool,
    pub(crate) max_queue: u32,
    /// What it waits for before it begins.
    pub(crate) waiting: Option<Box<Waiting>>,
    /// Everything up to here was sent, or left out by conflation.
    pub(crate) cursor: Mark,
    /// Records are delivered one by one after here.
    pub(crate) events_from: Mark,
    /// Deletions up to here are left out; and where each record is delivered, what stood up to here
    /// is its snapshot.
    pub(crate) quiet: Mark,
    /// Where it last had everything.
    pub(crate) whole: Mark,
    /// What was before here was not sent by this engine.
    pub(crate) began: Mark,
    pub(crate) held: Held,
    /// Whose turn it is, per lane, while it cannot be sent all that changes.
    pub(crate) sweeps: Option<Box<[Sweep; 2]>>,
    /// When this is reached, it is told that it is ready.
    pub(crate) goal: Option<Mark>,
    pub(crate) replay: Option<Box<Replay>>,
    pub(crate) pace: Option<Box<Pace>>,
    /// The updates of its group that it knows of.
    pub(crate) counted: u64,
    /// Rows of states since then.
    pub(crate) states_sent: u64,
    /// How many events its ring had ever had before the first that it was not sent, per lane.
    pub(crate) events_seen: Mark,
    /// The sum of the numbers of the last place that it was told.
    pub(crate) told: u64,
}

/// How a subscription is to begin.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Everything up to here was durable when it was asked for: it begins after that.
    pub(crate) not_before: Mark,
    pub(crate) snapshot: bool,
    pub(crate) after: Option<Place>,
    /// What is known of that place.
    pub(crate) checked: Option<Checked>,
}

/// What is known of a place that a client has come back with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// Whether it is one of this history, per lane, critical first.
    pub known: [bool; 2],
    /// Whether all deletions after it are still known.
    pub deletions: bool,
}

/// What values the client holds that can be the base of a delta.
#[derive(Debug)]
pub(crate) enum Held {
    /// What stood at the place where the subscription had everything.
    Whole,
    /// That, but for these topics, which were sent later: by number, the place of what was sent.
    Since(Box<HashMap<u64, (spica_model::Lane, u64)>>),
    /// Nothing that is known.
    Unknown,
}

/// Records that are read again from the journal.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    /// Up to where a subscription that may have gaps is read to.
    pub(crate) until: Mark,
    pub(crate) lanes: [LaneReplay; 2],
}

/// Those of one lane.
#[derive(Debug, Default)]
pub(crate) struct LaneReplay {
    pub(crate) asked: bool,
    /// What the answer was.
    pub(crate) records: VecDeque<Arc<Record>>,
    /// Up to where; `None`: there is no answer.
    pub(crate) to: Option<u64>,
    /// What is missing then.
    pub(crate) hole: Option<(u64, u64, GapReason)>,
}

/// The limits that a client has set.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    pub(crate) min_interval: Duration,
    /// When it was last sent something.
    pub(crate) last_at: Option<Duration>,
    pub(crate) bucket: Option<Bucket>,
}

impl Sub {
    /// Where it stands among the records that are delivered one by one.
    pub(crate) fn events_at(&self, lane: usize) -> u64 {
        self.cursor[lane].max(self.events_from[lane])
    }

    /// Whether nothing may be missing without an end.
    pub(crate) const fn is_lossless(&self) -> bool {
        matches!(self.recovery, Recovery::Precise | Recovery::Repeating)
    }

    /// Whether there may be anything for it in a lane.
    pub(crate) fn has_news(&self, group: &Group, head: Mark, lane: usize) -> bool {
        let cursor = self.cursor[lane];
        if cursor >= head[lane] {
            return false;
        }
        let states_to = if self.deliver == Deliver::Each {
            group.last_state(lane).min(self.quiet[lane])
        } else {
            group.last_state(lane)
        };
        let ring = group.ring(lane);
        states_to > cursor || ring.is_some_and(|ring| ring.last() > self.events_at(lane))
    }

    /// Whether it is not at its beginning any more: everything that is special there is behind it.
    pub(crate) const fn beginning(&self) -> Option<(Mark, Mark)> {
        let past = covers(self.cursor, self.quiet) && covers(self.cursor, self.events_from);
        if past {
            None
        } else {
            Some((self.quiet, self.events_from))
        }
    }

    /// Notes which events of its ring it has been sent.
    pub(crate) fn note_events(&mut self, group: &Group) {
        for lane in 0..2 {
            let at = self.events_at(lane);
            if let Some(ring) = group.ring(lane).filter(|ring| ring.evicted() <= at) {
                self.events_seen[lane] = ring.gone() + ring.index_after(at) as u64;
            }
        }
    }

    /// Notes that it has everything.
    pub(crate) fn settle(&mut self, head: Mark) {
        self.cursor = join(self.cursor, head);
        self.whole = self.cursor;
        self.held = Held::Whole;
        self.sweeps = None;
    }

    /// Up to which number states are among what is to be sent, of what can be sent up to `limit`:
    /// where each record is delivered, those of its snapshot.
    pub(crate) fn states_to(&self, lane: usize, limit: u64) -> u64 {
        if self.is_each() {
            self.quiet[lane].min(limit)
        } else {
            limit
        }
    }

    /// Whether no more topics can be remembered in a lane.
    pub(crate) fn has_full_sweep(&self, lane: usize, most: usize) -> bool {
        let sweeps = self.sweeps.as_ref();
        sweeps.is_some_and(|sweeps| sweeps[lane].is_full(most))
    }

    /// Ends the round of a lane if it `is_over`, or if no more of it can be remembered. Whether it
    /// did.
    pub(crate) fn end_round(&mut self, lane: usize, is_over: bool, most: usize) -> bool {
        let cursor = self.cursor[lane];
        let sweep = self.sweeps.as_mut().map(|sweeps| &mut sweeps[lane]);
        let sweep = sweep.filter(|sweep| is_over || sweep.is_full(most));
        sweep.map(|sweep| sweep.end_round(cursor)).is_some()
    }

    /// Whether each topic has had its turn since the beginning, if they take turns.
    pub(crate) fn has_been_round(&self, head: Mark) -> bool {
        let Some(sweeps) = &self.sweeps else {
            return true;
        };
        (0..2).all(|lane| self.cursor[lane] >= head[lane] || sweeps[lane].has_been_round())
    }

    /// When it may be sent something; `None`: now.
    pub(crate) fn waits_until(&mut self, now: Duration) -> Option<Duration> {
        self.pace.as_deref_mut()?.waits_until(now)
    }
}

impl Pace {
    /// When something may be sent; `None`: now.
    pub(crate) fn waits_until(&mut self, now: Duration) -> Option<Duration> {
        let next_at = self.last_at.map(|at| at.saturating_add(self.min_interval));
        if let Some(at) = next_at.filter(|at| *at > now) {
            return Some(at);
        }
        let bucket = self.bucket.as_mut()?;
        (bucket.available(now) == 0).then(|| bucket.due())
    }

    /// Bytes that may be sent now.
    pub(crate) fn available(&mut self, now: Duration) -> usize {
        let bucket = self.bucket.as_mut();
        bucket.map_or(usize::MAX, |bucket| bucket.available(now))
    }

    pub(crate) fn take(&mut self, bytes: usize, now: Duration) {
        self.last_at = Some(now);
        if let Some(bucket) = &mut self.bucket {
            bucket.take(bytes);
        }
    }
}

/// What records that were read again take.
pub(crate) fn bytes_of(records: &VecDeque<Arc<Record>>) -> usize {
    let payloads: usize = records.iter().map(|it| it.payload.len()).sum();
    payloads + records.len() * crate::topics::RECORD_BYTES
}

impl Replay {
    /// Whether nothing is to be read any more.
    pub(crate) fn is_over(&self, sub: &Sub) -> bool {
        let mut lanes = self.lanes.iter().enumerate();
        lanes.all(|(at, lane)| {
            !lane.asked && lane.to.is_none() && sub.events_at(at) >= self.until[at]
        })
    }
}

impl LaneReplay {
    /// What its records take.
    pub(crate) fn bytes(&self) -> usize {
        bytes_of(&self.records)
    }
}
