//! Collecting the rows of a subscription: what comes next in its log, as long as there is room.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::sync::Arc;

use bytes::Bytes;
use spica_model::{Lane, Op, Record};

use crate::group::Group;
use crate::order::{Next, merge, merge_again};
use crate::part::{Budget, Part, Row};
use crate::ring::Event;
use crate::store::Store;
use crate::subscription::{Sub, bytes_of};
use crate::sweep::Due;
use crate::turn::Turn;

/// One lane of the log of a subscription.
struct Scan<'a> {
    group: &'a Group,
    lane: usize,
    /// Up to where it can be sent now.
    limit: u64,
    /// The event of the ring that is next.
    index: usize,
    /// Records that are read again, if any are.
    again: Option<VecDeque<Arc<Record>>>,
    /// The first value that is owed: behind it come only values of other topics.
    owed: Option<u64>,
}

impl Scan<'_> {
    fn next(&self, states: &mut Peekable<impl Iterator<Item = (u64, u32)>>) -> Option<Next> {
        match (&self.again, self.owed) {
            (_, Some(_)) => states.peek().map(|(seq, topic)| Next::State(*seq, *topic)),
            (Some(again), _) => merge_again(states, again.front(), self.limit),
            (None, _) => merge(states, self.group, self.lane, self.index, self.limit),
        }
    }

    /// Moves the subscription on behind what was sent or left out, unless something before it is
    /// owed.
    const fn pass(&self, sub: &mut Sub, seq: u64) {
        if self.owed.is_none() {
            sub.cursor[self.lane] = seq;
        }
    }
}

