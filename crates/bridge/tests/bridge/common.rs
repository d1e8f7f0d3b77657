//! A node of memory around a bridge.
#![expect(clippy::unwrap_used, reason = "test code")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use spica_bridge::{
    Bridge, InSettings, Lane as BridgeLane, Metrics, OutSettings, Parts, Protocol, Service,
    Settings, Standing,
};
use spica_clock::{Clock, SystemClock};
use spica_handler::{Factory, HandlerControl, HandlerStatus, LetterPage, Trouble, TroubleSink};
use spica_handlers::{Handlers, NoMarks, Parts as HandlersParts, Standing as States};
use spica_journal::memory::MemoryJournal;
use spica_journal::{Followed, Journal};
use spica_model::{
    ContentType, Kind, Lane, NewRecord, Op, Properties, Property, Quality, Record, Seq, Topic,
};
use spica_role::scripted::Scripted;
use spica_settings::Span;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::broker::{Broker, Message};

pub(crate) const NODE: &str = "root/s1";
/// Nothing here takes so long.
const DEADLINE: Duration = Duration::from_secs(60);

/// No states: nothing here needs any.
pub(crate) struct NoStates;

impl Standing for NoStates {
    fn is_set(&self, _: &Topic) -> bool {
        false
    }
}

struct Empty(Arc<MemoryJournal>);

impl States for Empty {
    fn get(&self, _: &Topic) -> Option<Record> {
        None
    }

    fn subtree(&self, _: &str, _: Option<&str>, _: usize) -> Vec<Record> {
        Vec::new()
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

/// A bridge named `b` to a broker: `plant/#` goes out as `site1/#`, `cmd/#` comes in as `remote/#`.
pub(crate) fn settings(broker: &Broker) -> Settings {
    Settings {
        name: "b".to_owned(),
        servers: vec![broker.address.clone()],
        version: Protocol::V5,
        user: None,
        password: None,
        password_file: None,
        tls: None,
        out: vec![OutSettings {
            topics: vec!["plant/#".to_owned()],
            strip: Some("plant".to_owned()),
            add: Some("site1".to_owned()),
            qos: Service::AtLeastOnce,
        }],
        inward: vec![InSettings {
            topics: vec!["cmd/#".to_owned()],
            strip: Some("cmd".to_owned()),
            add: Some("remote".to_owned()),
            qos: Service::AtLeastOnce,
            lane: BridgeLane::Normal,
        }],
    }
}

/// The client identifiers of the connections.
pub(crate) const OUT: &str = "root-s1-b-out-normal";
pub(crate) const IN: &str = "root-s1-b-in-normal";

pub(crate) fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

pub(crate) fn bridge(
    settings: &Settings,
    journal: &Arc<MemoryJournal>,
    told: &Arc<Told>,
    metrics: Metrics,
    runtime: &Runtime,
) -> Result<Bridge, spica_bridge::OpenError> {
    let parts = Parts {
        journal: journal.clone(),
        standing: Arc::new(NoStates),
        clock: Arc::new(SystemClock),
        node: Topic::new(NODE).unwrap(),
        runtime: runtime.handle().clone(),
        base: PathBuf::new(),
        troubles: told.clone(),
        // A third of it is what one call waits for the other side.
        hang_after: Duration::from_millis(1_500),
        metrics,
    };
    Bridge::open(settings, parts)
}

/// A node with a bridge and nothing else.
pub(crate) struct World {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) told: Arc<Told>,
    handlers: Option<Arc<Handlers>>,
    taking: Option<JoinHandle<()>>,
    registry: Registry,
    runtime: Option<Runtime>,
}

impl World {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self::on(MemoryJournal::new(), settings)
    }

    pub(crate) fn on(journal: Arc<MemoryJournal>, settings: &Settings) -> Self {
        let (told, runtime, metrics) = (Arc::<Told>::default(), runtime(), Metrics::default());
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let bridge = bridge(settings, &journal, &told, metrics, &runtime).unwrap();
        let role = Scripted::default();
        role.serve();
        let parts = HandlersParts {
            journal: journal.clone(),
            standing: Arc::new(Empty(journal.clone())),
            role: Arc::new(role),
            clock: Arc::new(SystemClock),
            node: Topic::new(NODE).unwrap(),
            troubles: told.clone(),
            data_dir: std::env::temp_dir(),
            marks: Arc::new(NoMarks),
            metrics: spica_handlers::Metrics::default(),
        };
        let quick = spica_handlers::Settings {
            attempts: 3,
            retry_min: Span::from_millis(1),
            retry_max: Span::from_millis(20),
            place_interval: Span::from_hours(1),
            ..spica_handlers::Settings::default()
        };
        let factories: Vec<Arc<dyn Factory>> = bridge.factory().unwrap().into_iter().collect();
        let handlers = Handlers::start(quick, parts, factories).unwrap();
        let takes_in = bridge.takes_in();
        let taking = takes_in.then(|| runtime.spawn(bridge.take_in()));
        Self {
            journal,
            told,
            handlers: Some(handlers),
            taking,
            registry,
            runtime: Some(runtime),
        }
    }

