//! Rows of a subscription, and the frames that are made of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spica_live_proto::DATA_FRAME_BYTES;
use spica_model::{Lane, Op, Record};

use crate::engine::Store;
use crate::group::{Contents, Group};
use crate::mark::Mark;
use crate::order::{Next, merge, merge_again};
use crate::ring::Event;
use crate::subscription::{Sub, bytes_of};
use crate::turn::Turn;

/// Bytes that rows may take. The first row is taken in any case, or a large one would never be sent.
pub(crate) struct Budget {
    left: usize,
    used: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            left: bytes.saturating_sub(DATA_FRAME_BYTES),
            used: 0,
        }
    }

    pub(crate) const fn used(&self) -> usize {
        self.used
    }

    const fn takes(&mut self, bytes: usize) -> bool {
        if self.used > 0 && bytes > self.left {
            return false;
        }
        self.left = self.left.saturating_sub(bytes);
        self.used += bytes;
        true
    }
}

/// The rows of one subscription in a turn.
pub(crate) struct Part {
    /// Its index.
    pub(crate) sub: usize,
    pub(crate) body: Vec<u8>,
    pub(crate) contents: Contents,
    /// Where the subscription stood.
    pub(crate) from: Mark,
    pub(crate) beginning: Option<(Mark, Mark)>,
    /// Which values of topics were sent, by number, at which place.
    pub(crate) values: Vec<(u64, Lane, u64)>,
    /// Frames that were full before the last one.
    pub(crate) frames: usize,
    /// Bytes that the limit of the subscription itself has left.
    left: usize,
}

impl Part {
    pub(crate) fn new(at: usize, body: Vec<u8>, sub: &mut Sub, now: Duration) -> Self {
        let pace = sub.pace.as_mut();
        Self {
            left: pace.map_or(usize::MAX, |pace| pace.available(now)),
            sub: at,
            body,
            contents: Contents::NONE,
            from: sub.cursor,
            beginning: sub.beginning(),
            values: Vec::new(),
            frames: 0,
        }
    }
}

/// A row, and how long it would be in full.
struct Row {
    bytes: Bytes,
    full: usize,
    base: Option<(Lane, u64)>,
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
        let again = sub.replay.as_mut().and_then(|it| {
            let part = &mut it.lanes[lane];
            part.to.is_some().then(|| std::mem::take(&mut part.records))
        });
        let again_bytes = again.as_ref().map_or(0, bytes_of);
        let mut again = again;
        let groups = std::mem::take(self.groups);
        let group = &groups[sub.group as usize];
        let states_to = if sub.is_each() {
            sub.quiet[lane].min(limit)
        } else {
            limit
        };
        let from = sub.cursor[lane] + 1;
        let states = group.states[lane].range(from..states_to.max(from - 1).saturating_add(1));
        let mut states = states.map(|(seq, topic)| (*seq, *topic)).peekable();
        let seen = sub.events_at(lane);
        let mut index = group.ring(lane).map_or(0, |ring| ring.index_after(seen));
        let mut is_complete = true;
        loop {
            let next = match &again {
                Some(records) => merge_again(&mut states, records.front(), limit),
                None => merge(&mut states, group, lane, index, limit),
            };
            let Some(next) = next else { break };
            let row = match next {
                Next::State(seq, topic) => self.state_row(group, sub, topic, lane, seq),
                Next::Event(_, index) => self.event_row(group, lane, index),
                Next::Again(_) => self.again_row(again.as_ref()),
            };
            let Some(row) = row else {
                // What stops here: a hole in what is known, which is said first.
                if matches!(next, Next::Event(..)) {
                    is_complete = false;
                    break;
                }
                // A deletion of what the client has never seen.
                states.next();
                if let Next::State(seq, _) = next {
                    sub.cursor[lane] = seq;
                }
                continue;
            };
            let is_first = part.contents.rows == 0 && part.frames == 0;
            let has_room = is_first || row.bytes.len() < part.left;
            if !has_room || !budget.takes(row.bytes.len() + 1) {
                is_complete = false;
                break;
            }
            if part.body.len() + row.bytes.len() + DATA_FRAME_BYTES > self.store.limits.frame_bytes
                && part.contents.rows > 0
            {
                self.flush(group, sub, part);
            }
            self.append(part, &row);
            let seq = match next {
                Next::State(seq, topic) => {
                    states.next();
                    part.contents.states += 1;
                    self.note_value(group, topic, lane, seq, part);
                    seq
                }
                Next::Event(seq, at) => {
                    index = at + 1;
                    seq
                }
                Next::Again(seq) => {
                    if let Some(records) = &mut again {
                        records.pop_front();
                    }
                    seq
                }
            };
            sub.cursor[lane] = seq;
        }
        drop(states);
        if is_complete {
            sub.cursor[lane] = limit.max(sub.cursor[lane]);
        }
        *self.groups = groups;
        if let (Some(records), Some(replay)) = (again, &mut sub.replay) {
            self.store.replay_bytes -= again_bytes - bytes_of(&records);
            replay.lanes[lane].records = records;
        }
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
            let bytes = Bytes::copy_from_slice(scratch);
            let full = bytes.len();
            return (!deletes || !is_quiet).then_some(Row {
                bytes,
                full,
                base: None,
            });
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
        Some(change.unwrap_or(Row {
            bytes,
            full,
            base: None,
        }))
    }

    /// An event of the ring; `None` for a hole.
    fn event_row(&mut self, group: &Group, lane: usize, index: usize) -> Option<Row> {
        let (_, event) = group.ring(lane)?.get(index)?;
        let Event::Record(record, number) = event else {
            return None;
        };
        let bytes = self.store.rows.full(self.encoding, *number, record);
        Some(Row {
            full: bytes.len(),
            bytes,
            base: None,
        })
    }

    /// The first of the records that were read again.
    fn again_row(&mut self, again: Option<&VecDeque<Arc<Record>>>) -> Option<Row> {
        let record = again?.front()?;
        let idle = self.store.limits.idle_topics;
        let topic = self.store.topics.intern(&record.topic, idle);
        let number = self.store.topics.get(topic).number;
        let bytes = self.store.rows.full(self.encoding, number, record);
        Some(Row {
            full: bytes.len(),
            bytes,
            base: None,
        })
    }

    fn append(&self, part: &mut Part, row: &Row) {
        if part.contents.rows > 0 {
            part.body.extend_from_slice(self.encoding.row_separator());
        }
        part.body.extend_from_slice(&row.bytes);
        part.left = part.left.saturating_sub(row.bytes.len());
        part.contents.rows += 1;
        part.contents.full += row.full as u64 + 1;
        if let Some((lane, seq)) = row.base {
            part.contents.deltas += 1;
            part.contents.note_base(lane, seq);
        }
    }

    /// Notes which value of a topic the client holds now.
    fn note_value(&mut self, group: &Group, topic: u32, lane: usize, seq: u64, part: &mut Part) {
        if group.derived.is_some() {
            return;
        }
        let entry = self.store.topics.get_mut(topic);
        if let Some(shown) = &mut entry.shown {
            shown.sent = true;
        }
        part.values.push((entry.number, Lane::ALL[lane], seq));
    }
}
