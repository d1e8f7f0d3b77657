//! A journal in memory, a fold of it, and edge nodes that publish into it.
#![expect(clippy::unwrap_used, reason = "help for tests fails as tests do")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use spica_clock::{Clock as _, ManualClock};
use spica_handler::{HandleError, Handler, Kept};
use spica_journal::memory::MemoryJournal;
use spica_journal::{Followed, SharedJournal};
use spica_model::{
    Cause, ContentType, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Timestamp, Topic,
};
use spica_sparkplug_host::{Host, Metrics, Parts, Settings, Standing};

pub(crate) const LANE: Lane = Lane::Normal;

/// A metric: its name, its alias, its value, and whether it is of the past.
pub(crate) type Metric<'a> = (Option<&'a str>, u64, f64, bool);

fn field(out: &mut Vec<u8>, number: u8, value: u8) {
    out.extend([number << 3, value]);
}

fn counted(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.extend([number << 3 | 2, bytes.len().try_into().unwrap()]);
    out.extend(bytes);
}

/// A payload of a few short metrics.
pub(crate) fn payload(seq: Option<u8>, bd_seq: Option<u8>, metrics: &[Metric<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, alias, value, is_historical) in metrics {
        let mut metric = Vec::new();
        if let Some(name) = name {
            counted(&mut metric, 1, name.as_bytes());
        }
        field(&mut metric, 2, (*alias).try_into().unwrap());
        field(&mut metric, 4, 10);
        field(&mut metric, 5, u8::from(*is_historical));
        metric.push(13 << 3 | 1);
        metric.extend(value.to_le_bytes());
        counted(&mut out, 2, &metric);
    }
    if let Some(bd_seq) = bd_seq {
        let mut metric = Vec::new();
        counted(&mut metric, 1, b"bdSeq");
        field(&mut metric, 11, bd_seq);
        counted(&mut out, 2, &metric);
    }
    if let Some(seq) = seq {
        field(&mut out, 3, seq);
    }
    out
}

/// The state tree, folded whenever it is asked.
pub(crate) struct Tree(pub(crate) SharedJournal);

impl Tree {
    fn fold(&self) -> BTreeMap<String, Record> {
        let records = read(&self.0).into_iter();
        let states = records.filter(|record| record.kind == Kind::State);
        states
            .map(|record| (record.topic.as_str().to_owned(), record))
            .collect()
    }
}

impl Standing for Tree {
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&Record)) {
        let all = self.fold();
        all.values()
            .filter(|record| record.topic.is_within(prefix))
            .for_each(each);
    }

    fn state(&self, topic: &Topic) -> Option<Record> {
        let record = self.fold().remove(topic.as_str());
        record.filter(|record| record.op == Op::Put)
    }

    fn shows(&self, lane: Lane, seq: Seq, _: Duration) -> bool {
        self.0.status(lane).durable >= seq
    }
}

/// All records of the lane.
pub(crate) fn read(journal: &SharedJournal) -> Vec<Record> {
    let mut follower = journal.follow(LANE, Seq::ZERO).unwrap();
    let mut all = Vec::new();
    loop {
        match follower.read(1 << 20).unwrap() {
            Followed::Records(records) => all.extend(records),
            Followed::UpToDate => return all,
            other => unreachable!("{other:?}"),
        }
    }
}

pub(crate) struct World {
    pub(crate) memory: Arc<MemoryJournal>,
    pub(crate) journal: SharedJournal,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) host: Host,
    handler: Box<dyn Handler>,
    /// Up to where the handler has come, and what it needs no more.
    through: Seq,
    cursor: Seq,
}

pub(crate) fn settings() -> Settings {
    Settings {
        reorder_timeout: spica_settings::Span::from_millis(10),
        ..Settings::default()
    }
}

pub(crate) fn host(journal: &SharedJournal, clock: &Arc<ManualClock>) -> Host {
    let parts = Parts {
        journal: Arc::clone(journal),
        standing: Arc::new(Tree(Arc::clone(journal))),
        clock: Arc::clone(clock) as Arc<dyn spica_clock::Clock>,
        node: Topic::new("root").unwrap(),
        metrics: Metrics::default(),
    };
    Host::open(settings(), parts).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let memory = MemoryJournal::new();
        let journal: SharedJournal = memory.clone();
        let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
        let host = host(&journal, &clock);
        let mut handler = host.factory().unwrap().make(LANE).unwrap();
        handler.resume(Seq::ZERO).unwrap();
        Self {
            memory,
            journal,
            clock,
            host,
            handler,
            through: Seq::ZERO,
            cursor: Seq::ZERO,
        }
    }

    /// A client publishes.
    pub(crate) fn publish(&self, topic: &str, payload: &[u8]) {
        let cause = Cause::new("mqtt:client").unwrap();
        let record = NewRecord {
            topic: &Topic::new(format!("root/{topic}")).unwrap(),
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: self.clock.wall(),
            source_time: None,
            content_type: &ContentType::Bytes,
            payload,
            key: None,
            cause: Some(&cause),
            properties: None,
        };
        self.journal.submit(LANE, &[record]).unwrap();
    }

    pub(crate) fn birth(&self, bd_seq: u8) {
        let metrics = [(Some("t"), 1, 1.5, false), (Some("a/b"), 2, 2.5, false)];
        let payload = payload(Some(0), Some(bd_seq), &metrics);
        self.publish("spBv1.0/g/NBIRTH/e", &payload);
    }

    pub(crate) fn data(&self, seq: u8, value: f64) {
        let payload = payload(Some(seq), None, &[(None, 1, value, false)]);
        self.publish("spBv1.0/g/NDATA/e", &payload);
    }

    /// Lets the handler take what it has not; it may fail.
    pub(crate) fn try_run(&mut self) -> Result<(), HandleError> {
        loop {
            let all = read(&self.journal);
            let new: Vec<Record> = all
                .into_iter()
                .filter(|it| it.position.seq > self.through)
                .collect();
            let Some(last) = new.last() else {
                return Ok(());
            };
            let through = last.position.seq;
            self.handler.handle(&new)?;
            self.through = through;
            self.cursor = match self.handler.kept() {
                Kept::All => through,
                Kept::Through(seq) => seq,
            };
        }
    }

    pub(crate) fn run(&mut self) {
        self.try_run().unwrap();
    }

    /// The process is lost, and another one goes on where the cursor stands.
    pub(crate) fn restart(&mut self) {
        self.host = host(&self.journal, &self.clock);
        self.handler = self.host.factory().unwrap().make(LANE).unwrap();
        self.through = self.handler.resume(self.cursor).unwrap();
    }

    /// The process is lost, and nobody knows how far it was.
    pub(crate) fn restart_at(&mut self, cursor: Seq) {
        self.cursor = cursor;
        self.restart();
    }

    /// What a topic below the node says, and how good that is.
    pub(crate) fn state(&self, topic: &str) -> Option<(String, Quality)> {
        let topic = Topic::new(format!("root/{topic}")).unwrap();
        let record = Tree(Arc::clone(&self.journal)).state(&topic)?;
        let text = String::from_utf8_lossy(&record.payload).into_owned();
        Some((text, record.quality))
    }

    /// All records of topics that begin like this.
    pub(crate) fn records(&self, below: &str) -> Vec<Record> {
        let all = read(&self.journal).into_iter();
        let is_one = |record: &Record| {
            let topic = record.topic.below("root");
            topic.is_some_and(|topic| topic.starts_with(below))
        };
        all.filter(is_one).collect()
    }
}
