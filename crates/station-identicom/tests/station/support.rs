//! A station on a journal in memory, and a device that speaks bytes.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use spica_admission::Admission;
use spica_clock::SystemClock;
use spica_devices::{Registration, Serial};
use spica_journal::memory::{Limits, MemoryJournal};
use spica_journal::{Followed, Journal};
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Timestamp, Topic};
use spica_objects::PictureStore;
use spica_role::scripted::Scripted;
use spica_station_identicom::{AdmissionCollector, Deps, Metrics, Server, Settings};
use spica_views::{DeviceService, Views};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// The serial of the device that every station of these tests knows.
pub(crate) const SERIAL: &str = "0012345";
/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long nothing must happen before a test believes that nothing will.
pub(crate) const SILENCE: Duration = Duration::from_millis(100);

/// What `work` comes to, or a panic if it takes too long.
pub(crate) async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .expect("it takes too long")
}

/// A station with all it needs, in a directory of its own.
pub(crate) struct Station {
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) views: Arc<Views>,
    pub(crate) devices: Arc<DeviceService>,
    pub(crate) pictures: PictureStore,
    pub(crate) role: Scripted,
    pub(crate) server: Option<Server>,
    deps: Deps,
    settings: Settings,
    registry: Registry,
    directory: TempDir,
}

