//! A journal on two faulty disks, and ways to write to it, read it, and look into its files.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests fail by it")]

use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use spica_clock::{ManualClock, SharedClock};
use spica_journal::{Appended, Damage, Followed, Journal, SubmitError};
use spica_journal_file::{
    FileJournal, LaneReport, OpenError, Options, RepairReport, Settings, VerifyReport, repair_on,
    verify_on,
};
use spica_journal_format::{BatchHeader, BatchKind, Found, Meta, PAGE_BYTES, Scan, SegmentKeys};
use spica_model::{ContentType, Key, Kind, Lane, NewRecord, Op, Quality, Seq, Timestamp, Topic};
use spica_settings::{ByteSize, Span};
use spica_storage::{FaultyStorage, Mode, Storage};

/// The lane of most tests.
pub(crate) const LANE: Lane = Lane::Normal;

/// A journal and what it stands on.
pub(crate) struct Bench {
    pub(crate) disks: [FaultyStorage; 2],
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) settings: Settings,
    journal: Option<Arc<FileJournal>>,
}

/// Small segments; no mark and no stored state unless the journal is closed or settled.
pub(crate) fn settings() -> Settings {
    let mut settings = Settings::small();
    settings.mark_after = Span::from_hours(1);
    settings.cursor_interval = Span::from_hours(1);
    settings.normal.segment_bytes = ByteSize::kib(8);
    settings.critical.segment_bytes = ByteSize::kib(8);
    settings
}

impl Bench {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            disks: [FaultyStorage::new(5), FaultyStorage::new(6)],
            clock: Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000))),
            settings,
            journal: None,
        }
    }

    pub(crate) fn disk(&self) -> &FaultyStorage {
        &self.disks[LANE.index()]
    }

    pub(crate) fn storages(&self) -> [Arc<dyn Storage>; 2] {
        self.disks
            .each_ref()
            .map(|disk| Arc::new(disk.clone()) as Arc<dyn Storage>)
    }

    pub(crate) fn try_open(&mut self) -> Result<LaneReport, OpenError> {
        let options = Options {
            settings: self.settings.clone(),
            ..Options::default()
        };
        self.try_open_with(options)
    }

    pub(crate) fn try_open_with(&mut self, options: Options) -> Result<LaneReport, OpenError> {
        assert!(self.journal.is_none());
        let clock: SharedClock = self.clock.clone();
        let (journal, report) = FileJournal::open_on(options, self.storages(), clock)?;
        self.journal = Some(journal);
        let [_, normal] = report.lanes;
        Ok(normal)
    }

    /// Opens what must be sound.
    pub(crate) fn open(&mut self) -> LaneReport {
        let report = self.try_open().unwrap();
        assert!(
            report.damaged.is_empty() && report.notes.is_empty(),
            "{report}"
        );
        report
    }

    pub(crate) fn journal(&self) -> &Arc<FileJournal> {
        self.journal.as_ref().unwrap()
    }

    pub(crate) fn close(&mut self) {
        self.journal.take().unwrap().close();
    }

    /// Returns when there is a segment that is ready to be written.
    pub(crate) fn prepare(&self) {
        while self.journal().details(LANE).prepared_segments == 0 {
            self.journal().settle(LANE);
        }
    }

    /// Ends the process: nothing more reaches the disks.
    pub(crate) fn kill(&mut self) {
        self.disks = self.disks.each_ref().map(FaultyStorage::kill);
        self.journal = None;
    }

    /// Ends the machine.
    pub(crate) fn crash(&mut self) {
        self.disks = self.disks.each_ref().map(FaultyStorage::crash);
        self.journal = None;
    }

    pub(crate) fn try_append(&self, numbers: &[u64]) -> Result<Vec<Appended>, SubmitError> {
        let ticket = submit(self.journal(), numbers)?;
        block_on(ticket.durable())?;
        Ok(ticket.appended().collect())
    }

    /// Appends numbered records as one commit.
    pub(crate) fn append(&self, numbers: &[u64]) -> Vec<Appended> {
        self.try_append(numbers).unwrap()
    }

    /// Appends numbered records, one commit each.
    pub(crate) fn append_each(&self, numbers: std::ops::RangeInclusive<u64>) {
        for number in numbers {
            self.append(&[number]);
        }
    }

    /// What is served from the beginning: the numbers of the records, and the damage met.
    pub(crate) fn read(&self) -> (Vec<u64>, Vec<Damage>) {
        let first = self.journal().status(LANE).first;
        let mut follower = self.journal().follow(LANE, Seq(first.0 - 1)).unwrap();
        let (mut numbers, mut damages) = (Vec::new(), Vec::new());
        loop {
            match follower.read(7).unwrap() {
                Followed::Records(records) => numbers.extend(records.iter().map(number)),
                Followed::Damaged(damage) => damages.push(damage),
                Followed::UpToDate => return (numbers, damages),
                gap @ Followed::Gap { .. } => panic!("{gap:?}"),
            }
        }
    }

    pub(crate) fn verify(&self) -> VerifyReport {
        verify_on(&self.storages()).unwrap()
    }

    pub(crate) fn repair(&self) -> RepairReport {
        let clock: SharedClock = self.clock.clone();
        repair_on(&self.storages(), &clock).unwrap()
    }

    /// The names of the segments that hold batches, oldest first.
    pub(crate) fn segments(&self) -> Vec<String> {
        let listed = self.disk().list().unwrap();
        let names = listed
            .into_iter()
            .map(|file| file.name)
            .filter(|name| name.ends_with(".segment"));
        names
            .filter(|name| !self.batches(name).is_empty())
            .collect()
    }

    pub(crate) fn content(&self, name: &str) -> Bytes {
        let file = self.disk().open(name, Mode::Read).unwrap();
        let mut bytes = vec![0; file.len().unwrap() as usize];
        file.read_at(&mut bytes, 0).unwrap();
        bytes.into()
    }

    pub(crate) fn keys(&self, name: &str) -> SegmentKeys {
        let meta = Meta::decode(&self.content("meta")).unwrap();
        let number = name.trim_end_matches(".segment").parse().unwrap();
        meta.secret.segment_keys(LANE, number)
    }

    /// Offsets and headers of the batches of a segment.
    pub(crate) fn batches(&self, name: &str) -> Vec<(u64, BatchHeader)> {
        let keys = self.keys(name);
        let scan = Scan::new(self.content(name), LANE, keys, PAGE_BYTES as u64);
        scan.filter_map(|found| match found {
            Found::Batch(batch) => Some((batch.offset, batch.header)),
            Found::Damaged { .. } | Found::End { .. } => None,
        })
        .collect()
    }

    /// The batches with records of the newest segment.
    pub(crate) fn newest_batches(&self) -> (String, Vec<u64>) {
        let name = self.segments().pop().unwrap();
        let batches = self.batches(&name);
        let with_records = batches
            .iter()
            .filter(|(_, header)| header.kind == BatchKind::Records);
        let offsets = with_records.map(|(offset, _)| *offset).collect();
        (name, offsets)
    }

    pub(crate) fn flip(&self, name: &str, offset: u64) {
        self.disk().flip_bit(name, offset, 3).unwrap();
    }

    pub(crate) fn overwrite(&self, name: &str, offset: u64, bytes: &[u8]) {
        let file = self.disk().open(name, Mode::Write).unwrap();
        file.write_at(bytes, offset).unwrap();
        file.sync_all().unwrap();
    }
}

