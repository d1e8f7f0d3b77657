//! One lane in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use spica_model::{
    Epoch, Key, Lane, LimitError, NewRecord, Position, Record, Seq, Timestamp, limits,
};

use super::Limits;
use crate::{
    CommitError, CommitErrorKind, Damage, Followed, LaneStatus, READ_BYTES, SubmitError, Ticket,
    Watermark, Window,
};

#[derive(Debug)]
pub(super) struct MemoryLane {
    lane: Lane,
    limits: Limits,
    watermark: Arc<Watermark>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The kept records, next to each other, the newest last.
    records: VecDeque<Record>,
    last: Seq,
    bytes: usize,
    queued_bytes: usize,
    keys: HashMap<Key, Position>,
    /// The keys in the order in which they came.
    key_order: VecDeque<Key>,
    damaged: Vec<(Seq, Seq)>,
    /// Whether records wait for a commit.
    held: bool,
    /// Up to where retention would like to remove.
    retiring: Seq,
    /// How many reads fail from now on.
    failing_reads: u32,
}

impl MemoryLane {
    pub(super) fn new(lane: Lane, limits: Limits) -> Self {
        Self {
            lane,
            limits,
            watermark: Arc::new(Watermark::new(Seq::ZERO)),
            state: Mutex::default(),
        }
    }

    pub(super) const fn name(&self) -> Lane {
        self.lane
    }

    pub(super) const fn watermark(&self) -> &Arc<Watermark> {
        &self.watermark
    }

    pub(super) fn status(&self) -> LaneStatus {
        let state = self.state.lock();
        LaneStatus {
            epoch: Epoch::FIRST,
            first: state.first(),
            last: state.last,
            durable: self.watermark.durable(),
            bytes: state.bytes as u64,
        }
    }

