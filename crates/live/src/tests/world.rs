//! The owner of the records as a naive model, and the shell that answers the engine from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use spica_live_proto::{GapReason, SubId, Subscribe};
use spica_model::{
    ContentType, Epoch, Kind, Lane, Op, Place, Position, Quality, Record, Seq, Timestamp, Topic,
    TopicFilter,
};

use crate::{Ask, Checked, Engine, Limits, Past, Replayed};

/// A subscription with all defaults.
pub(crate) fn subscribe(sub: u32, filter: &str) -> Subscribe {
    Subscribe::new(SubId(sub), TopicFilter::new(filter).unwrap())
}

/// A record of JSON, or a deletion.
pub(crate) fn record(
    lane: Lane,
    seq: u64,
    topic: &str,
    kind: Kind,
    payload: Option<&str>,
) -> Record {
    Record {
        position: Position {
            epoch: Epoch(1),
            lane,
            seq: Seq(seq),
        },
        topic: Topic::new(topic).unwrap(),
        kind,
        op: if payload.is_some() {
            Op::Put
        } else {
            Op::Delete
        },
        quality: Quality::Good,
        received: Timestamp::EPOCH,
        source_time: None,
        content_type: ContentType::Json,
        payload: Bytes::copy_from_slice(payload.unwrap_or_default().as_bytes()),
        key: None,
        cause: None,
        properties: None,
    }
}

/// Everything that was ever recorded, and an engine that is told of it.
pub(crate) struct World {
    pub(crate) engine: Engine,
    /// By number, from 1 on; per lane.
    pub(crate) journal: [Vec<Record>; 2],
    /// Up to here retention has removed records.
    pub(crate) trimmed: [u64; 2],
    /// How many of each lane the engine has taken in.
    pub(crate) taken: [usize; 2],
    pub(crate) asks: Vec<Ask>,
    clock: i64,
}

impl World {
    pub(crate) fn new(limits: Limits) -> Self {
        let place = (Epoch(1), Seq(0));
        Self {
            engine: Engine::new(limits, &Place::new(place, place)),
            journal: Default::default(),
            trimmed: [0; 2],
            taken: [0; 2],
            asks: Vec::new(),
            clock: 0,
        }
    }

    /// Records something.
    pub(crate) fn record(&mut self, lane: Lane, topic: &str, kind: Kind, payload: Option<&str>) {
        self.clock += 1;
        let records = &mut self.journal[lane.index()];
        let seq = records.len() as u64 + 1;
        let mut record = record(lane, seq, topic, kind, payload);
        record.received = Timestamp::from_micros(self.clock);
        records.push(record);
    }

    pub(crate) fn put(&mut self, topic: &str, payload: &str) {
        self.record(Lane::Normal, topic, Kind::State, Some(payload));
    }

    pub(crate) fn event(&mut self, topic: &str, payload: &str) {
        self.record(Lane::Normal, topic, Kind::Event, Some(payload));
    }

    /// Lets the engine take in everything.
    pub(crate) fn tick(&mut self) {
        for lane in 0..2 {
            let new = &self.journal[lane][self.taken[lane]..];
            self.engine.take(new);
            self.taken[lane] = self.journal[lane].len();
        }
        self.engine.tick(Timestamp::from_micros(self.clock));
    }

    pub(crate) fn collect_asks(&mut self) {
        self.asks.extend(self.engine.take_asks());
    }

    /// Answers everything that is asked.
    pub(crate) fn answer_all(&mut self) {
        self.collect_asks();
        while !self.asks.is_empty() {
            let ask = self.asks.remove(0);
            self.answer(ask);
            self.collect_asks();
        }
    }

    pub(crate) fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::Load { group, want, heads } => {
                if want.states() {
                    // The views may be ahead of what the engine has taken in.
                    let wanted = self.standing().into_values();
                    let wanted: Vec<_> = wanted.filter(|it| want.topic(&it.topic)).collect();
                    for page in wanted.chunks(2) {
                        self.engine.load_states(group, page);
                    }
                }
                for lane in Lane::ALL.into_iter().filter(|_| want.each()) {
                    let after = self.trimmed[lane.index()].min(heads.seq(lane).0);
                    let past = self.journal[lane.index()].iter();
                    let past = past.filter(|it| it.position.seq.0 > after && want.is_event(it));
                    let past = past.map(|it| Past::Record(Arc::new(it.clone()))).collect();
                    self.engine.load_events(group, lane.index(), after, past);
                }
                self.engine.loaded(group);
            }
            Ask::Check { sub, after } => {
                let durable = |lane: Lane| self.journal[lane.index()].len() as u64;
                let known = Lane::ALL.map(|lane| {
                    after.epoch(lane) == Epoch(1) && after.seq(lane).0 <= durable(lane)
                });
                let deletions = true;
                self.engine.checked(sub, Checked { known, deletions });
            }
            Ask::Replay {
                sub,
                want,
                lane,
                after,
                until,
                bytes,
            } => {
                let trimmed = self.trimmed[lane.index()];
                let mut replayed = Replayed {
                    to: after.0,
                    ..Replayed::default()
                };
                if trimmed > after.0 {
                    let to = trimmed.min(until.0);
                    replayed.hole = Some((after.0 + 1, to, GapReason::Retention));
                } else {
                    // A few at a time, whatever was asked for.
                    let records = self.journal[lane.index()].iter().skip(after.0 as usize);
                    for record in records.take(3.min(bytes)) {
                        if record.position.seq > until {
                            break;
                        }
                        replayed.to = record.position.seq.0;
                        if want.is_event(record) {
                            replayed.records.push(Arc::new(record.clone()));
                        }
                    }
                }
                self.engine.replayed(sub, lane.index(), replayed);
            }
        }
    }

    /// The last record of each topic of states: of two lanes the one received later.
    pub(crate) fn standing(&self) -> BTreeMap<Topic, Record> {
        let mut all: Vec<&Record> = self.journal.iter().flatten().collect();
        all.sort_by_key(|it| it.received);
        let states = all.into_iter().filter(|it| it.kind == Kind::State);
        states.map(|it| (it.topic.clone(), it.clone())).collect()
    }

    pub(crate) fn find(&self, lane: usize, seq: u64) -> &Record {
        &self.journal[lane][seq as usize - 1]
    }
}
