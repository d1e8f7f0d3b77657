//! The hub behind real views, on a journal in memory.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use spica_clock::{ManualClock, SharedClock, SystemClock};
use spica_journal::memory::MemoryJournal;
use spica_journal::{Journal, SharedJournal};
use spica_live_proto::{Deliver, Recovery, SubId, Subscribe};
use spica_model::{
    ContentType, Epoch, Kind, Lane, NewRecord, Op, Place, Quality, Seq, Timestamp, Topic,
    TopicFilter,
};
use spica_views::Views;
use tempfile::TempDir;

use crate::{Encoding, Hub, Opening, Session, SessionFrame, Settings};

/// A journal with views and a hub behind it.
struct Node {
    journal: Arc<MemoryJournal>,
    views: Arc<Views>,
    hub: Arc<Hub>,
    clock: SharedClock,
    _directory: TempDir,
}

impl Node {
    fn start(settings: Settings) -> Self {
        Self::with(
            settings,
            spica_views::Settings::default(),
            Arc::new(SystemClock),
        )
    }

    fn with(settings: Settings, views: spica_views::Settings, clock: SharedClock) -> Self {
        let journal = MemoryJournal::new();
        let shared: SharedJournal = journal.clone();
        let directory = tempfile::tempdir().unwrap();
        let node = Topic::new("n").unwrap();
        let checkpoint = directory.path().join("views");
        let system: SharedClock = Arc::new(SystemClock);
        let views = Views::start(Arc::clone(&shared), node, views, &checkpoint, system).unwrap();
        let hub = Hub::start(shared, Arc::clone(&views), Arc::clone(&clock), settings).unwrap();
        Self {
            journal,
            views,
            hub,
            clock,
            _directory: directory,
        }
    }

    fn restart(&mut self, settings: Settings) {
        self.hub.stop();
        let journal: SharedJournal = self.journal.clone();
        let (views, clock) = (Arc::clone(&self.views), Arc::clone(&self.clock));
        self.hub = Hub::start(journal, views, clock, settings).unwrap();
    }

    fn submit(&self, kind: Kind, topic: &str, payloads: &[&str]) {
        let topic = Topic::new(topic).unwrap();
        let records: Vec<_> = payloads
            .iter()
            .map(|payload| NewRecord {
                topic: &topic,
                kind,
                op: Op::Put,
                quality: Quality::Good,
                received: Timestamp::from_secs(1_000),
                source_time: None,
                content_type: &ContentType::Json,
                payload: payload.as_bytes(),
                key: None,
                cause: None,
                properties: None,
            })
            .collect();
        self.journal.submit(Lane::Normal, &records).unwrap();
    }

    fn events(&self, from: u32, to: u32) {
        for n in from..=to {
            self.submit(Kind::Event, "a/events", &[&n.to_string()]);
        }
    }

    async fn shown(&self) {
        let durable = self.journal.status(Lane::Normal).durable;
        self.views.applied(Lane::Normal, durable).await;
    }

    fn open(&self, wants: Subscribe) -> Client {
        let mut session = self.hub.open(opening()).unwrap();
        session.say(SessionFrame::Subscribe(Box::new(wants)));
        Client {
            session,
            frames: Vec::new(),
        }
    }
}

fn opening() -> Opening {
    Opening {
        encoding: Encoding::Json,
        hidden: None,
        credit: None,
        bytes_per_s: 0,
    }
}

fn subscribe() -> Subscribe {
    Subscribe::new(SubId(1), TopicFilter::new("a/#").unwrap())
}

struct Client {
    session: Session,
    frames: Vec<Value>,
}

impl Client {
    /// Takes frames until one is found; or what came instead.
    async fn until(&mut self, found: impl Fn(&Value) -> bool) {
        while !self.frames.iter().any(&found) {
            let next = tokio::time::timeout(Duration::from_secs(20), self.session.next(usize::MAX));
            let Ok(frames) = next.await else {
                panic!("nothing more after {:#?}", self.frames);
            };
            let frames = frames.iter().map(|it| serde_json::from_slice(it).unwrap());
            self.frames.extend(frames);
        }
    }

    async fn until_ready(&mut self) {
        self.until(|it| it["t"] == "ready").await;
    }

    /// The payloads of all rows so far.
    fn payloads(&self) -> Vec<Value> {
        let rows = self.frames.iter().filter_map(|it| it["u"].as_array());
        rows.flatten().map(|row| row[11].clone()).collect()
    }

