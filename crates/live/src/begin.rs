//! How a subscription begins: with a snapshot, with what it has missed, or with what comes.

use hashbrown::HashMap;
use spica_live_proto::{GapReason, ServerFrame};
use spica_model::{Lane, Place};

use crate::mark::{Mark, covers, join};
use crate::subscription::{Checked, Held, Replay, Sub, Waiting};
use crate::turn::{Ended, Turn};

impl Turn<'_> {
    /// Begins a subscription as soon as all that it needs is there. Whether it has begun.
    pub(crate) fn begin(&mut self, sub: &mut Sub) -> Result<bool, Ended> {
        let Some(waiting) = &sub.waiting else {
            return Ok(true);
        };
        let group = &self.groups[sub.group as usize];
        let is_checked =
            waiting.after.is_none() || group.is_windowed() || waiting.checked.is_some();
        let heads = self.store.heads;
        if !is_checked || !group.is_ready(heads) || !covers(heads, waiting.not_before) {
            return Ok(false);
        }
        let Some(waiting) = sub.waiting.take() else {
            return Ok(true);
        };
        let said = self.out.len();
        let start = match (waiting.after, waiting.checked) {
            (None, _) if waiting.snapshot => self.with_snapshot(sub),
            (None, _) => self.begin_now(sub),
            (Some(after), Some(checked)) if group.want.window.is_none() => {
                self.go_on(sub, &waiting, after, checked)?
            }
            (Some(_), _) => {
                self.out.push(self.encoded(&ServerFrame::Reset(sub.id)));
                self.with_snapshot(sub)
            }
        };
        let group = &self.groups[sub.group as usize];
        sub.goal = Some(group.head(self.store.heads));
        sub.counted = group.updates;
        sub.note_events(group);
        let at = self.store.at(group, start.at);
        sub.told = sum(&at);
        self.store.counters.resumed += u64::from(start.resumed);
        let subscribed = ServerFrame::Subscribed {
            sub: sub.id,
            recovery: sub.recovery,
            deliver: sub.deliver,
            at,
            resumed: start.resumed,
        };
        // Before what was said about how it goes on.
        let subscribed = self.encoded(&subscribed);
        self.out.insert(said, subscribed);
        Ok(true)
    }

    /// From the first state that stands to the last, and on.
    fn with_snapshot(&self, sub: &mut Sub) -> Start {
        self.restart(sub);
        self.now(sub)
    }

    /// Delivers records from now on.
    fn now(&self, sub: &mut Sub) -> Start {
        sub.events_from = self.store.heads;
        Start {
            resumed: false,
            at: self.store.heads,
        }
    }

    /// Shows the states from the first on. Events go on where they are.
    pub(crate) fn restart(&self, sub: &mut Sub) {
        let group = &self.groups[sub.group as usize];
        if !group.want.states() && !group.is_windowed() {
            return self.skip(sub);
        }
        sub.cursor = [0; 2];
        sub.whole = [0; 2];
        sub.began = [0; 2];
        sub.held = Held::Unknown;
        sub.sweeps = None;
        sub.quiet = group.head(self.store.heads);
    }

    fn begin_now(&self, sub: &mut Sub) -> Start {
        self.skip(sub);
        self.now(sub)
    }

    /// Shows nothing of what stands.
    fn skip(&self, sub: &mut Sub) {
        let group = &self.groups[sub.group as usize];
        sub.quiet = group.head(self.store.heads);
        sub.began = sub.quiet;
        sub.cursor = sub.quiet;
        sub.whole = sub.cursor;
        sub.held = Held::Since(Box::default());
        sub.sweeps = None;
    }

    /// Goes on from a place that the client has come back with.
    fn go_on(
        &mut self,
        sub: &mut Sub,
        waiting: &Waiting,
        after: Place,
        checked: Checked,
    ) -> Result<Start, Ended> {
        let seen = Lane::ALL.map(|lane| after.seq(lane).0);
        if checked.known != [true; 2] {
            return self.another_history(sub, waiting, seen, checked);
        }
        let group = &self.groups[sub.group as usize];
        let heads = self.store.heads;
        let behind = |lane: usize| heads[lane].saturating_sub(seen[lane]);
        let is_near = behind(0).saturating_add(behind(1)) <= self.store.limits.resume;
        let has_all = is_near
            && checked.deletions
            && covers(seen, group.forgotten)
            && !group.want.merge_patch;
        sub.events_from = seen;
        sub.quiet = seen;
        sub.cursor = seen;
        sub.whole = seen;
        sub.began = seen;
        sub.held = Held::Since(Box::new(HashMap::new()));
        let missed = self.reach_back(sub, is_near);
        let group = &self.groups[sub.group as usize];
        if group.want.states() && !sub.is_each() && !has_all {
            self.reset(sub);
            return Ok(Start {
                resumed: false,
                at: seen,
            });
        }
        Ok(Start {
            resumed: !missed,
            at: seen,
        })
    }

    /// Lets events come from where they are: the ring, or the journal. Whether some never will.
    fn reach_back(&mut self, sub: &mut Sub, is_near: bool) -> bool {
        let mut missed = false;
        for lane in Lane::ALL {
            let at = lane.index();
            let ring = self.groups[sub.group as usize].ring(at);
            let evicted = ring.map_or(0, |ring| ring.evicted());
            if evicted <= sub.events_from[at] {
                continue;
            }
            if is_near || sub.is_lossless() {
                sub.replay.get_or_insert_with(Box::<Replay>::default).until[at] = evicted;
            } else {
                let from = sub.events_from[at] + 1;
                self.gap(
                    sub,
                    lane,
                    from,
                    evicted,
                    GapReason::Queue,
                    evicted - from + 1,
                );
                missed = true;
            }
        }
        missed
    }

    /// Says that the place is of another history, and begins with what is.
    fn another_history(
        &mut self,
        sub: &mut Sub,
        waiting: &Waiting,
        seen: Mark,
        checked: Checked,
    ) -> Result<Start, Ended> {
        if sub.is_lossless() {
            let detail = "the place to go on from is none of this history";
            return Err(Ended(detail.into()));
        }
        let heads = self.store.heads;
        // Where the histories have parted is not known.
        let shared = [0, 1].map(|lane: usize| if checked.known[lane] { seen[lane] } else { 0 });
        for lane in Lane::ALL {
            let at = lane.index();
            let from = shared[at] + 1;
            if from <= heads[at] {
                let missing = heads[at] - from + 1;
                self.gap(sub, lane, from, heads[at], GapReason::Unknown, missing);
            }
        }
        sub.events_from = heads;
        let group = &self.groups[sub.group as usize];
        if group.want.states() && (waiting.snapshot || !sub.is_each()) {
            self.reset(sub);
        } else {
            self.skip(sub);
        }
        Ok(Start {
            resumed: false,
            at: shared,
        })
    }

    /// Tells the client to drop all values, and begins with the first again.
    pub(crate) fn reset(&mut self, sub: &mut Sub) {
        self.store.counters.resets += 1;
        let frame = self.encoded(&ServerFrame::Reset(sub.id));
        self.out.push(frame);
        // Only states come again.
        sub.events_from = join(sub.events_from, sub.cursor);
        self.restart(sub);
        sub.goal = Some(sub.quiet);
    }
}

/// How a subscription has begun.
struct Start {
    resumed: bool,
    /// Each record after here is delivered, or said not to be.
    at: Mark,
}

/// What grows with a place.
pub(crate) fn sum(place: &Place) -> u64 {
    let [critical, normal] = Lane::ALL.map(|lane| place.seq(lane).0);
    critical.saturating_add(normal)
}