    pub(super) fn submit(&self, records: &[NewRecord<'_>]) -> Result<Ticket, SubmitError> {
        let mut state = self.state.lock();
        self.admit(&state, records)?;
        let first = self.position(state.last.next());
        let mut duplicates = Vec::new();
        for (index, record) in (0u32..).zip(records) {
            let known = record.key.and_then(|key| state.keys.get(key));
            if let Some(position) = known {
                duplicates.push((index, *position));
                continue;
            }
            let position = self.position(state.last.next());
            state.place(position, record);
            state.forget_keys(self.limits.keys);
        }
        let held = state.held;
        drop(state);
        if !held {
            self.commit(Seq(u64::MAX));
        }
        let count = u32::try_from(records.len()).unwrap_or(u32::MAX);
        let watermark = Arc::clone(&self.watermark);
        Ok(Ticket::new(first, count, duplicates, watermark))
    }

    pub(super) fn hold(&self) {
        self.state.lock().held = true;
    }

    pub(super) fn release(&self) {
        self.state.lock().held = false;
        self.commit(Seq(u64::MAX));
    }

    /// Refuses a submission as a whole.
    fn admit(&self, state: &State, records: &[NewRecord<'_>]) -> Result<(), SubmitError> {
        if let Some(failure) = self.watermark.failure() {
            return Err(match failure.kind {
                CommitErrorKind::Closed => SubmitError::Closed,
                _ => SubmitError::Failed(failure.clone()),
            });
        }
        let too_long = |record: &&NewRecord<'_>| record.payload.len() > limits::PAYLOAD_BYTES;
        if let Some(record) = records.iter().find(too_long) {
            return Err(SubmitError::Limit(LimitError {
                what: "a payload",
                bytes: record.payload.len(),
                limit: limits::PAYLOAD_BYTES,
            }));
        }
        if state.queued_bytes >= self.limits.queue_bytes && !records.is_empty() {
            return Err(SubmitError::Full {
                lane: self.lane,
                queued_bytes: state.queued_bytes,
                limit_bytes: self.limits.queue_bytes,
            });
        }
        Ok(())
    }

    /// Makes the placed records up to `seq` durable, unless the lane has failed.
    pub(super) fn commit(&self, seq: Seq) {
        let mut state = self.state.lock();
        if self.watermark.failure().is_some() {
            return;
        }
        let seq = seq.min(state.last);
        let queued = state.after(seq).map(weight).sum();
        state.queued_bytes = queued;
        drop(state);
        self.watermark.advance(seq);
    }

    pub(super) fn fail(&self, kind: CommitErrorKind) {
        // Under the lock, so that no submission is half on each side of it.
        let _state = self.state.lock();
        self.watermark.fail(CommitError {
            lane: self.lane,
            kind,
            detail: format!("{kind:?}, as the test wanted").into(),
        });
    }

    pub(super) fn trim(&self, through: Seq) -> Seq {
        let mut state = self.state.lock();
        let through = through.min(self.watermark.durable());
        while state.first() <= through {
            let Some(record) = state.records.pop_front() else {
                break;
            };
            state.bytes -= weight(&record);
        }
        Seq(state.first().0 - 1)
    }

    pub(super) fn retire_soon(&self, through: Seq) {
        self.state.lock().retiring = through;
    }

    pub(super) fn retiring(&self) -> Seq {
        self.state.lock().retiring
    }

    pub(super) fn fail_reads(&self, times: u32) {
        self.state.lock().failing_reads = times;
    }

    /// Whether this read fails.
    pub(super) fn read_fails(&self) -> bool {
        let mut state = self.state.lock();
        let fails = state.failing_reads > 0;
        state.failing_reads = state.failing_reads.saturating_sub(1);
        fails
    }

    pub(super) fn damage(&self, from: Seq, to: Seq) {
        self.state.lock().damaged.push((from, to));
    }

    pub(super) fn window(&self, from: Option<Timestamp>, until: Option<Timestamp>) -> Window {
        let state = self.state.lock();
        let durable = self.watermark.durable();
        let is_within = |record: &&Record| {
            record.position.seq <= durable
                && from.is_none_or(|from| record.received >= from)
                && until.is_none_or(|until| record.received < until)
        };
        let mut within = state.records.iter().filter(is_within);
        let first = within.next().map(|record| record.position.seq);
        let last = within.next_back().map(|record| record.position.seq);
        let after = first.map_or(durable, |first| Seq(first.0 - 1));
        Window {
            after,
            through: last.or(first).unwrap_or(durable),
        }
    }

    pub(super) fn read(&self, after: Seq, max: usize) -> Followed {
        let state = self.state.lock();
        let durable = self.watermark.durable();
        let next = after.next();
        if next > durable {
            return Followed::UpToDate;
        }
        if next < state.first() {
            let to = Seq(state.first().0 - 1);
            return Followed::Gap { from: next, to };
        }
        if let Some((from, to)) = state.damage_at(next) {
            return Followed::Damaged(self.damaged(from.max(next), to.min(durable)));
        }
        let sound = |record: &&Record| {
            record.position.seq <= durable && state.damage_at(record.position.seq).is_none()
        };
        let mut bytes = 0;
        let fits = |record: &&Record| {
            let fits = bytes < READ_BYTES;
            bytes += record.payload.len();
            fits
        };
        let records = state.after(after).take_while(sound).take(max);
        Followed::Records(records.take_while(fits).cloned().collect())
    }

    fn damaged(&self, from: Seq, to: Seq) -> Damage {
        Damage {
            lane: self.lane,
            from,
            to,
            file: "memory".into(),
            offset: from.0,
            reason: "the test damaged it".into(),
        }
    }

    const fn position(&self, seq: Seq) -> Position {
        Position {
            epoch: Epoch::FIRST,
            lane: self.lane,
            seq,
        }
    }
}

impl State {
    /// The oldest kept record, or the one to come.
    fn first(&self) -> Seq {
        Seq(self.last.0 + 1 - self.records.len() as u64)
    }

    /// The kept records after `seq`.
    fn after(&self, seq: Seq) -> impl Iterator<Item = &Record> {
        let skip = (seq.0 + 1).saturating_sub(self.first().0);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        self.records.range(skip.min(self.records.len())..)
    }

    fn damage_at(&self, seq: Seq) -> Option<(Seq, Seq)> {
        let hit = |(from, to): &&(Seq, Seq)| (*from..=*to).contains(&seq);
        self.damaged.iter().find(hit).copied()
    }

    fn place(&mut self, position: Position, new: &NewRecord<'_>) {
        let record = Record {
            position,
            topic: new.topic.clone(),
            kind: new.kind,
            op: new.op,
            quality: new.quality,
            received: new.received,
            source_time: new.source_time,
            content_type: new.content_type.clone(),
            payload: Bytes::copy_from_slice(new.payload),
            key: new.key.cloned(),
            cause: new.cause.cloned(),
            properties: new.properties.cloned(),
        };
        if let Some(key) = &record.key {
            self.keys.insert(key.clone(), position);
            self.key_order.push_back(key.clone());
        }
        self.last = position.seq;
        self.bytes += weight(&record);
        self.queued_bytes += weight(&record);
        self.records.push_back(record);
    }

    fn forget_keys(&mut self, limit: usize) {
        while self.key_order.len() > limit {
            if let Some(key) = self.key_order.pop_front() {
                self.keys.remove(&key);
            }
        }
    }
}

/// What a record counts against the limits.
fn weight(record: &Record) -> usize {
    let key = record.key.as_ref().map_or(0, |key| key.as_bytes().len());
    let cause = record
        .cause
        .as_ref()
        .map_or(0, |cause| cause.as_str().len());
    record.topic.as_bytes().len() + record.payload.len() + key + cause + size_of::<Record>()
}