impl Station {
    /// A station with default settings that knows [`SERIAL`].
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A station with settings changed by `change` that knows [`SERIAL`].
    pub(crate) async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_on(MemoryJournal::new(), change).await
    }

    /// A station whose journal's queues are short.
    pub(crate) async fn start_short() -> Self {
        let limits = Limits {
            queue_bytes: 600,
            ..Limits::default()
        };
        Self::start_on(MemoryJournal::with(limits), |_| {}).await
    }

    /// A station on a journal of the test's own.
    pub(crate) async fn start_on(
        journal: Arc<MemoryJournal>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let directory = TempDir::new().unwrap();
        let mut settings = Settings {
            listen: "127.0.0.1:0".parse().unwrap(),
            ..Settings::default()
        };
        change(&mut settings);
        let role = Scripted::default();
        role.serve();
        let deps = deps(&journal, &role, &settings, directory.path());
        let mut registry = Registry::default();
        deps.metrics.register(&mut registry);
        AdmissionCollector::register(Arc::clone(&deps.admission), &mut registry);
        let server = Server::start(&settings, deps.clone()).unwrap();
        let station = Self {
            journal,
            views: Arc::clone(&deps.views),
            devices: Arc::clone(&deps.devices),
            pictures: deps.pictures.clone(),
            role,
            server: Some(server),
            deps,
            settings,
            registry,
            directory,
        };
        station.register(SERIAL, Registration::default()).await;
        station
    }

    /// Stops the server and starts another one on the same journal and directory.
    pub(crate) async fn restart(&mut self) {
        let server = self.server.take().unwrap();
        server.stop(PATIENCE).await;
        self.deps.pictures = open_pictures(self.directory.path());
        self.server = Some(Server::start(&self.settings, self.deps.clone()).unwrap());
    }

    /// Fills the queue of a lane, which then is held.
    pub(crate) fn fill(&self, lane: Lane) {
        self.journal.hold(lane);
        let topic = Topic::new("root/filler").unwrap();
        let record = NewRecord {
            topic: &topic,
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: Timestamp::EPOCH,
            source_time: None,
            content_type: &ContentType::Text,
            payload: &[b'x'; 100],
            key: None,
            cause: None,
            properties: None,
        };
        while self
            .journal
            .submit(lane, std::slice::from_ref(&record))
            .is_ok()
        {}
    }

    pub(crate) async fn register(&self, serial: &str, registration: Registration) {
        let serial = Serial::new(serial).unwrap();
        self.devices
            .put(serial, registration, "test")
            .await
            .unwrap();
    }

    /// What another server could be started with.
    pub(crate) fn deps(&self) -> Deps {
        self.deps.clone()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.as_ref().unwrap().local_addr()
    }

    /// A device that has connected and said nothing.
    pub(crate) async fn connect(&self) -> Device<TcpStream> {
        Device::new(TcpStream::connect(self.address()).await.unwrap())
    }

    /// A device that has said who it is.
    pub(crate) async fn dial(&self, serial: &str) -> Device<TcpStream> {
        let mut device = self.connect().await;
        device.identify(serial).await;
        device
    }

    /// The durable records of a lane whose topic is below the device's and ends as told.
    pub(crate) fn records(&self, lane: Lane, serial: &str, below: &str) -> Vec<Record> {
        let prefix = format!("root/devices/{serial}");
        let mut follower = self.journal.follow(lane, Seq::ZERO).unwrap();
        let mut found = Vec::new();
        while let Followed::Records(records) = follower.read(1_000).unwrap() {
            found.extend(records);
        }
        found.retain(|record| {
            let rest = record.topic.below(&prefix);
            rest.is_some_and(|rest| rest.starts_with(below))
        });
        found
    }

    /// The JSON payloads of such records.
    pub(crate) fn payloads(&self, lane: Lane, serial: &str, below: &str) -> Vec<String> {
        let records = self.records(lane, serial, below);
        let text = |record: &Record| String::from_utf8(record.payload.to_vec()).unwrap();
        records.iter().map(text).collect()
    }

    /// The value of a metric, by its line's beginning; 0 if it is not there.
    pub(crate) fn metric(&self, line: &str) -> f64 {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).unwrap();
        let found = text.lines().find_map(|found| found.strip_prefix(line));
        found.map_or(0.0, |value| value.trim().parse().unwrap())
    }

    /// Waits until something that needs no event of its own has become true.
    pub(crate) async fn until(&self, mut is_true: impl FnMut(&Self) -> bool) {
        soon(async {
            while !is_true(self) {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // Ends the views' thread even where a test holds records back.
        self.journal.close();
    }
}

fn deps(
    journal: &Arc<MemoryJournal>,
    role: &Scripted,
    settings: &Settings,
    directory: &Path,
) -> Deps {
    let node = Topic::new("root").unwrap();
    let clock = Arc::new(SystemClock);
    let journal: Arc<dyn Journal> = Arc::clone(journal) as _;
    let views = Views::start(
        Arc::clone(&journal),
        node.clone(),
        spica_views::Settings::default(),
        &directory.join("views.redb"),
        clock.clone(),
    )
    .unwrap();
    let devices = DeviceService::new(Arc::clone(&journal), Arc::clone(&views), clock.clone());
    Deps {
        journal,
        views,
        devices: Arc::new(devices),
        role: Arc::new(role.clone()),
        pictures: open_pictures(directory),
        admission: Arc::new(Mutex::new(Admission::new(settings.admission.limits()))),
        clock,
        metrics: Metrics::default(),
        profile: settings.load_profile(directory).unwrap(),
        node,
        base: directory.to_owned(),
    }
}

fn open_pictures(directory: &Path) -> PictureStore {
    let location = directory.to_str().unwrap();
    PictureStore::open(location, &directory.join("incoming"), Default::default()).unwrap()
}

/// An entry of a device's log: index, time, event, detail.
pub(crate) type Entry<'a> = (u32, u32, u8, &'a [u8]);

/// The data of a log page.
pub(crate) fn page(remaining: u16, entries: &[Entry<'_>]) -> Vec<u8> {
    let mut data = remaining.to_le_bytes().to_vec();
    data.push(entries.len() as u8);
    for (index, time, event, detail) in entries {
        data.extend(index.to_le_bytes());
        data.extend(time.to_le_bytes());
        data.extend([*event, detail.len() as u8]);
        data.extend(*detail);
    }
    data
}

/// A frame on the wire.
pub(crate) fn frame(kind: u8, data: &[u8]) -> Vec<u8> {
    let mut wire = vec![0x1e, kind];
    for byte in data {
        match byte {
            0x1e => wire.extend([0x1d, 0x5e]),
            0x1d => wire.extend([0x1d, 0x5d]),
            other => wire.push(*other),
        }
    }
    wire.push(0x1e);
    wire
}

/// The data of an identity.
pub(crate) fn identity(serial: &str, version: &str) -> Vec<u8> {
    let mut data = [0; 18];
    data[..serial.len()].copy_from_slice(serial.as_bytes());
    data[10..10 + version.len()].copy_from_slice(version.as_bytes());
    data.to_vec()
}

/// A device, from its side.
pub(crate) struct Device<S> {
    pub(crate) stream: S,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Device<S> {
    pub(crate) const fn new(stream: S) -> Self {
        Self { stream }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        soon(self.stream.write_all(bytes)).await.unwrap();
        soon(self.stream.flush()).await.unwrap();
    }

    pub(crate) async fn send(&mut self, kind: u8, data: &[u8]) {
        self.write(&frame(kind, data)).await;
    }

    pub(crate) async fn identify(&mut self, serial: &str) {
        self.send(0x81, &identity(serial, "1.2")).await;
    }

    /// The next frame: type and unescaped data.
    pub(crate) async fn receive(&mut self) -> (u8, Vec<u8>) {
        soon(async {
            assert_eq!(self.stream.read_u8().await.unwrap(), 0x1e);
            let kind = self.stream.read_u8().await.unwrap();
            let mut data = Vec::new();
            loop {
                match self.stream.read_u8().await.unwrap() {
                    0x1e => return (kind, data),
                    0x1d => data.push(self.stream.read_u8().await.unwrap() ^ 0x40),
                    byte => data.push(byte),
                }
            }
        })
        .await
    }

    /// Receives exactly this frame.
    pub(crate) async fn expect(&mut self, kind: u8, data: &[u8]) {
        let (got, got_data) = self.receive().await;
        assert_eq!(
            (got, &got_data[..]),
            (kind, data),
            "{got:02x} {got_data:02x?}"
        );
    }

    /// Answers the request to read the log from its start, and lets what it says be deleted.
    pub(crate) async fn hand_over(&mut self, entries: &[Entry<'_>]) {
        self.expect(0x02, &[0; 4]).await;
        self.send(0x82, &page(0, entries)).await;
        if let Some((last, ..)) = entries.last() {
            self.expect(0x03, &last.to_le_bytes()).await;
            self.send(0x83, &(entries.len() as u16).to_le_bytes()).await;
        }
    }

    /// Answers requests for the log with its entries from the wanted one on, and for a picture with
    /// none, up to a request of the type `until`. The data of that.
    pub(crate) async fn answer(&mut self, log: &[Entry<'_>], until: u8) -> Vec<u8> {
        loop {
            let (kind, data) = self.receive().await;
            if kind == until {
                return data;
            }
            self.reply(log, kind, data).await;
        }
    }

    /// Answers as [`Device::answer`] until no request comes for as long as it takes to believe that
    /// none will; one that is not about log or pictures is a panic.
    pub(crate) async fn answer_until_silent(&mut self, log: &[Entry<'_>]) {
        while let Ok((kind, data)) = tokio::time::timeout(SILENCE, self.receive()).await {
            self.reply(log, kind, data).await;
        }
    }

    async fn reply(&mut self, log: &[Entry<'_>], kind: u8, data: Vec<u8>) {
        match kind {
            0x02 => {
                let from = u32::from_le_bytes(data.try_into().unwrap());
                let wanted = log.iter().filter(|entry| entry.0 >= from);
                let entries: Vec<_> = wanted.copied().collect();
                self.send(0x82, &page(0, &entries)).await;
            }
            0x40 => self.send(0xc0, &[0; 18]).await,
            other => panic!("{other:02x} {data:02x?}"),
        }
    }

    /// Has nothing left: gets the goodbye, and sees the end.
    pub(crate) async fn leave(mut self) {
        assert!(self.answer(&[], 0x7f).await.is_empty());
        self.closed().await;
    }

    /// Sees the station close without another byte.
    pub(crate) async fn closed(mut self) {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = soon(self.stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty(), "{rest:02x?}");
    }
}
