//! Frames that were built for one session and are sent to others at the same place.

use bytes::Bytes;
use spica_live_proto::{Encoding, SubId};
use spica_model::Lane;

use crate::begin::sum;
use crate::mark::{Mark, covers};
use crate::part::Part;
use crate::subscription::{Held, Sub};
use crate::turn::Turn;

/// A frame, with what a subscription must be like to be sent it.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    pub(crate) encoding: Encoding,
    pub(crate) sub: SubId,
    pub(crate) delta: bool,
    /// From this place on it holds everything.
    pub(crate) from: Mark,
    /// As it does from any place not before this one.
    pub(crate) least: Mark,
    /// What matters of a subscription that is at its beginning; `None` later.
    pub(crate) beginning: Option<(Mark, Mark)>,
    /// Where the subscription stands after it.
    pub(crate) to: Mark,
    pub(crate) frame: Bytes,
    pub(crate) contents: Contents,
}

/// What a frame holds, for the books of its session and for who else may be sent it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Contents {
    pub(crate) rows: u64,
    pub(crate) deltas: u64,
    /// Rows of states.
    pub(crate) states: u64,
    /// Bytes, had all been sent whole.
    pub(crate) full: u64,
    /// The oldest and the newest base of its rows.
    pub(crate) bases: Option<(Mark, Mark)>,
}

impl Contents {
    pub(crate) const NONE: Self = Self {
        rows: 0,
        deltas: 0,
        states: 0,
        full: 0,
        bases: None,
    };

    pub(crate) fn note_base(&mut self, lane: Lane, seq: u64) {
        let (oldest, newest) = self.bases.get_or_insert(([u64::MAX; 2], [0; 2]));
        let at = lane.index();
        oldest[at] = oldest[at].min(seq);
        newest[at] = newest[at].max(seq);
    }
}

impl Turn<'_> {
    /// Sends a frame that was built for another session, if one fits.
    pub(crate) fn shared(&mut self, sub: &mut Sub) -> bool {
        if sub.replay.is_some() || sub.pace.is_some() || sub.sweeps.is_some() {
            return false;
        }
        let group = &self.groups[sub.group as usize];
        let fits = |batch: &&Batch| fits(batch, sub, self.encoding);
        let Some(batch) = group.batches().iter().rev().find(fits) else {
            return false;
        };
        let (to, contents, frame) = (batch.to, batch.contents, batch.frame.clone());
        let is_whole = matches!(sub.held, Held::Whole);
        sub.cursor = to;
        if covers(to, group.head(self.store.heads)) {
            sub.states_sent += contents.states;
            self.settle(sub);
        } else {
            sub.note_events(group);
            sub.states_sent += contents.states;
            // Which values it holds now is known to nobody.
            sub.held = if is_whole || contents.states > 0 {
                Held::Unknown
            } else {
                std::mem::replace(&mut sub.held, Held::Unknown)
            };
        }
        self.store.counters.shared += 1;
        let at = self.store.at(&self.groups[sub.group as usize], sub.cursor);
        sub.told = sum(&at);
        self.book(&contents, frame.len());
        self.out.push(frame);
        true
    }

    /// Keeps a frame for others at the same place.
    pub(crate) fn keep(&mut self, sub: &Sub, part: &Part, frame: Bytes) {
        let group = &mut self.groups[sub.group as usize];
        let before = |lane: usize| {
            let state = group.states[lane].range(..=part.from[lane]).next_back();
            let state = state.map_or(0, |(seq, _)| *seq);
            let event = group.ring(lane).map_or(0, |ring| {
                let index = ring.index_after(part.from[lane]);
                let last = index.checked_sub(1).and_then(|it| ring.get(it));
                last.map_or(ring.evicted(), |(seq, _)| *seq)
            });
            state.max(event)
        };
        let least = [before(0), before(1)];
        let contents = Contents {
            full: part.contents.full + (frame.len() - part.body.len()) as u64,
            ..part.contents
        };
        group.keep(Batch {
            encoding: self.encoding,
            sub: sub.id,
            delta: sub.delta,
            from: part.from,
            least,
            beginning: part.beginning,
            to: sub.cursor,
            frame,
            contents,
        });
    }
}

/// Whether a frame that was built for another session is what this one would be sent.
fn fits(batch: &Batch, sub: &Sub, encoding: Encoding) -> bool {
    if batch.encoding != encoding || batch.sub != sub.id || batch.delta != sub.delta {
        return false;
    }
    if batch.beginning != sub.beginning() {
        return false;
    }
    if !matches!(sub.held, Held::Whole) {
        return batch.from == sub.cursor && batch.contents.bases.is_none();
    }
    let is_between = covers(sub.cursor, batch.least) && covers(batch.from, sub.cursor);
    is_between
        && batch.contents.bases.is_none_or(|(oldest, newest)| {
            covers(sub.cursor, newest) && (0..2).all(|lane| oldest[lane] > sub.began[lane])
        })
}
