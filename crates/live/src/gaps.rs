//! What must be said or asked for before a subscription can go on: gaps, deletions that were
//! forgotten, records that are to be read again.

use std::sync::Arc;

use spica_live_proto::{GapReason, ServerFrame};
use spica_model::{Lane, Seq};

use crate::ask::{Ask, SubToken};
use crate::ring::Event;
use crate::subscription::{Replay, Sub};
use crate::turn::{Ended, Turn};

/// Bytes of records that are read again at once.
const REPLAY_BYTES: usize = 64 << 10;
/// As that, when there are very many already.
const REPLAY_BYTES_LEAST: usize = 4 << 10;

impl Turn<'_> {
    /// Says what a subscription will not be sent, and asks for what is to be read for it.
    pub(crate) fn prepare(&mut self, sub: &mut Sub) -> Result<(), Ended> {
        let group = &self.groups[sub.group as usize];
        // Deletions that were forgotten before its snapshot began are none of its business.
        let has_lost = (0..2).any(|lane| {
            let forgotten = group.forgotten[lane];
            sub.cursor[lane] < forgotten && sub.quiet[lane] < forgotten
        });
        // Where each record is delivered, deletions are among them.
        let lives_on_states = group.want.states() && !sub.is_each();
        if has_lost && lives_on_states {
            self.reset(sub);
        }
        for lane in Lane::ALL {
            while self.step(sub, lane)? {}
        }
        if sub.replay.as_ref().is_some_and(|it| it.is_over(sub)) {
            sub.replay = None;
        }
        Ok(())
    }

    /// One thing that is in the way of the events of a lane. Whether there was one.
    fn step(&mut self, sub: &mut Sub, lane: Lane) -> Result<bool, Ended> {
        let at = lane.index();
        if self.end_replay(sub, lane)? {
            return Ok(true);
        }
        let Some(ring) = self.groups[sub.group as usize].ring(at) else {
            return Ok(false);
        };
        let seen = sub.events_at(at);
        if seen < ring.evicted() {
            let until = sub.replay.as_ref().map_or(0, |replay| replay.until[at]);
            if sub.is_lossless() || seen < until {
                self.ask(sub, lane);
                return Ok(false);
            }
            let dropped = ring.gone().saturating_sub(sub.events_seen[at]);
            let to = ring.evicted();
            self.gap(sub, lane, seen + 1, to, GapReason::Queue, dropped);
            return Ok(true);
        }
        let next = ring.index_after(seen);
        let most = sub.max_queue as usize;
        let waiting = ring.len() - next;
        if waiting > most && !sub.is_lossless() {
            let last = ring.get(ring.len() - most - 1);
            let to = last.map_or(seen, |(seq, event)| match event {
                Event::Record(..) => *seq,
                Event::Hole(to, _) => *to,
            });
            let dropped = (waiting - most) as u64;
            self.gap(sub, lane, seen + 1, to, GapReason::Queue, dropped);
            return Ok(true);
        }
        match ring.get(next) {
            Some(&(from, Event::Hole(to, reason))) if !self.has_states_before(sub, at, from) => {
                self.lose(sub, lane, from, to, reason)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Whether states come before a number, which are sent first.
    fn has_states_before(&self, sub: &Sub, lane: usize, seq: u64) -> bool {
        let group = &self.groups[sub.group as usize];
        let until = if sub.is_each() {
            sub.quiet[lane].saturating_add(1).min(seq)
        } else {
            seq
        };
        let from = sub.cursor[lane] + 1;
        from < until && group.states[lane].range(from..until).next().is_some()
    }

    /// Makes an end of what was read again, when all of it has been sent. Whether anything was said.
    fn end_replay(&mut self, sub: &mut Sub, lane: Lane) -> Result<bool, Ended> {
        let (at, seen) = (lane.index(), sub.events_at(lane.index()));
        let Some(replay) = sub.replay.as_deref_mut() else {
            return Ok(false);
        };
        let part = &mut replay.lanes[at];
        if part.to.is_none_or(|to| seen < to) {
            return Ok(false);
        }
        part.to = None;
        self.store.replay_bytes -= part.bytes();
        part.records.clear();
        match part.hole.take() {
            Some((from, to, reason)) if to > seen => {
                self.lose(sub, lane, from.max(seen + 1), to, reason)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// What cannot be read is a gap, or the end of a subscription that may have none.
    fn lose(
        &mut self,
        sub: &mut Sub,
        lane: Lane,
        from: u64,
        to: u64,
        reason: GapReason,
    ) -> Result<(), Ended> {
        if sub.is_lossless() {
            let why = match reason {
                GapReason::Damaged => "are damaged on disk",
                _ => "are not in the journal any more",
            };
            return Err(Ended(format!(
                "the records {from} to {to} of the {lane} lane {why}"
            )));
        }
        self.gap(sub, lane, from, to, reason, to - from + 1);
        Ok(())
    }

    /// Says what will not come. Events go on after it.
    pub(crate) fn gap(
        &mut self,
        sub: &mut Sub,
        lane: Lane,
        from: u64,
        to: u64,
        reason: GapReason,
        dropped: u64,
    ) {
        let kind = match reason {
            GapReason::Queue => 0,
            GapReason::Retention => 1,
            GapReason::Damaged => 2,
            GapReason::Unknown => 3,
        };
        self.books.dropped[kind] += dropped;
        self.store.counters.gaps[kind] += 1;
        let frame = self.encoded(&ServerFrame::Gap {
            sub: sub.id,
            lane,
            from: Seq(from),
            to: Seq(to),
            reason,
        });
        self.out.push(frame);
        sub.events_from[lane.index()] = to;
        sub.note_events(&self.groups[sub.group as usize]);
    }

    /// Asks for records that are to be read again, once.
    fn ask(&mut self, sub: &mut Sub, lane: Lane) {
        let (at, seen) = (lane.index(), sub.events_at(lane.index()));
        let group = &self.groups[sub.group as usize];
        let until = group.ring(at).map_or(0, |ring| ring.evicted());
        let replay = sub.replay.get_or_insert_with(Box::<Replay>::default);
        let part = &mut replay.lanes[at];
        if part.asked || part.to.is_some() {
            return;
        }
        part.asked = true;
        self.store.counters.replays += 1;
        let is_tight = self.store.replay_bytes >= self.store.limits.replay_bytes;
        self.asks.push(Ask::Replay {
            sub: SubToken {
                session: self.id,
                token: sub.token,
            },
            want: Arc::clone(&group.want),
            lane,
            after: Seq(seen),
            until: Seq(until),
            bytes: if is_tight {
                REPLAY_BYTES_LEAST
            } else {
                REPLAY_BYTES
            },
        });
    }
}
