//! A node of memory around rules.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use spica_clock::{Clock, SystemClock};
use spica_handler::{HandlerControl, HandlerStatus, LetterPage};
use spica_handlers::{Handlers, NoMarks, Parts as HandlersParts, Settings, Standing as States};
use spica_journal::memory::MemoryJournal;
use spica_journal::{Followed, Journal};
use spica_model::{
    ContentType, Kind, Lane, NewRecord, Op, Properties, Quality, Record, Seq, Topic,
};
use spica_role::scripted::Scripted;
use spica_rule_engine::{CaseSink, Engine, Metrics, Parts, Standing, load};
use spica_settings::Span;
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) const NODE: &str = "root/s1";
/// Nothing here takes so long.
const DEADLINE: Duration = Duration::from_secs(60);

/// State topics, folded from the journal whenever they are asked for.
pub(crate) struct Folded(pub(crate) Arc<MemoryJournal>);

impl Folded {
    pub(crate) fn fold(&self) -> BTreeMap<String, Record> {
        let mut state = BTreeMap::new();
        for lane in Lane::ALL {
            for record in all(&self.0, lane) {
                if record.op == Op::Delete {
                    state.remove(record.topic.as_str());
                } else if record.kind == Kind::State {
                    state.insert(record.topic.to_string(), record);
                }
            }
        }
        state
    }
}

impl Standing for Folded {
    fn visit(&self, prefix: &str, each: &mut dyn FnMut(&Record)) {
        let state = self.fold();
        state
            .values()
            .filter(|it| it.topic.is_within(prefix))
            .for_each(each);
    }

    fn applied(&self, lane: Lane) -> Seq {
        self.0.status(lane).durable
    }
}

impl States for Folded {
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

/// What the desk was told: condition, source, whether it holds.
#[derive(Default)]
pub(crate) struct Told(pub(crate) Mutex<Vec<(String, String, bool)>>);

impl CaseSink for Told {
    fn tell(&self, trouble: spica_cases::Trouble) {
        let now = (trouble.condition, trouble.source, trouble.active);
        let mut told = self.0.lock();
        let known = told.iter().rfind(|it| it.0 == now.0 && it.1 == now.1);
        // The same again changes nothing: both lanes tell what stands when they begin.
        if known != Some(&now) {
            told.push(now);
        }
    }
}

#[derive(Default)]
struct Deaf;

impl spica_handler::TroubleSink for Deaf {
    fn tell(&self, _: spica_handler::Trouble) {}
}

/// A node with rules and nothing else.
pub(crate) struct World {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) told: Arc<Told>,
    pub(crate) engine: Engine,
    handlers: Option<Arc<Handlers>>,
    registry: Registry,
    dir: TempDir,
    runtime: Runtime,
}

/// Settings with which nothing takes long.
fn quick() -> Settings {
    Settings {
        attempts: 3,
        retry_min: Span::from_millis(1),
        retry_max: Span::from_millis(20),
        checkpoint_interval: Span::from_millis(10),
        // Its records would be handled, too.
        place_interval: Span::from_hours(1),
        ..Settings::default()
    }
}

pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// An engine on a file in `dir`.
pub(crate) fn engine(
    journal: &Arc<MemoryJournal>,
    dir: &TempDir,
    told: &Arc<Told>,
    metrics: Metrics,
    runtime: &Runtime,
) -> Engine {
    let file = file(dir);
    let set = load(&file).unwrap();
    let parts = Parts {
        journal: journal.clone(),
        standing: Arc::new(Folded(journal.clone())),
        cases: told.clone(),
        clock: Arc::new(SystemClock),
        node: Topic::new(NODE).unwrap(),
        runtime: runtime.handle().clone(),
        file,
        previous_topics: 100,
        hang_after: Duration::from_secs(30),
        metrics,
    };
    Engine::new(set, parts).unwrap()
}

pub(crate) fn file(dir: &TempDir) -> PathBuf {
    dir.path().join("rules.toml")
}

impl World {
    pub(crate) fn new(rules: &str) -> Self {
        Self::on(MemoryJournal::new(), rules)
    }