    async fn until_payload(&mut self, payload: u32) {
        self.until(|it| {
            let rows = it["u"].as_array();
            rows.is_some_and(|rows| rows.iter().any(|row| row[11] == payload))
        })
        .await;
    }

    fn at(&self) -> Place {
        let at = self.frames.iter().rev().find_map(|it| it["at"].as_array());
        let n = |index: usize| at.unwrap()[index].as_u64().unwrap();
        let lane = |index| (Epoch(u32::try_from(n(index)).unwrap()), Seq(n(index + 1)));
        Place::new(lane(0), lane(2))
    }

    fn find(&self, name: &str) -> &Value {
        let found = self.frames.iter().find(|it| it["t"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {:#?}", self.frames))
    }

    fn has(&self, name: &str) -> bool {
        self.frames.iter().any(|it| it["t"] == name)
    }
}

fn numbers(from: u32, to: u32) -> Vec<Value> {
    (from..=to).map(Value::from).collect()
}

#[tokio::test]
async fn a_session_begins_with_what_is_and_goes_on_with_what_happens() {
    let node = Node::start(Settings::default());
    node.submit(Kind::State, "a/state", &["1"]);
    node.submit(Kind::State, "b/state", &["9"]);
    node.shown().await;
    let mut client = node.open(subscribe());
    client.until_ready().await;
    assert_eq!(client.payloads(), numbers(1, 1));
    node.submit(Kind::State, "a/state", &["2"]);
    client.until_payload(2).await;
    node.events(3, 5);
    client.until_payload(5).await;
    assert_eq!(client.payloads(), numbers(1, 5));
}

#[tokio::test]
async fn a_session_that_comes_back_after_a_restart_misses_nothing() {
    // With a long tail, and with one so short that the journal is read.
    for tail_records in [65_536, 1] {
        let settings = Settings {
            tail_records,
            ..Settings::default()
        };
        let mut node = Node::start(settings.clone());
        node.events(1, 5);
        node.shown().await;
        let mut wants = subscribe();
        wants.deliver = Deliver::Each;
        wants.recovery = Some(Recovery::Precise);
        let mut client = node.open(wants.clone());
        client.until_ready().await;
        node.events(6, 7);
        client.until_payload(7).await;
        let engine = client.session.engine_id().to_owned();
        let (before, at) = (client.payloads(), client.at());
        drop(client);
        node.events(8, 300);
        node.shown().await;
        node.restart(settings);
        wants.after = Some(at);
        let mut client = node.open(wants);
        assert_ne!(client.session.engine_id(), engine);
        client.until_payload(300).await;
        node.events(301, 301);
        client.until_payload(301).await;
        assert_eq!(client.find("subscribed")["resumed"], true);
        assert!(!client.has("gap") && !client.has("reset"));
        assert_eq!([before, client.payloads()].concat(), numbers(6, 301));
    }
}

#[tokio::test]
async fn who_comes_back_too_late_is_told_of_the_gap_and_given_the_state() {
    let mut settings = Settings {
        tail_records: 1,
        resume_limit: 10,
        ..Settings::default()
    };
    let mut node = Node::start(settings.clone());
    node.submit(Kind::State, "a/state", &["1"]);
    node.events(2, 50);
    node.shown().await;
    settings.max_queue = 16;
    node.restart(settings);
    let mut wants = subscribe();
    wants.after = Some(Place::new((Epoch(1), Seq(0)), (Epoch(1), Seq(5))));
    let mut client = node.open(wants);
    client.until_ready().await;
    assert_eq!(client.find("subscribed")["resumed"], false);
    let gap = client.find("gap");
    assert_eq!((&gap["from"], &gap["to"]), (&6.into(), &49.into()));
    assert!(client.has("reset"));
    assert_eq!(client.payloads(), [Value::from(1), Value::from(50)]);
}

#[tokio::test]
async fn a_place_of_another_history_is_said_to_be_unknown() {
    let node = Node::start(Settings::default());
    node.submit(Kind::State, "a/state", &["1"]);
    node.shown().await;
    let unknown = Place::new((Epoch(1), Seq(0)), (Epoch(9), Seq(1)));
    let mut wants = subscribe();
    wants.after = Some(unknown);
    let mut client = node.open(wants.clone());
    client.until_ready().await;
    assert_eq!(client.find("gap")["reason"], "unknown");
    assert!(client.has("reset"));
    assert_eq!(client.payloads(), numbers(1, 1));
    // A promise that there is no gap cannot be kept.
    wants.deliver = Deliver::Each;
    wants.recovery = Some(Recovery::Precise);
    let mut client = node.open(wants);
    client.until(|it| it["t"] == "ended").await;
    assert_eq!(client.find("ended")["code"], "lost");
}

#[tokio::test]
async fn what_the_hub_missed_of_the_views_it_reads_from_the_journal() {
    let views = spica_views::Settings {
        live_batches: 1,
        ..spica_views::Settings::default()
    };
    let node = Node::with(Settings::default(), views, Arc::new(SystemClock));
    let mut client = node.open(subscribe());
    client.until_ready().await;
    {
        // The hub can do nothing meanwhile.
        let _core = node.hub.shared().core.lock();
        node.events(1, 1);
        for n in 2..=40 {
            node.events(n, n);
            let durable = node.journal.status(Lane::Normal).durable;
            futures_block_on(&node, durable);
        }
    }
    client.until_payload(40).await;
    assert_eq!(client.payloads(), numbers(1, 40));
    let lagged = node.hub.shared().metrics.lagged.get();
    assert!(lagged > 0, "the channel holds one batch");
}

/// Waits on a thread that holds a lock.
fn futures_block_on(node: &Node, durable: Seq) {
    while node.views.status().applied[Lane::Normal.index()] < durable {
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn records_that_are_damaged_are_a_gap() {
    let node = Node::start(Settings::default());
    let mut client = node.open(subscribe());
    client.until_ready().await;
    node.journal.hold(Lane::Normal);
    node.events(1, 4);
    node.journal.damage(Lane::Normal, Seq(2), Seq(3));
    node.journal.release(Lane::Normal);
    client.until_payload(4).await;
    let gap = client.find("gap");
    assert_eq!(gap["reason"], "damaged");
    assert_eq!((&gap["from"], &gap["to"]), (&2.into(), &3.into()));
    assert_eq!(client.payloads(), [Value::from(1), Value::from(4)]);
}

#[tokio::test]
async fn sessions_beyond_the_limit_are_refused_until_one_goes() {
    let settings = Settings {
        max_sessions: 2,
        ..Settings::default()
    };
    let node = Node::start(settings);
    let one = node.hub.open(opening()).unwrap();
    let _two = node.hub.open(opening()).unwrap();
    let refused = node.hub.open(opening()).unwrap_err();
    assert!(refused.detail.contains("live.max_sessions"), "{refused}");
    assert!(refused.retry_after > Duration::ZERO);
    drop(one);
    node.hub.open(opening()).unwrap();
}

#[tokio::test]
async fn new_sessions_are_refused_while_those_there_are_fall_behind() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_secs(1_000)));
    let settings = Settings {
        max_queue: 16,
        ..Settings::default()
    };
    let node = Node::with(settings, spica_views::Settings::default(), clock.clone());
    let mut client = node.open(subscribe());
    client.until_ready().await;
    // The clock stands, and so do the ticks after the first.
    for n in 0..4 {
        node.submit(Kind::Event, "a/events", &[&*n.to_string(); 8]);
        // One batch each.
        node.shown().await;
    }
    while node.hub.shared().metrics.received.get() < 4 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(3));
    client.until_payload(0).await;
    // The tick that sees how old the rest is comes on a thread of its own.
    let refused = loop {
        match node.hub.open(opening()) {
            Ok(session) => drop(session),
            Err(refused) => break refused,
        }
        tokio::task::yield_now().await;
    };
    assert!(refused.detail.contains("behind"), "{refused}");
    while !client.payloads().contains(&Value::from(3)) {
        clock.advance(Duration::from_millis(50));
        let next = tokio::time::timeout(Duration::from_millis(20), client.session.next(usize::MAX));
        if let Ok(frames) = next.await {
            let frames = frames.iter().map(|it| serde_json::from_slice(it).unwrap());
            client.frames.extend(frames);
        }
    }
    assert_eq!(client.payloads().len(), 32);
    while node.hub.open(opening()).is_err() {
        clock.advance(Duration::from_millis(50));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_hub_that_has_stopped_says_so() {
    let node = Node::start(Settings::default());
    node.hub.stop();
    node.hub.ended().await;
}
