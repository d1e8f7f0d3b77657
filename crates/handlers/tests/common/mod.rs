//! A node of memory around handlers.
#![expect(clippy::unwrap_used, reason = "test code")]
#![allow(dead_code, reason = "each test uses a part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use spica_clock::{Clock, SystemClock};
use spica_handler::memory::MemoryFactory;
use spica_handler::{Factory, HandlerControl, HandlerStatus, State, Trouble, TroubleSink};
use spica_handlers::{Handlers, Metrics, NoMarks, Parts, Settings, Standing, StartError};
use spica_journal::memory::MemoryJournal;
use spica_journal::{Followed, Journal};
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Topic};
use spica_role::scripted::Scripted;
use spica_settings::Span;

/// State topics, folded from the journal whenever they are asked for.
pub(crate) struct Folded(pub(crate) Arc<MemoryJournal>);

impl Folded {
    fn fold(&self) -> BTreeMap<String, Record> {
        let first = self.0.status(Lane::Normal).first;
        let mut follower = self.0.follow(Lane::Normal, Seq(first.0 - 1)).unwrap();
        let mut state = BTreeMap::new();
        while let Followed::Records(records) = follower.read(1_000).unwrap() {
            for record in records.into_iter().filter(|r| r.kind == Kind::State) {
                if record.op == Op::Delete {
                    state.remove(record.topic.as_str());
                } else {
                    state.insert(record.topic.to_string(), record);
                }
            }
        }
        state
    }
}

impl Standing for Folded {
    fn get(&self, topic: &Topic) -> Option<Record> {
        self.fold().remove(topic.as_str())
    }

    fn subtree(&self, prefix: &str, after: Option<&str>, limit: usize) -> Vec<Record> {
        let state = self.fold().into_iter();
        let behind = |topic: &str| after.is_none_or(|after| topic > after);
        let below = state.filter(|(topic, record)| record.topic.is_within(prefix) && behind(topic));
        below.map(|(_, record)| record).take(limit).collect()
    }

    fn applied(&self, lane: Lane) -> Seq {
        self.0.status(lane).durable
    }
}

#[derive(Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<Trouble>>);

impl TroubleSink for Told {
    fn tell(&self, trouble: Trouble) {
        self.0.lock().push(trouble);
    }
}

impl Told {
    /// Whether a condition was told last as active; none if it never was.
    pub(crate) fn last(&self, condition: &str) -> Option<bool> {
        let told = self.0.lock();
        let last = told.iter().rfind(|trouble| trouble.condition == condition);
        last.map(|trouble| trouble.active)
    }
}

/// A node without anything but a journal and handlers.
pub(crate) struct World {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) role: Scripted,
    pub(crate) told: Arc<Told>,
    pub(crate) handlers: Arc<Handlers>,
}

/// Settings with which nothing takes long.
pub(crate) fn quick() -> Settings {
    Settings {
        batch_records: 16,
        attempts: 3,
        retry_min: Span::from_millis(1),
        retry_max: Span::from_millis(20),
        checkpoint_interval: Span::from_millis(10),
        // Its records would be handled, too.
        place_interval: Span::from_hours(1),
        ..Settings::default()
    }
}

impl World {
    pub(crate) fn new(factories: &[&MemoryFactory]) -> Self {
        Self::with(quick(), factories)
    }

    pub(crate) fn with(settings: Settings, factories: &[&MemoryFactory]) -> Self {
        let (journal, role) = (MemoryJournal::new(), Scripted::default());
        role.serve();
        Self::on(journal, role, settings, factories)
    }

    pub(crate) fn on(
        journal: Arc<MemoryJournal>,
        role: Scripted,
        settings: Settings,
        factories: &[&MemoryFactory],
    ) -> Self {
        Self::try_on(journal, role, settings, factories).unwrap()
    }

    pub(crate) fn try_on(
        journal: Arc<MemoryJournal>,
        role: Scripted,
        settings: Settings,
        factories: &[&MemoryFactory],
    ) -> Result<Self, StartError> {
        let told = Arc::<Told>::default();
        let factories = factories.iter().map(|factory| {
            let factory: Arc<dyn Factory> = Arc::new((*factory).clone());
            factory
        });
        let parts = Parts {
            journal: journal.clone(),
            standing: Arc::new(Folded(journal.clone())),
            role: Arc::new(role.clone()),
            clock: Arc::new(SystemClock),
            node: Topic::new("root").unwrap(),
            troubles: told.clone(),
            data_dir: std::env::temp_dir(),
            marks: Arc::new(NoMarks),
            metrics: Metrics::default(),
        };
        let handlers = Handlers::start(settings, parts, factories.collect())?;
        Ok(Self {
            journal,
            role,
            told,
            handlers,
        })
    }

    /// Stops the handlers and starts others on the same journal.
    pub(crate) fn again(self, settings: Settings, factories: &[&MemoryFactory]) -> Self {
        self.handlers.stop();
        Self::on(self.journal, self.role, settings, factories)
    }

    /// Places some records of plain topics.
    pub(crate) fn fill(&self, lane: Lane, count: u64) {
        for n in 0..count {
            place(&self.journal, lane, &format!("root/plant/{}", n % 3), b"1");
        }
    }

    pub(crate) fn status(&self, name: &str, lane: Lane) -> HandlerStatus {
        let all = self.handlers.handlers();
        all.into_iter()
            .find(|status| status.name == name && status.lane == lane)
            .unwrap()
    }

    /// Waits until a handler is in a state.
    pub(crate) fn wait_state(&self, factory: &MemoryFactory, name: &str, lane: Lane, state: State) {
        factory.wait(|_| self.status(name, lane).state == state);
    }

    /// The payload of a state topic.
    pub(crate) fn state(&self, topic: &str) -> Option<Record> {
        Folded(self.journal.clone()).get(&Topic::new(topic).unwrap())
    }
}

pub(crate) fn place(journal: &MemoryJournal, lane: Lane, topic: &str, payload: &[u8]) -> Seq {
    let record = NewRecord {
        topic: &Topic::new(topic).unwrap(),
        kind: Kind::Event,
        op: Op::Put,
        quality: Quality::Good,
        received: SystemClock.wall(),
        source_time: None,
        content_type: &ContentType::Text,
        payload,
        key: None,
        cause: None,
        properties: None,
    };
    journal.submit(lane, &[record]).unwrap().only().position.seq
}
