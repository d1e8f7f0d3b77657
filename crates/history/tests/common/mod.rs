//! An index of a journal in memory.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]
#![allow(dead_code, reason = "each test uses a part")]

use std::sync::Arc;

use proptest::prelude::*;
use spica_clock::ManualClock;
use spica_handler::{Handler, Kept};
use spica_history::{History, Page, Query, Settings};
use spica_journal::memory::MemoryJournal;
use spica_journal::{Followed, Journal};
use spica_model::{
    ContentType, Epoch, Kind, Lane, NewRecord, Op, Quality, Record, Restated, Seq, Timestamp, Topic,
};
use tempfile::TempDir;

pub(crate) const NODE: &str = "root/s1";
pub(crate) const TOPICS: [&str; 9] = [
    "root/s1/plant/a",
    "root/s1/plant/b",
    "root/s1/plant/b/c",
    "root/s1/devices/0000001/events/man-down",
    "root/s1/devices/0000002/events/man-down",
    "root/s1/devices/0000002/events/low-battery",
    "root/s1/devices/0000002/status",
    "root/s1/devices/0000002/events/deep/er",
    "other",
];
/// The beginning of all time.
pub(crate) const BEGIN: i64 = 1_700_000_000_000_000;

/// What a test places.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) lane: Lane,
    pub(crate) topic: usize,
    /// Seconds; the clock may jump back.
    pub(crate) at: i64,
    pub(crate) value: i32,
    pub(crate) how: How,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum How {
    Number,
    Text,
    Bad,
    Delete,
    Copy,
}

pub(crate) fn given() -> impl Strategy<Value = Given> {
    let lane = prop_oneof![1 => Just(Lane::Critical), 3 => Just(Lane::Normal)];
    let how = prop_oneof![
        6 => Just(How::Number), 1 => Just(How::Text), 1 => Just(How::Bad), 1 => Just(How::Delete), 1 => Just(How::Copy)
    ];
    (lane, 0..TOPICS.len(), 0i64..20_000, -100i32..100, how).prop_map(
        |(lane, topic, at, value, how)| Given {
            lane,
            topic,
            at,
            value,
            how,
        },
    )
}

/// What happens between two batches.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    Batch(usize),
    Checkpoint,
    Crash,
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        5 => (1usize..40).prop_map(Event::Batch),
        1 => Just(Event::Checkpoint),
        1 => Just(Event::Crash),
    ]
}

pub(crate) struct World {
    pub(crate) dir: TempDir,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) settings: Settings,
    /// None only while it is opened anew.
    pub(crate) history: Option<Arc<History>>,
    /// Critical first.
    pub(crate) handlers: Vec<Box<dyn Handler>>,
    /// Where each handler goes on.
    pub(crate) places: [Seq; 2],
}

pub(crate) fn open(
    dir: &TempDir,
    journal: &Arc<MemoryJournal>,
    settings: &Settings,
) -> Arc<History> {
    let clock = ManualClock::new(Timestamp::from_micros(BEGIN + 20_000_000_000));
    let node = Topic::new(NODE).unwrap();
    History::open(
        dir.path(),
        journal.clone(),
        &node,
        settings.clone(),
        Arc::new(clock),
    )
    .unwrap()
}

pub(crate) fn handlers(history: &Arc<History>) -> (Vec<Box<dyn Handler>>, [Seq; 2]) {
    let mut handlers = Lane::ALL.map(|lane| history.factory().make(lane).unwrap());
    let places = handlers
        .each_mut()
        .map(|handler| handler.resume(Seq(999_999)).unwrap());
    (handlers.into(), places)
}

impl World {
    pub(crate) fn new(settings: Settings, records: &[Given]) -> Self {
        let (dir, journal) = (tempfile::tempdir().unwrap(), MemoryJournal::new());
        for given in records {
            place(&journal, given);
        }
        let history = open(&dir, &journal, &settings);
        let (handlers, places) = handlers(&history);
        Self {
            dir,
            journal,
            settings,
            history: Some(history),
            handlers,
            places,
        }
    }

