//! One half: a journal, its views, and its part in the pair; it can begin again as a node does.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spica_clock::{SharedClock, SystemClock};
use spica_journal::{Appended, Journal as _, SharedJournal};
use spica_journal_file::{
    FileJournal, Fresh, Options, Settings as JournalSettings, cut_after, read_aside, reset_lane,
};
use spica_link_pair::{
    Deps, Fetch, FetchError, Memory, PairHandle, Remembered, Restart, Settings, Shows, SideSetting,
};
use spica_model::{
    Cause, ContentType, Key, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Timestamp, Topic,
};
use spica_objects::{Address, Header, Limits, PictureStore};
use spica_role::Service;
use spica_views::Views;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

pub(crate) const NODE: &str = "root/s1";

pub(crate) struct Half {
    side: SideSetting,
    dir: PathBuf,
    partner: SocketAddr,
    clock: SharedClock,
    /// What the times of facts count from.
    noon: Timestamp,
    runtime: Handle,
    running: Option<Running>,
}

pub(crate) struct Running {
    pub(crate) journal: Arc<FileJournal>,
    pub(crate) views: Arc<Views>,
    pub(crate) pair: PairHandle,
    pub(crate) pictures: PictureStore,
    fetching: JoinHandle<Result<std::convert::Infallible, FetchError>>,
}

struct Shown(Arc<Views>);

impl Shows for Shown {
    fn applied(&self, lane: Lane) -> Seq {
        self.0.status().applied[lane.index()]
    }

    fn received(&self, topic: &Topic) -> Option<Timestamp> {
        self.0.last(topic).map(|record| record.received)
    }
}

pub(crate) fn topic(below: &str) -> Topic {
    Topic::new(format!("{NODE}/{below}")).unwrap()
}

/// A record of a test: its topic below the node, its payload, when it was received, its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fact<'a> {
    pub(crate) topic: &'static str,
    pub(crate) kind: Kind,
    pub(crate) payload: &'a str,
    /// In seconds.
    pub(crate) at: u64,
    pub(crate) key: Option<&'static str>,
}

impl Half {
    /// A half whose certificate is in `tls` of its directory, and who dials its partner at `partner`.
    pub(crate) fn new(
        side: SideSetting,
        dir: &Path,
        partner: SocketAddr,
        noon: Timestamp,
        runtime: Handle,
    ) -> Self {
        Self {
            side,
            dir: dir.to_owned(),
            partner,
            clock: Arc::new(SystemClock),
            noon,
            runtime,
            running: None,
        }
    }