    /// Ends all at once, and begins anew on the journal: what was in memory is gone.
    pub(crate) fn again(mut self, settings: &Settings) -> Self {
        self.end();
        Self::on(self.journal.clone(), settings)
    }

    fn end(&mut self) {
        if let Some(taking) = self.taking.take() {
            taking.abort();
        }
        if let Some(handlers) = self.handlers.take() {
            handlers.stop();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    fn handlers(&self) -> &Handlers {
        self.handlers.as_ref().unwrap()
    }

    pub(crate) fn status(&self) -> HandlerStatus {
        let all = self.handlers().handlers();
        all.into_iter().find(|it| it.lane == Lane::Normal).unwrap()
    }

    pub(crate) fn letters(&self) -> LetterPage {
        self.handlers().dead_letters("bridge-b", None, 100).unwrap()
    }

    /// Waits until all that the journal holds has gone out.
    pub(crate) fn settle(&self) {
        wait("all has gone out", || {
            self.status().through == self.journal.status(Lane::Normal).durable
        });
    }

    pub(crate) fn metric(&self, name: &str) -> f64 {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.map_or(-1.0, |value| value.trim().parse().unwrap())
    }

    pub(crate) fn counts(&self, name: &str, count: u32) -> bool {
        (self.metric(&format!("{name}{{bridge=\"b\"}}")) - f64::from(count)).abs() < 0.1
    }

    pub(crate) fn is_connected(&self, link: &str) -> bool {
        let name = format!("bridge_connected{{bridge=\"b\",link=\"{link}\"}}");
        self.metric(&name) > 0.5
    }

    pub(crate) fn records(&self, lane: Lane) -> Vec<Record> {
        all(&self.journal, lane)
    }

    /// The payloads of a topic below the node, in order.
    pub(crate) fn said(&self, topic: &str) -> Vec<String> {
        let topic = format!("{NODE}/{topic}");
        let records = Lane::ALL.into_iter().flat_map(|lane| self.records(lane));
        let payloads = records.filter(|record| record.topic.as_str() == topic);
        payloads
            .map(|it| String::from_utf8(it.payload.to_vec()).unwrap())
            .collect()
    }

    pub(crate) fn say(&self, topic: &str, payload: &str) -> Seq {
        place(&self.journal, topic, payload, Kind::Event, &[])
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.end();
    }
}

pub(crate) fn all(journal: &MemoryJournal, lane: Lane) -> Vec<Record> {
    let mut follower = journal.follow(lane, Seq::ZERO).unwrap();
    let mut records = Vec::new();
    while let Followed::Records(some) = follower.read(1_000).unwrap() {
        records.extend(some);
    }
    records
}

pub(crate) fn place(
    journal: &MemoryJournal,
    topic: &str,
    payload: &str,
    kind: Kind,
    properties: &[Property<'_>],
) -> Seq {
    let properties = Properties::new(properties.iter().copied()).unwrap();
    let record = NewRecord {
        topic: &Topic::new(format!("{NODE}/{topic}")).unwrap(),
        kind,
        op: if kind == Kind::State && payload.is_empty() {
            Op::Delete
        } else {
            Op::Put
        },
        quality: Quality::Good,
        received: SystemClock.wall(),
        source_time: None,
        content_type: &ContentType::Text,
        payload: payload.as_bytes(),
        key: None,
        cause: None,
        properties: properties.as_ref(),
    };
    let ticket = journal.submit(Lane::Normal, &[record]).unwrap();
    ticket.only().position.seq
}

pub(crate) fn message(topic: &str, payload: &str) -> Message {
    Message {
        topic: topic.to_owned(),
        payload: payload.to_owned(),
        retain: false,
        qos: spica_mqtt_client::QoS::AtLeastOnce,
        expiry: None,
        user: Vec::new(),
    }
}

/// Waits for something that a thread does.
#[expect(
    clippy::disallowed_methods,
    reason = "there is no event for what handlers and brokers come to together"
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