impl Turn<'_> {
    /// Adds the rows of a lane for which there is room, and moves the subscription on behind them.
    pub(crate) fn collect(
        &mut self,
        sub: &mut Sub,
        lane: usize,
        budget: &mut Budget,
        part: &mut Part,
    ) {
        let head = self.groups[sub.group as usize].head(self.store.heads)[lane];
        if sub.cursor[lane] >= head {
            return;
        }
        let Some(limit) = self.limit(sub, lane, head) else {
            return;
        };
        if (self.is_tight || sub.pace.is_some()) && !sub.is_each() {
            sub.sweeps.get_or_insert_default();
        }
        let again = sub.replay.as_mut().and_then(|it| {
            let part = &mut it.lanes[lane];
            part.to.is_some().then(|| std::mem::take(&mut part.records))
        });
        let again_bytes = again.as_ref().map_or(0, bytes_of);
        let groups = std::mem::take(self.groups);
        let mut scan = Scan {
            group: &groups[sub.group as usize],
            lane,
            limit,
            index: 0,
            again,
            owed: None,
        };
        let before = part.rows();
        let ends_round = self.scan(sub, &mut scan, budget, part);
        if ends_round && part.rows() == before && sub.cursor[lane] < limit {
            // All that there is was left out until this round is over, and now it is.
            self.scan(sub, &mut scan, budget, part);
        }
        let again = scan.again;
        *self.groups = groups;
        if let (Some(records), Some(replay)) = (again, &mut sub.replay) {
            self.store.replay_bytes -= again_bytes - bytes_of(&records);
            replay.lanes[lane].records = records;
        }
    }

    /// Goes through a lane from where the subscription stands, as far as there is room. Whether that
    /// is the end of a round.
    fn scan(
        &mut self,
        sub: &mut Sub,
        scan: &mut Scan<'_>,
        budget: &mut Budget,
        part: &mut Part,
    ) -> bool {
        let (group, lane, limit) = (scan.group, scan.lane, scan.limit);
        let mut states = group.states_after(lane, sub.cursor[lane], sub.states_to(lane, limit));
        let ring = group.ring(lane);
        scan.index = ring.map_or(0, |ring| ring.index_after(sub.events_at(lane)));
        scan.owed = None;
        let is_over = loop {
            let Some(next) = scan.next(&mut states) else {
                break true;
            };
            let has_moved = match (self.due(sub, scan, &next), &next) {
                (Due::Done, Next::State(seq, _)) => {
                    scan.pass(sub, *seq);
                    true
                }
                (Due::NextRound, Next::State(seq, _)) => {
                    scan.owed.get_or_insert(*seq);
                    true
                }
                _ => self.add(sub, scan, &next, budget, part),
            };
            if !has_moved {
                break false;
            }
            if matches!(next, Next::State(..)) {
                states.next();
            }
        };
        let reached = scan.owed.map(|seq| seq - 1);
        let reached = reached.or_else(|| is_over.then_some(limit));
        sub.cursor[lane] = sub.cursor[lane].max(reached.unwrap_or(0));
        sub.end_round(lane, is_over, self.store.limits.held)
    }

    /// What is to be done with what comes next, if topics take turns.
    fn due(&self, sub: &Sub, scan: &Scan<'_>, next: &Next) -> Due {
        match (&sub.sweeps, next) {
            (Some(sweeps), Next::State(seq, topic)) => {
                sweeps[scan.lane].due(self.store.topics.get(*topic).number, *seq)
            }
            _ => Due::Now,
        }
    }

    /// Adds what comes next, or leaves it out for good. `false`: it has to wait.
    fn add(
        &mut self,
        sub: &mut Sub,
        scan: &mut Scan<'_>,
        next: &Next,
        budget: &mut Budget,
        part: &mut Part,
    ) -> bool {
        let (group, lane) = (scan.group, scan.lane);
        let row = match next {
            Next::State(seq, topic) => self.state_row(group, sub, *topic, lane, *seq),
            Next::Event(_, index) => self.event_row(group, lane, *index),
            Next::Again(_) => self.again_row(scan.again.as_ref()),
        };
        let Some(row) = row else {
            // A deletion of what the client has never seen; or a hole, which is said first.
            if let Next::State(seq, _) = next {
                scan.pass(sub, *seq);
            }
            return matches!(next, Next::State(..));
        };
        let held = self.store.limits.held;
        // What was sent behind a value that is owed must be remembered, or it would come again.
        let is_known = scan.owed.is_none() || !sub.has_full_sweep(lane, held);
        if !is_known || !part.has_room(&row) || !budget.takes(row.bytes.len() + 1) {
            return false;
        }
        if part.is_full(&row, self.store.limits.frame_bytes) {
            self.flush(group, sub, part);
        }
        part.append(self.encoding, &row);
        let seq = match next {
            Next::State(seq, topic) => {
                part.contents.states += 1;
                self.note_value(group, sub, *topic, lane, *seq, part);
                *seq
            }
            Next::Event(seq, at) => {
                scan.index = at + 1;
                *seq
            }
            Next::Again(seq) => {
                scan.again.as_mut().and_then(VecDeque::pop_front);
                *seq
            }
        };
        scan.pass(sub, seq);
        true
    }

    /// Up to where a lane can be sent now; `None` if not at all: records are being read again.
    fn limit(&self, sub: &Sub, lane: usize, head: u64) -> Option<u64> {
        let ring = self.groups[sub.group as usize].ring(lane);
        let is_behind = ring.is_some_and(|ring| sub.events_at(lane) < ring.evicted());
        let answer = sub.replay.as_ref().and_then(|it| it.lanes[lane].to);
        match answer {
            Some(to) => Some(to.min(head)),
            None if is_behind => None,
            None => Some(head),
        }
    }

    /// What a topic shows, as a change of what the client holds if that is shorter. `None` for a
    /// deletion that is left out.
    fn state_row(
        &mut self,
        group: &Group,
        sub: &Sub,
        topic: u32,
        lane: usize,
        seq: u64,
    ) -> Option<Row> {
        let is_quiet = seq <= sub.quiet[lane];
        let Store {
            topics,
            rows,
            scratch,
            ..
        } = &mut *self.store;
        let entry = topics.get(topic);
        if let Some(derived) = &group.derived {
            scratch.clear();
            let deletes = derived.row(self.encoding, topic, entry.number, scratch)?;
            let row = Row::full(Bytes::copy_from_slice(scratch));
            return (!deletes || !is_quiet).then_some(row);
        }
        let version = entry.shown.as_ref()?;
        let deletes = version.record.op == Op::Delete;
        if deletes && is_quiet {
            return None;
        }
        let bytes = rows.full(self.encoding, entry.number, &version.record);
        let full = bytes.len();
        let base = if sub.delta && !deletes && !sub.is_each() {
            sub.base(entry)
        } else {
            None
        };
        let change = base.and_then(|base| {
            let row = rows.change(self.encoding, entry.number, version, base, full)?;
            Some(Row {
                bytes: row,
                full,
                base: Some((base.lane, base.seq)),
            })
        });
        Some(change.unwrap_or(Row::full(bytes)))
    }

    /// An event of the ring; `None` for a hole.
    fn event_row(&mut self, group: &Group, lane: usize, index: usize) -> Option<Row> {
        let (_, event) = group.ring(lane)?.get(index)?;
        let Event::Record(record, number) = event else {
            return None;
        };
        let bytes = self.store.rows.full(self.encoding, *number, record);
        Some(Row::full(bytes))
    }

    /// The first of the records that were read again.
    fn again_row(&mut self, again: Option<&VecDeque<Arc<Record>>>) -> Option<Row> {
        let record = again?.front()?;
        let idle = self.store.limits.idle_topics;
        let topic = self.store.topics.intern(&record.topic, idle);
        let number = self.store.topics.get(topic).number;
        let bytes = self.store.rows.full(self.encoding, number, record);
        Some(Row::full(bytes))
    }

    /// Notes which value of a topic the client was sent.
    fn note_value(
        &mut self,
        group: &Group,
        sub: &mut Sub,
        topic: u32,
        lane: usize,
        seq: u64,
        part: &mut Part,
    ) {
        let entry = self.store.topics.get_mut(topic);
        if let Some(sweeps) = &mut sub.sweeps {
            sweeps[lane].note(entry.number, seq, self.store.limits.held);
        }
        if group.derived.is_some() {
            return;
        }
        if let Some(shown) = &mut entry.shown {
            shown.sent = true;
        }
        part.values.push((entry.number, Lane::ALL[lane], seq));
    }
}