    pub(crate) fn journal_dir(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// Starts; says where its link listens.
    pub(crate) fn start(&mut self) -> SocketAddr {
        let options = Options {
            settings: JournalSettings::small(),
            ..Options::default()
        };
        let opened = FileJournal::open(options, &self.journal_dir(), Arc::clone(&self.clock));
        let (journal, _) = opened.unwrap();
        let views = Views::start(
            Arc::clone(&journal) as SharedJournal,
            Topic::new(NODE).unwrap(),
            spica_views::Settings::default(),
            &self.dir.join("views.redb"),
            Arc::clone(&self.clock),
        )
        .unwrap();
        let location = self.dir.join("pictures");
        let pictures = PictureStore::open(
            location.to_str().unwrap(),
            &self.dir.join("incoming"),
            Limits::default(),
        )
        .unwrap();
        let deps = Deps {
            journal: Arc::clone(&journal),
            clock: Arc::clone(&self.clock),
            node: Topic::new(NODE).unwrap(),
            data_dir: self.dir.clone(),
            journal_dir: self.journal_dir(),
            pictures: pictures.clone(),
            shows: Arc::new(Shown(Arc::clone(&views))),
            base: self.dir.clone(),
            damaged: [None; 2],
        };
        let settings: Settings = serde_json::from_value(serde_json::json!({
            "side": self.side,
            "partner": self.partner.to_string(),
            "listen": "127.0.0.1:0",
            "heartbeat": "50ms",
            "dead_after": "1s",
        }))
        .unwrap();
        let pair = PairHandle::start(&settings, deps).unwrap();
        pictures.share_with(Arc::new(pair.pictures()));
        let fetch = Fetch {
            journal: Arc::clone(&journal),
            node: Topic::new(NODE).unwrap(),
            pictures: pictures.clone(),
            share: pair.pictures(),
            data_dir: self.dir.clone(),
        };
        let address = pair.address();
        self.running = Some(Running {
            journal,
            views,
            pair,
            pictures,
            fetching: self.runtime.spawn(fetch.run()),
        });
        address
    }

    pub(crate) fn stop(&mut self) {
        self.end(PairHandle::stop);
    }

    /// Ends it as a crash would, but for the journal, which loses nothing.
    pub(crate) fn kill(&mut self) {
        self.end(PairHandle::abandon);
    }

    fn end(&mut self, end: impl FnOnce(&PairHandle)) {
        if let Some(Running {
            journal,
            views,
            pair,
            fetching,
            ..
        }) = self.running.take()
        {
            end(&pair);
            fetching.abort();
            views.stop();
            journal.close();
        }
    }

    /// Does what a node does that must begin again.
    pub(crate) fn begin_again(&mut self, restart: &Restart) -> SocketAddr {
        self.stop();
        let forget = || {
            let lacks = Remembered {
                lacks: true,
                ..Remembered::default()
            };
            Memory::new(&self.dir).store(lacks).unwrap();
        };
        match restart {
            Restart::Again(_) => {}
            Restart::Cut { lane, common } => {
                forget();
                cut_after(&self.journal_dir(), *lane, *common, &self.clock).unwrap();
            }
            Restart::Anew {
                lane,
                first,
                reigns,
            } => {
                forget();
                let fresh = Fresh {
                    first: *first,
                    reigns: reigns.clone(),
                    put_aside: true,
                };
                reset_lane(&self.journal_dir(), *lane, &fresh, &self.clock).unwrap();
            }
        }
        self.start()
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("this half runs")
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(crate) fn serves(&self) -> bool {
        self.is_running() && self.running().pair.role().serves()
    }

    /// How much the passive has, in the words of the role.
    pub(crate) fn sync(&self) -> &'static str {
        self.running().pair.role().standing().unwrap().sync
    }

    /// A client asks for service.
    pub(crate) async fn request(&self) -> bool {
        self.running().pair.role().request().await == Service::Here
    }

    /// Appends, and waits until it is acknowledged.
    pub(crate) async fn append(&self, lane: Lane, facts: &[Fact<'_>]) -> Vec<Appended> {
        let topics: Vec<Topic> = facts.iter().map(|fact| topic(fact.topic)).collect();
        let keys: Vec<Option<Key>> = facts
            .iter()
            .map(|fact| fact.key.map(|key| Key::new(key).unwrap()))
            .collect();
        let cause = Cause::new("operator:alice").unwrap();
        let records: Vec<NewRecord<'_>> = facts
            .iter()
            .zip(&topics)
            .zip(&keys)
            .map(|((fact, topic), key)| NewRecord {
                topic,
                kind: fact.kind,
                op: Op::Put,
                quality: Quality::Good,
                received: self.noon.saturating_add(Duration::from_secs(fact.at)),
                source_time: None,
                content_type: &ContentType::Text,
                payload: fact.payload.as_bytes(),
                key: key.as_ref(),
                cause: Some(&cause),
                properties: None,
            })
            .collect();
        let ticket = self.running().journal.submit(lane, &records).unwrap();
        ticket.durable().await.unwrap();
        ticket.appended().collect()
    }

    /// Takes a picture in, as a station does; returns when it may be named.
    pub(crate) async fn take_picture(&self, content: &Bytes) -> Address {
        let header = Header {
            picture: 1,
            size: u32::try_from(content.len()).unwrap(),
            block_bytes: u16::MAX,
            crc32: crc32fast::hash(content),
        };
        let store = &self.running().pictures;
        let mut upload = store.resume("7", header).await.unwrap();
        while let Some(block) = upload.next_block() {
            let from = usize::from(block) * usize::from(u16::MAX);
            let to = content.len().min(from + usize::from(u16::MAX));
            let block_bytes = content.slice(from..to);
            upload.put_block(block, block_bytes).await.unwrap();
        }
        upload.finish().await.unwrap().address
    }

    /// A picture that is stored here.
    pub(crate) async fn picture(&self, address: &Address) -> Option<Bytes> {
        self.running().pictures.read(address).await.ok()
    }

    /// All records of a lane.
    pub(crate) fn records(&self, lane: Lane) -> Vec<Record> {
        let journal = &self.running().journal;
        let mut follower = journal.follow(lane, Seq::ZERO).unwrap();
        let mut records = Vec::new();
        loop {
            match follower.read(1 << 20).unwrap() {
                spica_journal::Followed::Records(more) => records.extend(more),
                spica_journal::Followed::UpToDate => return records,
                spica_journal::Followed::Gap { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The records of a topic.
    pub(crate) fn of_topic(&self, lane: Lane, below: &str) -> Vec<Record> {
        let topic = topic(below);
        let records = self.records(lane).into_iter();
        records.filter(|record| record.topic == topic).collect()
    }

    /// The payloads of a topic, in the order of the journal.
    pub(crate) fn payloads(&self, lane: Lane, below: &str) -> Vec<String> {
        let topic = topic(below);
        let records = self.records(lane).into_iter();
        records
            .filter(|record| record.topic == topic)
            .map(|record| String::from_utf8(record.payload.to_vec()).unwrap())
            .collect()
    }

    /// What a topic shows.
    pub(crate) fn shows(&self, below: &str) -> Option<String> {
        let record = self.running().views.get(&topic(below))?;
        Some(String::from_utf8(record.payload.to_vec()).unwrap())
    }

    /// Files of records that were put aside and wait to be entered again.
    pub(crate) fn asides(&self) -> usize {
        let files = |lane| read_aside(&self.journal_dir(), lane).unwrap().len();
        Lane::ALL.into_iter().map(files).sum()
    }
}