pub(crate) fn submit(
    journal: &Arc<FileJournal>,
    numbers: &[u64],
) -> Result<spica_journal::Ticket, SubmitError> {
    let topic = Topic::new("root/test").unwrap();
    let parts: Vec<_> = numbers
        .iter()
        .map(|number| (number.to_string(), key(*number)))
        .collect();
    let records: Vec<_> = numbers
        .iter()
        .zip(&parts)
        .map(|(number, (payload, key))| NewRecord {
            topic: &topic,
            kind: Kind::Event,
            op: Op::Put,
            quality: Quality::Good,
            received: Timestamp::from_secs(999_000 + *number as u32),
            source_time: None,
            content_type: &ContentType::Text,
            payload: payload.as_bytes(),
            key: key.as_ref(),
            cause: None,
            properties: None,
        })
        .collect();
    journal.submit(LANE, &records)
}

/// Numbers from 1,000 on have a key: what they are modulo 1,000.
fn key(number: u64) -> Option<Key> {
    (number >= 1_000).then(|| Key::new((number % 1_000).to_string()).unwrap())
}

fn number(record: &spica_model::Record) -> u64 {
    std::str::from_utf8(&record.payload)
        .unwrap()
        .parse()
        .unwrap()
}

/// The numbers of a range without some.
pub(crate) fn without(all: std::ops::RangeInclusive<u64>, missing: &[u64]) -> Vec<u64> {
    all.filter(|number| !missing.contains(number)).collect()
}