    /// A node that begins on a journal as it is.
    pub(crate) fn on(journal: Arc<MemoryJournal>, rules: &str) -> Self {
        let (dir, told) = (TempDir::new().unwrap(), Arc::<Told>::default());
        std::fs::write(file(&dir), rules).unwrap();
        let (runtime, metrics) = (runtime(), Metrics::default());
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let engine = engine(&journal, &dir, &told, metrics, &runtime);
        let role = Scripted::default();
        role.serve();
        let parts = HandlersParts {
            journal: journal.clone(),
            standing: Arc::new(Folded(journal.clone())),
            role: Arc::new(role),
            clock: Arc::new(SystemClock),
            node: Topic::new(NODE).unwrap(),
            troubles: Arc::new(Deaf),
            data_dir: dir.path().to_owned(),
            marks: Arc::new(NoMarks),
            metrics: spica_handlers::Metrics::default(),
        };
        let factories = engine.factories().unwrap();
        let handlers = Handlers::start(quick(), parts, factories).unwrap();
        Self {
            journal,
            told,
            engine,
            handlers: Some(handlers),
            registry,
            dir,
            runtime,
        }
    }

    /// Stops the node and starts one on its journal, with other rules.
    pub(crate) fn again(mut self, rules: &str) -> Self {
        self.stop();
        Self::on(self.journal.clone(), rules)
    }

    pub(crate) fn stop(&mut self) {
        if let Some(handlers) = self.handlers.take() {
            handlers.stop();
        }
    }

    pub(crate) fn write(&self, rules: &str) {
        std::fs::write(file(&self.dir), rules).unwrap();
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    fn handlers(&self) -> &Handlers {
        self.handlers.as_ref().unwrap()
    }

    pub(crate) fn letters(&self, handler: &str) -> LetterPage {
        self.handlers().dead_letters(handler, None, 100).unwrap()
    }

    pub(crate) fn control(&self) -> &dyn HandlerControl {
        self.handlers()
    }

    pub(crate) fn status(&self, handler: &str, lane: Lane) -> HandlerStatus {
        let all = self.handlers().handlers();
        let mut found = all.into_iter();
        found
            .find(|it| it.name == handler && it.lane == lane)
            .unwrap()
    }

    /// Waits until a handler has handled all that the journal holds.
    pub(crate) fn settle(&self, handler: &str) {
        wait(&format!("{handler} is done"), || {
            let done =
                |lane| self.status(handler, lane).through == self.journal.status(lane).durable;
            // What it handles may lead to more.
            Lane::ALL.into_iter().all(done) && Lane::ALL.into_iter().all(done)
        });
    }

    /// A counter, such as `rule_looped_total{handler="rules",rule="x"}`.
    pub(crate) fn counter(&self, name: &str) -> f64 {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    /// The payloads of the records of a topic below the node, in order.
    pub(crate) fn said(&self, topic: &str) -> Vec<String> {
        let topic = format!("{NODE}/{topic}");
        let records = Lane::ALL
            .into_iter()
            .flat_map(|lane| all(&self.journal, lane));
        let payloads = records.filter(|record| record.topic.as_str() == topic);
        payloads
            .map(|record| String::from_utf8(record.payload.to_vec()).unwrap())
            .collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop();
    }
}

/// All records of a lane.
pub(crate) fn all(journal: &MemoryJournal, lane: Lane) -> Vec<Record> {
    let mut follower = journal.follow(lane, Seq::ZERO).unwrap();
    let mut records = Vec::new();
    while let Followed::Records(some) = follower.read(1_000).unwrap() {
        records.extend(some);
    }
    records
}

/// Waits for something that a thread does.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no event for what handlers, servers and files come to together"
)]
pub(crate) fn wait(what: &str, mut is: impl FnMut() -> bool) {
    let end = SystemClock.monotonic() + DEADLINE;
    while !is() {
        assert!(
            SystemClock.monotonic() < end,
            "not within {DEADLINE:?}: {what}"
        );
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn place(journal: &MemoryJournal, lane: Lane, topic: &str, payload: &str) -> Seq {
    place_with(journal, lane, topic, payload, None)
}

pub(crate) fn place_with(
    journal: &MemoryJournal,
    lane: Lane,
    topic: &str,
    payload: &str,
    properties: Option<&Properties>,
) -> Seq {
    let record = NewRecord {
        topic: &Topic::new(format!("{NODE}/{topic}")).unwrap(),
        kind: Kind::Event,
        op: Op::Put,
        quality: Quality::Good,
        received: SystemClock.wall(),
        source_time: None,
        content_type: &ContentType::Json,
        payload: payload.as_bytes(),
        key: None,
        cause: None,
        properties,
    };
    journal.submit(lane, &[record]).unwrap().only().position.seq
}
