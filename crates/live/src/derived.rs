//! Values that a group computes: of windows, or composed of patches.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use spica_live_proto::{Encoding, WindowKind, WindowSpec, compose, rows};
use spica_model::{ContentType, Op, Position, Record, Timestamp, limits};

use crate::mark::Mark;
use crate::want::Want;
use crate::windows::{self, Closed, Window};

/// What a group computes.
#[derive(Debug)]
pub(crate) enum Derived {
    Windows(Windows),
    /// The composition of all patches of a topic, as a record at the place of the last one.
    Merged(HashMap<u32, Arc<Record>>),
}

impl Derived {
    pub(crate) fn of(want: &Want) -> Option<Self> {
        match &want.window {
            Some(spec) => Some(Self::Windows(Windows::new(spec.clone()))),
            None => want.merge_patch.then(|| Self::Merged(HashMap::new())),
        }
    }

    /// Appends what a topic shows to `out`. Whether it is that it is deleted.
    pub(crate) fn row(
        &self,
        encoding: Encoding,
        topic: u32,
        number: u64,
        out: &mut Vec<u8>,
    ) -> Option<bool> {
        match self {
            Self::Windows(windows) => windows.row(encoding, topic, number, out),
            Self::Merged(merged) => {
                let record = merged.get(&topic)?;
                rows::full(encoding, number, record, out);
                Some(record.op == Op::Delete)
            }
        }
    }

    pub(crate) fn forget(&mut self, topic: u32) {
        match self {
            Self::Windows(windows) => {
                windows.topics.remove(&topic);
                windows.open.remove(&topic);
            }
            Self::Merged(merged) => {
                merged.remove(&topic);
            }
        }
    }
}

/// The record whose payload is that of `older` and `newer` composed. What cannot be composed begins
/// anew with the newer one; `false` then.
pub(crate) fn merged(older: Option<&Arc<Record>>, newer: &Arc<Record>) -> (Arc<Record>, bool) {
    let Some(older) = older.filter(|it| it.op == Op::Put && newer.op == Op::Put) else {
        return (Arc::clone(newer), true);
    };
    let text = |record: &Record| String::from_utf8(record.payload.to_vec()).unwrap_or_default();
    match compose(&text(older), &text(newer), limits::PAYLOAD_BYTES) {
        Ok(payload) => {
            let record = Record {
                content_type: ContentType::Json,
                payload: Bytes::from(payload),
                ..Record::clone(newer)
            };
            (Arc::new(record), true)
        }
        Err(_) => (Arc::clone(newer), false),
    }
}

/// The windows of a group's topics.
#[derive(Debug)]
pub(crate) struct Windows {
    spec: WindowSpec,
    topics: HashMap<u32, Computed>,
    /// Topics whose window may have values when the clock closes it.
    open: BTreeSet<u32>,
    /// The last number of a thing that windows said, per lane.
    said: Mark,
    /// When the clock closes windows next.
    closes_at: Option<Timestamp>,
}

#[derive(Debug)]
struct Computed {
    window: Window,
    /// The last record that it took, or that deleted the topic.
    record: Arc<Record>,
    /// What it said last, about which record, and at which number; `None`: that it is deleted.
    said: Option<(u64, Arc<Record>, Option<Closed>)>,
}

/// What windows say now: a topic moves from a number to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) topic: u32,
    pub(crate) before: Option<(usize, u64)>,
    pub(crate) lane: usize,
    pub(crate) number: u64,
}

impl Windows {
    fn new(spec: WindowSpec) -> Self {
        Self {
            spec,
            topics: HashMap::new(),
            open: BTreeSet::new(),
            said: [0; 2],
            closes_at: None,
        }
    }

    pub(crate) const fn said(&self) -> Mark {
        self.said
    }

    pub(crate) const fn closes_at(&self) -> Option<Timestamp> {
        self.closes_at
    }

    pub(crate) fn knows(&self, topic: u32) -> bool {
        self.topics.contains_key(&topic)
    }

    /// How many values all its windows may keep, with one of another topic.
    pub(crate) fn values_with_one_more(&self) -> usize {
        (self.topics.len() + 1).saturating_mul(Window::values(self.spec.kind))
    }

    /// Takes a record; what its window says then. `Err` if its payload is of no use.
    pub(crate) fn take(&mut self, topic: u32, record: &Arc<Record>) -> Result<Option<Said>, ()> {
        if record.op == Op::Delete {
            return Ok(self.delete(topic, record));
        }
        let value = windows::number(record, &self.spec.field).ok_or(())?;
        let kind = self.spec.kind;
        let computed = self.topics.entry(topic).or_insert_with(|| Computed {
            window: Window::new(kind),
            record: Arc::clone(record),
            said: None,
        });
        computed.record = Arc::clone(record);
        let seq = record.position.seq.0;
        let closed = computed
            .window
            .add(value, seq, record.received, &self.spec.ops);
        if matches!(kind, WindowKind::Periodic(_)) {
            self.open.insert(topic);
        }
        Ok(closed.and_then(|closed| self.say(topic, Some(closed))))
    }

    /// Closes the windows that the clock closes at `now`.
    pub(crate) fn tick(&mut self, now: Timestamp) -> Vec<Said> {
        let WindowKind::Periodic(ms) = self.spec.kind else {
            return Vec::new();
        };
        let period = i64::try_from(ms.max(1))
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000);
        let next = now.as_micros().div_euclid(period).saturating_add(1);
        let next = Timestamp::from_micros(next.saturating_mul(period));
        let at = self.closes_at.replace(next);
        // A clock that was set back by more than a period begins anew.
        if at.is_none_or(|at| now < at && next >= at) {
            self.closes_at = at.or(Some(next));
            return Vec::new();
        }
        let due = std::mem::take(&mut self.open);
        let mut said = Vec::new();
        for topic in due {
            let Some(computed) = self.topics.get_mut(&topic) else {
                continue;
            };
            if let Some(closed) = computed.window.tick(&self.spec.ops) {
                said.extend(self.say(topic, Some(closed)));
            }
        }
        said
    }

    fn delete(&mut self, topic: u32, record: &Arc<Record>) -> Option<Said> {
        let computed = self.topics.get_mut(&topic)?;
        computed.window = Window::new(self.spec.kind);
        computed.record = Arc::clone(record);
        self.open.remove(&topic);
        computed.said.as_ref()?;
        self.say(topic, None)
    }

    fn say(&mut self, topic: u32, closed: Option<Closed>) -> Option<Said> {
        let computed = self.topics.get_mut(&topic)?;
        let lane_of = |record: &Record| record.position.lane.index();
        let before = computed
            .said
            .as_ref()
            .map(|(number, record, _)| (lane_of(record), *number));
        let lane = lane_of(&computed.record);
        self.said[lane] += 1;
        let number = self.said[lane];
        computed.said = Some((number, Arc::clone(&computed.record), closed));
        Some(Said {
            topic,
            before,
            lane,
            number,
        })
    }

    fn row(&self, encoding: Encoding, topic: u32, number: u64, out: &mut Vec<u8>) -> Option<bool> {
        let (_, record, closed) = self.topics.get(&topic)?.said.as_ref()?;
        let Some(closed) = closed else {
            rows::deleted(encoding, number, record, out);
            return Some(true);
        };
        let position: Position = record.position;
        let window = rows::Window {
            topic: &record.topic,
            position,
            received: record.received,
            results: &closed.results,
            from: closed.from,
            to: closed.to,
        };
        rows::window(encoding, number, &window, out);
        Some(false)
    }
}
