//! The contract of all journals, on real files and on the faulty disk.
#![expect(clippy::unwrap_used, reason = "tests fail by it")]

use std::sync::Arc;

use futures::executor::block_on;
use parking_lot::{Condvar, Mutex};
use prometheus_client::{encoding::text, registry::Registry};
use spica_clock::{ManualClock, SharedClock};
use spica_journal::{Journal, Ticket, contract};
use spica_journal_file::{FileJournal, Metrics, Options, Settings};
use spica_model::{ContentType, Kind, Lane, NewRecord, Op, Quality, Seq, Timestamp, Topic};
use spica_settings::{ByteSize, Span};
use spica_storage::{Fault, FaultyStorage, File, FileInfo, Mode, Storage};

/// A gate that flushes of a lane must pass.
#[derive(Default)]
struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    shut: bool,
    /// How many flushes have come to it while it was shut.
    stopped: usize,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock();
        if state.shut {
            state.stopped += 1;
            self.changed.notify_all();
        }
        while state.shut {
            self.changed.wait(&mut state);
        }
    }

    fn set(&self, shut: bool) {
        self.state.lock().shut = shut;
        self.changed.notify_all();
    }

    /// Returns when a flush has come to it while it was shut.
    fn wait_for_a_flush(&self) {
        let mut state = self.state.lock();
        while state.stopped == 0 {
            self.changed.wait(&mut state);
        }
    }
}

struct Gated {
    disk: FaultyStorage,
    gate: Arc<Gate>,
}

struct GatedFile {
    file: Box<dyn File>,
    gate: Arc<Gate>,
}

impl Gated {
    fn wrap(&self, file: Box<dyn File>) -> Box<dyn File> {
        Box::new(GatedFile {
            file,
            gate: Arc::clone(&self.gate),
        })
    }
}

impl Storage for Gated {
    fn list(&self) -> std::io::Result<Vec<FileInfo>> {
        self.disk.list()
    }
    fn create(&self, name: &str) -> std::io::Result<Box<dyn File>> {
        Ok(self.wrap(self.disk.create(name)?))
    }
    fn open(&self, name: &str, mode: Mode) -> std::io::Result<Box<dyn File>> {
        Ok(self.wrap(self.disk.open(name, mode)?))
    }
    fn rename(&self, from: &str, to: &str) -> std::io::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.disk.remove(name)
    }
    fn sync_directory(&self) -> std::io::Result<()> {
        self.disk.sync_directory()
    }
    fn free_bytes(&self) -> std::io::Result<u64> {
        self.disk.free_bytes()
    }
    fn describe(&self, name: &str) -> String {
        self.disk.describe(name)
    }
}

impl File for GatedFile {
    fn read_at(&self, buf: &mut [u8], offset: u64) -> std::io::Result<usize> {
        self.file.read_at(buf, offset)
    }
    fn write_at(&self, bytes: &[u8], offset: u64) -> std::io::Result<()> {
        self.file.write_at(bytes, offset)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        self.gate.pass();
        self.file.sync_data()
    }
    fn sync_all(&self) -> std::io::Result<()> {
        self.gate.pass();
        self.file.sync_all()
    }
    fn len(&self) -> std::io::Result<u64> {
        self.file.len()
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.file.set_len(len)
    }
    fn begin_writing(&self, offset: u64, len: u64) {
        self.file.begin_writing(offset, len);
    }
    fn allocate(&self, len: u64) -> std::io::Result<()> {
        self.file.allocate(len)
    }
}

/// Journals on two faulty disks whose flushes can be held up.
struct OnFiles {
    settings: Settings,
    disks: [FaultyStorage; 2],
    gates: [Arc<Gate>; 2],
    clock: Arc<ManualClock>,
    metrics: Metrics,
    journal: Option<Arc<FileJournal>>,
}

impl OnFiles {
    fn new() -> Self {
        let mut settings = Settings::small();
        settings.cursor_interval = Span::from_millis(10);
        settings.normal.segment_bytes = ByteSize::kib(8);
        settings.critical.segment_bytes = ByteSize::kib(8);
        Self {
            settings,
            disks: [FaultyStorage::new(1), FaultyStorage::new(2)],
            gates: [Arc::default(), Arc::default()],
            clock: Arc::new(ManualClock::new(Timestamp::from_secs(1_000))),
            metrics: Metrics::new(),
            journal: None,
        }
    }

