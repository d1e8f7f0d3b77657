//! A lane on a faulty disk, and what it was told: the oracle of the workloads.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use spica_clock::{ManualClock, SharedClock};
use spica_journal::{FollowError, Followed, Follower, SubmitError};
use spica_journal_format::BatchKind;
use spica_model::{
    Cause, ContentType, Kind, Lane, NewRecord, Op, Quality, Record, Seq, Timestamp, Topic,
};
use spica_settings::{ByteSize, Span};
use spica_storage::{FaultyStorage, Storage};

use super::record::{Placed, Random};
use crate::lane::LaneLog;
use crate::lane::commit::Committer;
use crate::lane::keeper::Keeper;
use crate::open;
use crate::options::{Options, Settings};
use crate::report::LaneReport;
use crate::{OpenError, lane::follow::FileFollower};

pub(super) const LANE: Lane = Lane::Normal;

const CURSOR: &str = "c";

/// What is known of the cursor.
#[derive(Debug, Clone, Copy)]
enum Told {
    Opened(Seq),
    Removed,
    /// The last change of it failed.
    Nothing,
}

/// The parts of an open lane.
pub(super) struct Running {
    pub(super) log: Arc<LaneLog>,
    pub(super) committer: Committer,
    pub(super) keeper: Keeper,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) disks: [FaultyStorage; 2],
    pub(super) clock: Arc<ManualClock>,
    pub(super) running: Option<Running>,
    /// By place, from the first place on.
    pub(super) placed: Vec<Placed>,
    /// The last place that was acknowledged in this or an earlier life.
    pub(super) acknowledged: u64,
    /// Acknowledged, and followed by something durable that proves it.
    pub(super) proven: u64,
    /// Which place a key was given first, of records that still stand.
    keys: HashMap<u64, u64>,
    /// Whether damage may have taken keys.
    pub(super) keys_may_be_lost: bool,
    numbers: u64,
    follower: Option<FileFollower>,
    cursor: Told,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            disks: [FaultyStorage::new(seed), FaultyStorage::new(seed ^ 1)],
            clock: Arc::new(ManualClock::new(Timestamp::from_secs(1_000_000))),
            running: None,
            placed: Vec::new(),
            acknowledged: 0,
            proven: 0,
            keys: HashMap::new(),
            keys_may_be_lost: false,
            numbers: 0,
            follower: None,
            cursor: Told::Removed,
        }
    }

    pub(super) fn disk(&self) -> &FaultyStorage {
        &self.disks[LANE.index()]
    }

    fn options() -> Options {
        let mut settings = Settings::small();
        settings.normal.segment_bytes = ByteSize::kib(16);
        settings.normal.retention_bytes = ByteSize::kib(100);
        settings.normal.recent_bytes = ByteSize::kib(6);
        settings.normal.commit_bytes_max = ByteSize::kib(4);
        settings.normal.queue_bytes = ByteSize::kib(16);
        settings.normal.dedup_age = Span::from_days(400);
        settings.critical.segment_bytes = ByteSize::kib(8);
        Options {
            settings,
            ..Options::default()
        }
    }

    /// Opens the lane and takes over what it says it has.
    pub(super) fn open(&mut self) -> Result<LaneReport, OpenError> {
        let storages = self
            .disks
            .each_ref()
            .map(|disk| Arc::new(disk.clone()) as Arc<dyn Storage>);
        let clock: SharedClock = self.clock.clone();
        let opened = open::open(&Self::options(), &storages, &clock)?;
        let [_, lane] = opened.lanes;
        let [_, report] = opened.report.lanes;
        self.running = Some(Running {
            log: lane.log,
            committer: lane.committer,
            keeper: lane.keeper,
        });
        Ok(report)
    }

    pub(super) fn log(&self) -> &Arc<LaneLog> {
        &self.running.as_ref().unwrap().log
    }

    pub(super) fn has_failed(&self) -> bool {
        self.log().failure().is_some()
    }

    /// Submits some records, some of them with a key that was used before.
    pub(super) fn submit(&mut self) {
        let count = 1 + self.random.below(5);
        let placed: Vec<_> = (0..count).map(|_| self.next_record()).collect();
        let topic = Topic::new("root/w").unwrap();
        let cause = Cause::new("test").unwrap();
        let parts: Vec<_> = placed
            .iter()
            .map(|placed| (placed.payload(), placed.key()))
            .collect();
        let records: Vec<_> = placed
            .iter()
            .zip(&parts)
            .map(|(placed, (payload, key))| NewRecord {
                topic: &topic,
                kind: Kind::Event,
                op: Op::Put,
                quality: Quality::Good,
                received: Timestamp::from_secs(placed.number as u32),
                source_time: None,
                content_type: &ContentType::Cbor,
                payload,
                key: key.as_ref(),
                cause: (placed.number % 3 == 0).then_some(&cause),
                properties: None,
            })
            .collect();
        match self.log().submit(&records) {
            Ok(ticket) => {
                let appended: Vec<_> = ticket.appended().collect();
                for (placed, appended) in placed.into_iter().zip(appended) {
                    self.note(placed, appended.position.seq.0, appended.duplicate);
                }
            }
            Err(SubmitError::Full { .. } | SubmitError::Failed(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }

    fn next_record(&mut self) -> Placed {
        self.numbers += 1;
        let key = self.random.chance(3).then(|| self.random.below(2_000));
        Placed {
            number: self.numbers,
            key,
        }
    }

    fn note(&mut self, placed: Placed, seq: u64, duplicate: bool) {
        let first = placed.key.and_then(|key| self.keys.get(&key).copied());
        if duplicate {
            assert_eq!(first, Some(seq), "{placed:?}");
            return;
        }
        let kept = self.log().status().first.0;
        assert!(
            self.keys_may_be_lost || first.is_none_or(|first| first < kept),
            "{placed:?} stands at {first:?} already"
        );
        assert_eq!(seq, self.placed.len() as u64 + 1, "places have no hole");
        self.placed.push(placed);
        if let Some(key) = placed.key {
            self.keys.insert(key, seq);
        }
    }

    /// Lets the commit thread do one thing.
    pub(super) fn commit(&mut self) {
        self.settle();
        let running = self.running.as_mut().unwrap();
        if running.log.failure().is_none() && running.committer.step() {
            // What was acknowledged before is followed by a batch now.
            self.note_durable(true);
        }
    }

    pub(super) fn mark(&mut self) {
        let running = self.running.as_mut().unwrap();
        if running.log.failure().is_some() {
            return;
        }
        match running.committer.mark(BatchKind::Mark) {
            Ok(()) => {}
            Err(error) => running.log.fail(error),
        }
    }

    /// Lets the keeper do all that waits. It stores how far the lane is, which proves it.
    pub(super) fn settle(&mut self) {
        let running = self.running.as_mut().unwrap();
        running.keeper.settle();
        if running.log.failure().is_none() {
            self.proven = self.acknowledged;
        }
    }

    fn note_durable(&mut self, batch: bool) {
        let durable = self.log().watermark.durable().0;
        if batch && durable > self.acknowledged {
            self.proven = self.acknowledged;
        }
        self.acknowledged = self.acknowledged.max(durable);
    }

    /// Reads on with the follower, which must see neither a hole nor anything else than was placed.
    pub(super) fn follow(&mut self) {
        let mut follower = match self.follower.take() {
            Some(follower) => follower,
            None => {
                let status = self.log().status();
                let back = self.random.below(status.durable.0 + 1);
                self.log().follow(Seq(back)).unwrap()
            }
        };
        let before = follower.after().0;
        let Ok(read) = follower.read(1 + self.random.below(50) as usize) else {
            // The power was cut.
            return;
        };
        match read {
            Followed::Records(records) => self.check(before, &records),
            Followed::Gap { from, to } => {
                assert_eq!((from.0, before + 1), (before + 1, from.0));
                assert!(to < self.log().status().first);
            }
            Followed::UpToDate => assert_eq!(before, self.log().watermark.durable().0),
            Followed::Damaged(damage) => {
                assert!(self.keys_may_be_lost, "{damage:?}");
                assert_eq!(damage.from.0, before + 1);
            }
        }
        let keep = !self.random.chance(20);
        self.follower = keep.then_some(follower);
    }

    #[track_caller]
    fn check(&self, after: u64, records: &[Record]) {
        assert!(!records.is_empty());
        for (seq, record) in (after + 1..).zip(records) {
            assert_eq!(record.position.seq.0, seq);
            self.placed[seq as usize - 1].assert_is(record);
        }
    }

    /// Opens, advances or removes the cursor. What failed may have happened all the same.
    pub(super) fn cursor(&mut self) {
        let log = Arc::clone(self.log());
        let durable = log.watermark.durable();
        let there = log.cursors.get(CURSOR);
        match there {
            None => log.cursors.insert(CURSOR, durable),
            Some(_) if self.random.chance(4) => drop(log.cursors.remove(CURSOR)),
            Some(_) => {
                assert!(log.cursors.advance(CURSOR, durable));
                return;
            }
        }
        self.cursor = match (log.store_state(), there) {
            (Ok(()), None) => Told::Opened(durable),
            (Ok(()), Some(_)) => Told::Removed,
            (Err(_), _) => Told::Nothing,
        };
    }

    /// Compares the cursor with what was told of it.
    fn check_cursor(&self) {
        match (self.cursor, self.log().cursors.get(CURSOR)) {
            (Told::Nothing, _) | (Told::Removed, None) => {}
            (Told::Opened(seq), Some(place)) => {
                assert!(seq <= place, "a cursor went back");
                assert!(place.0 <= self.acknowledged);
            }
            (told, found) => panic!("{told:?}, but it is {found:?}"),
        }
        let first = self.log().status().first;
        if let Some((_, place)) = self.log().cursors.slowest() {
            assert!(first <= place.next(), "retention went past a cursor");
        }
    }

    pub(super) fn pass_time(&mut self) {
        self.clock
            .advance(Duration::from_millis(self.random.below(3_000)));
    }

    /// Closes in order: all that waits is committed.
    pub(super) fn close(&mut self) {
        while !self.has_failed() && !self.log().queue.lock().is_empty() {
            self.commit();
        }
        let mut running = self.running.take().unwrap();
        self.follower = None;
        if running.log.failure().is_none() {
            running.committer.close();
        }
        if running.log.failure().is_none() {
            running.keeper.tidy();
        }
        if running.log.failure().is_none() {
            self.proven = self.acknowledged;
        }
        self.disks = self.disks.each_ref().map(FaultyStorage::kill);
    }

    /// Ends the process, or the machine.
    pub(super) fn die(&mut self, crash: bool) {
        self.running = None;
        self.follower = None;
        let end = if crash {
            FaultyStorage::crash
        } else {
            FaultyStorage::kill
        };
        self.disks = self.disks.each_ref().map(end);
    }

    /// Forgets what is not there after an opening: it was never acknowledged.
    pub(super) fn forget_after(&mut self, last: u64) {
        // After a repair, places that nobody will ever have stand before the next one.
        self.placed.resize(
            last as usize,
            Placed {
                number: 0,
                key: None,
            },
        );
        self.keys.clear();
        for (seq, placed) in (1..).zip(&self.placed) {
            if let Some(key) = placed.key {
                self.keys.insert(key, seq);
            }
        }
        let durable = self.log().watermark.durable().0;
        self.acknowledged = self.acknowledged.max(durable);
        self.check_cursor();
    }

    /// Reads all that is kept and compares it; returns how many records were served.
    pub(super) fn read_all(&self, mut damaged: impl FnMut(u64, u64)) -> Result<u64, FollowError> {
        let status = self.log().status();
        let mut follower = self.log().follow(Seq(status.first.0 - 1)).unwrap();
        let mut served = 0;
        loop {
            let before = follower.after().0;
            match follower.read(64)? {
                Followed::Records(records) => {
                    served += records.len() as u64;
                    self.check(before, &records);
                }
                Followed::Damaged(damage) => {
                    assert_eq!(damage.from.0, before + 1, "{damage:?}");
                    damaged(damage.from.0, damage.to.0);
                }
                Followed::UpToDate => break,
                gap @ Followed::Gap { .. } => panic!("{gap:?} after {before}"),
            }
        }
        assert_eq!(follower.after(), status.durable);
        Ok(served)
    }
}