    fn step(&mut self, event: Event) {
        for lane in Lane::ALL {
            let (handler, place) = (
                &mut self.handlers[lane.index()],
                &mut self.places[lane.index()],
            );
            match event {
                Event::Batch(count) => {
                    let mut follower = self.journal.follow(lane, *place).unwrap();
                    if let Followed::Records(records) = follower.read(count).unwrap() {
                        handler.handle(&records).unwrap();
                        *place = records.last().unwrap().position.seq;
                    }
                }
                Event::Checkpoint => {
                    assert_eq!(handler.checkpoint(), Ok(Kept::Through(*place)));
                }
                Event::Crash => {}
            }
        }
        if matches!(event, Event::Crash) {
            self.crash();
        }
    }

    /// What was not written is lost.
    fn crash(&mut self) {
        let kept = self.handlers.iter_mut().map(|handler| handler.kept());
        let kept: Vec<Kept> = kept.collect();
        // The old index goes before it is opened again.
        self.handlers.clear();
        self.history = None;
        let history = open(&self.dir, &self.journal, &self.settings);
        (self.handlers, self.places) = handlers(&history);
        self.history = Some(history);
        for (kept, place) in kept.iter().zip(self.places) {
            let Kept::Through(kept) = kept else {
                panic!("history says what it keeps");
            };
            assert!(place >= *kept, "kept {kept}, resumes at {place}");
        }
    }

    pub(crate) fn run(&mut self, events: &[Event]) {
        events.iter().for_each(|event| self.step(*event));
    }

    pub(crate) fn finish(&mut self) {
        while self.places != Lane::ALL.map(|lane| self.journal.status(lane).durable) {
            self.step(Event::Batch(1_000));
        }
        self.step(Event::Checkpoint);
    }

    pub(crate) fn history(&self) -> &History {
        self.history.as_ref().unwrap()
    }

    /// All records of a lane.
    pub(crate) fn records(&self, lane: Lane) -> Vec<Record> {
        let first = self.journal.status(lane).first;
        let mut follower = self.journal.follow(lane, Seq(first.0 - 1)).unwrap();
        let mut all = Vec::new();
        while let Followed::Records(records) = follower.read(1_000).unwrap() {
            all.extend(records);
        }
        all
    }

    /// All pages of an answer.
    pub(crate) fn pages(&self, query: &Query) -> Vec<Record> {
        let mut query = query.clone();
        let mut all = Vec::new();
        for _ in 0..10_000 {
            let Page { records, next, .. } = self.history().query(&query).unwrap();
            assert!(records.len() <= query.limit);
            all.extend(records);
            let Some(place) = next else {
                return all;
            };
            assert_ne!(query.after, Some(place), "no progress");
            query.after = Some(place);
        }
        panic!("the pages do not end");
    }
}

pub(crate) fn place(journal: &MemoryJournal, given: &Given) {
    let text = match given.how {
        How::Text => format!("value {}", given.value),
        _ => given.value.to_string(),
    };
    let record = NewRecord {
        topic: &Topic::new(TOPICS[given.topic]).unwrap(),
        kind: Kind::Event,
        op: match given.how {
            How::Delete => Op::Delete,
            How::Copy => Op::Restate(Restated {
                epoch: Epoch::FIRST,
                seq: Seq(1),
                deletes: false,
            }),
            _ => Op::Put,
        },
        quality: if given.how == How::Bad {
            Quality::Bad
        } else {
            Quality::Good
        },
        received: Timestamp::from_micros(BEGIN + given.at * 1_000_000),
        source_time: None,
        content_type: &ContentType::Text,
        payload: text.as_bytes(),
        key: None,
        cause: None,
        properties: None,
    };
    journal.submit(given.lane, &[record]).unwrap();
}

pub(crate) fn positions(records: &[Record]) -> Vec<String> {
    records
        .iter()
        .map(|record| record.position.to_string())
        .collect()
}

pub(crate) fn small() -> Settings {
    Settings {
        flush_records: 25,
        cached_topics: 16,
        ..Settings::default()
    }
}
