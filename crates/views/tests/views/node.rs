//! A node that is nothing but a journal in memory and its views.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use spica_clock::ManualClock;
use spica_devices::Serial;
use spica_journal::memory::MemoryJournal;
use spica_journal::{Journal, SharedJournal};
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Timestamp, Topic};
use spica_views::{DeviceService, Settings, Views};
use tempfile::TempDir;

pub(crate) struct Node {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) settings: Settings,
    pub(crate) dir: TempDir,
}

impl Node {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self {
            journal: MemoryJournal::new(),
            clock: Arc::new(ManualClock::new(Timestamp::from_secs(1_000))),
            settings,
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.dir.path().join("views.redb")
    }

    pub(crate) fn start(&self) -> Arc<Views> {
        self.start_at(&self.checkpoint())
    }

    pub(crate) fn start_at(&self, checkpoint: &Path) -> Arc<Views> {
        let journal: SharedJournal = self.journal.clone();
        let node = Topic::new("root").unwrap();
        let (settings, clock) = (self.settings.clone(), self.clock.clone());
        Views::start(journal, node, settings, checkpoint, clock).unwrap()
    }

    pub(crate) fn service(&self, views: &Arc<Views>) -> DeviceService {
        DeviceService::new(self.journal.clone(), Arc::clone(views), self.clock.clone())
    }

    /// Places a state without waiting for anything.
    pub(crate) fn place(&self, lane: Lane, topic: &str, op: Op, payload: &[u8]) -> Seq {
        self.place_as(Kind::State, lane, topic, op, payload)
    }

    /// Places a record without waiting for anything.
    pub(crate) fn place_as(
        &self,
        kind: Kind,
        lane: Lane,
        topic: &str,
        op: Op,
        payload: &[u8],
    ) -> Seq {
        let record = NewRecord {
            topic: &Topic::new(topic).unwrap(),
            kind,
            op,
            quality: Quality::Good,
            received: spica_clock::Clock::wall(&*self.clock),
            source_time: None,
            content_type: &ContentType::Json,
            payload,
            key: None,
            cause: None,
            properties: None,
        };
        let ticket = self.journal.submit(lane, &[record]).unwrap();
        ticket.only().position.seq
    }

    pub(crate) fn put(&self, topic: &str, payload: &str) -> Seq {
        self.place(Lane::Normal, topic, Op::Put, payload.as_bytes())
    }

    pub(crate) fn event(&self, topic: &str, payload: &str) -> Seq {
        self.place_as(
            Kind::Event,
            Lane::Normal,
            topic,
            Op::Put,
            payload.as_bytes(),
        )
    }

    pub(crate) fn delete(&self, topic: &str) -> Seq {
        self.place(Lane::Normal, topic, Op::Delete, b"")
    }
}

pub(crate) fn serial(text: &str) -> Serial {
    Serial::new(text).unwrap()
}

pub(crate) fn value(views: &Views, topic: &str) -> Option<String> {
    let record = views.get(&Topic::new(topic).unwrap())?;
    Some(String::from_utf8(record.payload.to_vec()).unwrap())
}

/// The state of a topic.
pub(crate) fn state(views: &Views, topic: &str) -> Option<String> {
    let record = views.state(&Topic::new(topic).unwrap())?;
    Some(String::from_utf8(record.payload.to_vec()).unwrap())
}

/// The states of all topics.
pub(crate) fn states(views: &Views) -> Vec<Record> {
    let mut states = Vec::new();
    views.retained("", |page| states.extend_from_slice(page));
    states
}

/// Everything the views show.
pub(crate) fn everything(views: &Views) -> Vec<Record> {
    views.subtree("", None, usize::MAX)
}

/// The value of a metric by its full name and labels.
pub(crate) fn metric(views: &Views, name: &str) -> u64 {
    let mut registry = prometheus_client::registry::Registry::default();
    views.metrics().register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |value| value.trim().parse().unwrap())
}
