//! Rows of a subscription, and the frames that are made of them.

use std::iter::Peekable;

use bytes::Bytes;
use spica_live_proto::{DATA_FRAME_BYTES, Encoding, data_head, data_tail};
use spica_model::{Lane, Op, Place};

use crate::begin::sum;
use crate::engine::Store;
use crate::group::{Batch, Contents, Group};
use crate::mark::{Mark, covers};
use crate::ring::Event;
use crate::subscription::{Held, Sub};
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
    body: Vec<u8>,
    contents: Contents,
    /// Where the subscription stood.
    from: Mark,
    beginning: Option<(Mark, Mark)>,
    /// Which values of topics were sent, by number, at which place.
    values: Vec<(u64, Lane, u64)>,
    /// Frames that were full before the last one.
    frames: usize,
}

impl Part {
    pub(crate) fn new(at: usize, body: Vec<u8>, sub: &Sub) -> Self {
        Self {
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

/// What comes next in a lane.
enum Next {
    State(u64, u32),
    /// The index of an event in the ring.
    Event(u64, usize),
    /// The first record that was read again.
    Again(u64),
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
        let again_bytes = again.as_ref().map_or(0, crate::subscription::bytes_of);
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
                Next::State(seq, topic) => self.state_row(group, sub, topic, lane, seq, part),
                Next::Event(_, index) => self.event_row(group, lane, index),
                Next::Again(_) => again.as_ref().and_then(|it| it.front()).map(|record| {
                    let idle = self.store.limits.idle_topics;
                    let topic = self.store.topics.intern(&record.topic, idle);
                    let number = self.store.topics.get(topic).number;
                    let bytes = self.store.rows.full(self.encoding, number, record);
                    Row {
                        full: bytes.len(),
                        bytes,
                        base: None,
                    }
                }),
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
            if !budget.takes(row.bytes.len() + 1) {
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
            self.store.replay_bytes -= again_bytes - crate::subscription::bytes_of(&records);
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
        part: &Part,
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
            sub.base(entry, part.from)
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

    fn append(&self, part: &mut Part, row: &Row) {
        if part.contents.rows > 0 {
            part.body.extend_from_slice(self.encoding.row_separator());
        }
        part.body.extend_from_slice(&row.bytes);
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

    /// Makes a frame of what there is, before the rest.
    fn flush(&mut self, group: &Group, sub: &mut Sub, part: &mut Part) {
        let at = self.store.at(group, sub.cursor);
        self.push_frame(sub, part, &at);
        part.frames += 1;
        part.body.clear();
        part.contents = Contents::NONE;
    }

    fn push_frame(&mut self, sub: &mut Sub, part: &Part, at: &Place) -> Bytes {
        let rows = usize::try_from(part.contents.rows).unwrap_or(usize::MAX);
        let frame = data_frame(self.encoding, sub, &part.body, rows, at);
        sub.told = sum(at);
        sub.states_sent += part.contents.states;
        let contents = Contents {
            full: part.contents.full + (frame.len() - part.body.len()) as u64,
            ..part.contents
        };
        self.store.counters.built += 1;
        self.book(&contents, frame.len());
        if let Some(pace) = &mut sub.pace {
            pace.take(frame.len(), self.now);
        }
        self.out.push(frame.clone());
        frame
    }

    /// Sends the rest of the rows of a subscription.
    pub(crate) fn deliver(&mut self, sub: &mut Sub, mut part: Part, keep: bool) {
        let group = &self.groups[sub.group as usize];
        let is_whole = covers(sub.cursor, group.head(self.store.heads));
        if part.contents.rows > 0 {
            let at = self.store.at(group, sub.cursor);
            let frame = self.push_frame(sub, &part, &at);
            if keep && part.frames == 0 && sub.replay.is_none() && sub.pace.is_none() {
                self.keep(sub, &part, frame);
            }
        }
        if is_whole {
            self.settle(sub);
        } else {
            sub.hold(&part.values, self.store.limits.held);
            sub.note_events(&self.groups[sub.group as usize]);
        }
        part.body.clear();
        self.store.bodies.push(part.body);
    }

    /// Keeps a frame for others at the same place.
    fn keep(&mut self, sub: &Sub, part: &Part, frame: Bytes) {
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

    /// Tells a client where it stands, when there was nothing else to say for long: it could not go
    /// on from a place that is too old.
    pub(crate) fn tell(&mut self, sub: &mut Sub, at: &Place) {
        let frame = data_frame(self.encoding, sub, &[], 0, at);
        sub.told = sum(at);
        self.book(&Contents::NONE, frame.len());
        self.out.push(frame);
    }
}

impl Sub {
    /// Whether all that was missed before `goal` has been sent, events too.
    pub(crate) fn is_at(&self, goal: Mark) -> bool {
        (0..2).all(|lane| self.cursor[lane] >= goal[lane])
    }
}

fn data_frame(encoding: Encoding, sub: &Sub, body: &[u8], rows: usize, at: &Place) -> Bytes {
    let mut frame = Vec::with_capacity(body.len() + DATA_FRAME_BYTES);
    data_head(encoding, sub.id, rows, &mut frame);
    frame.extend_from_slice(body);
    data_tail(encoding, at, &mut frame);
    frame.into()
}

/// The next of states and events, in the order of numbers.
fn merge(
    states: &mut Peekable<impl Iterator<Item = (u64, u32)>>,
    group: &Group,
    lane: usize,
    index: usize,
    limit: u64,
) -> Option<Next> {
    let state = states.peek().copied();
    let event = group.ring(lane).and_then(|ring| ring.get(index));
    let event = event.map(|(seq, _)| *seq).filter(|seq| *seq <= limit);
    match (state, event) {
        (Some((seq, topic)), event) if event.is_none_or(|event| seq < event) => {
            Some(Next::State(seq, topic))
        }
        (_, event) => event.map(|seq| Next::Event(seq, index)),
    }
}

fn merge_again(
    states: &mut Peekable<impl Iterator<Item = (u64, u32)>>,
    record: Option<&std::sync::Arc<spica_model::Record>>,
    limit: u64,
) -> Option<Next> {
    let state = states.peek().copied();
    let again = record
        .map(|it| it.position.seq.0)
        .filter(|seq| *seq <= limit);
    match (state, again) {
        (Some((seq, topic)), again) if again.is_none_or(|again| seq < again) => {
            Some(Next::State(seq, topic))
        }
        (_, again) => again.map(Next::Again),
    }
}

impl Sub {
    /// The older value that the client holds of a topic, if that is known.
    fn base<'a>(
        &self,
        entry: &'a crate::topics::Entry,
        _from: Mark,
    ) -> Option<&'a crate::topics::Version> {
        let stood = || {
            let base = entry.held_at(self.whole)?;
            (base.seq > self.began[base.lane.index()]).then_some(base)
        };
        match &self.held {
            Held::Whole => stood(),
            Held::Since(sent) => match sent.get(&entry.number) {
                Some(&(lane, seq)) => entry.version(lane, seq),
                None => stood(),
            },
            Held::Unknown => None,
        }
    }

    /// Notes values that were sent since the subscription last had everything.
    fn hold(&mut self, values: &[(u64, Lane, u64)], most: usize) {
        if matches!(self.held, Held::Unknown) || values.is_empty() {
            return;
        }
        if matches!(self.held, Held::Whole) {
            self.held = Held::Since(Box::default());
        }
        let Held::Since(sent) = &mut self.held else {
            return;
        };
        sent.extend(
            values
                .iter()
                .map(|(number, lane, seq)| (*number, (*lane, *seq))),
        );
        if sent.len() > most {
            self.held = Held::Unknown;
        }
    }
}