    fn open(&mut self) -> Arc<dyn Journal> {
        let options = Options {
            settings: self.settings.clone(),
            metrics: self.metrics.clone(),
            ..Options::default()
        };
        let storage = |lane: usize| -> Arc<dyn Storage> {
            let (disk, gate) = (self.disks[lane].clone(), Arc::clone(&self.gates[lane]));
            Arc::new(Gated { disk, gate })
        };
        let storages = [storage(0), storage(1)];
        let clock: SharedClock = self.clock.clone();
        let (journal, report) = FileJournal::open_on(options, storages, clock).unwrap();
        assert!(report.is_sound(), "{:?}", report.lanes);
        self.journal = Some(Arc::clone(&journal));
        journal
    }

    fn close(&mut self) {
        if let Some(journal) = self.journal.take() {
            journal.close();
        }
    }
}

impl contract::Harness for OnFiles {
    fn fresh(&mut self) -> Arc<dyn Journal> {
        self.close();
        let settings = self.settings.clone();
        *self = Self {
            settings,
            ..Self::new()
        };
        self.open()
    }

    fn reopen(&mut self, journal: Arc<dyn Journal>) -> Option<Arc<dyn Journal>> {
        drop(journal);
        self.close();
        Some(self.open())
    }

    fn hold(&mut self, _: &Arc<dyn Journal>, lane: Lane) -> bool {
        self.gates[lane.index()].set(true);
        true
    }

    fn release(&mut self, _: &Arc<dyn Journal>, lane: Lane) {
        self.gates[lane.index()].set(false);
    }

    /// By age: everything but the newest segment goes.
    fn trim(&mut self, _: &Arc<dyn Journal>, lane: Lane, _: Seq) -> bool {
        self.clock
            .advance(self.settings.normal.retention_age.as_duration() * 5);
        self.journal.as_ref().unwrap().settle(lane);
        true
    }

    fn fail(&mut self, _: &Arc<dyn Journal>, lane: Lane) -> bool {
        self.disks[lane.index()].set_chance(Fault::SyncError, 1.0);
        true
    }

    fn cursor_limit(&self) -> Option<usize> {
        Some(256)
    }
}

#[test]
fn the_contract_is_kept() {
    let mut harness = OnFiles::new();
    let not_here = contract::all(&mut harness);
    harness.close();
    assert!(not_here.is_empty(), "{not_here:?}");
}

fn submit(journal: &dyn Journal, lane: Lane) -> Ticket {
    let record = NewRecord {
        topic: &Topic::new("root/test").unwrap(),
        kind: Kind::Event,
        op: Op::Put,
        quality: Quality::Good,
        received: Timestamp::from_secs(1),
        source_time: None,
        content_type: &ContentType::Bytes,
        properties: None,
        payload: b"x",
        key: None,
        cause: None,
    };
    journal.submit(lane, &[record]).unwrap()
}

#[test]
fn a_critical_flush_that_hangs_only_delays_normal_commits() {
    let mut files = OnFiles::new();
    files.settings.give_way = Span::from_millis(2);
    let mut registry = Registry::default();
    files.metrics.register(&mut registry);
    let journal = files.open();
    files.gates[Lane::Critical.index()].set(true);
    let critical = submit(&*journal, Lane::Critical);
    files.gates[Lane::Critical.index()].wait_for_a_flush();
    for _ in 0..20 {
        block_on(submit(&*journal, Lane::Normal).durable()).unwrap();
    }
    assert!(!critical.is_durable());
    files.gates[Lane::Critical.index()].set(false);
    block_on(critical.durable()).unwrap();
    files.close();
    let mut counted = String::new();
    text::encode(&mut counted, &registry).unwrap();
    for line in [
        "journal_gave_way_total{lane=\"normal\"} 20\n",
        "journal_gave_way_total{lane=\"critical\"} 0\n",
    ] {
        assert!(counted.contains(line), "{counted}");
    }
}
