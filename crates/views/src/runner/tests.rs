//! In what order the lanes are folded, step by step without a thread.

use std::sync::Arc;
use std::time::Duration;

use spica_clock::ManualClock;
use spica_journal::Journal;
use spica_journal::memory::MemoryJournal;
use spica_model::{
    ContentType, Epoch, Kind, Lane, NewRecord, Op, Quality, Restated, Seq, Timestamp, Topic,
};
use spica_state::Limits;

use super::{CRITICAL_CHUNKS, Runner};
use crate::shared::Shared;
use crate::{Metrics, Settings, checkpoint};

const CHUNK: usize = 10;

fn runner(journal: &Arc<MemoryJournal>, dir: &tempfile::TempDir) -> Runner {
    runner_by(Arc::new(ManualClock::new(Timestamp::EPOCH)), journal, dir)
}

fn runner_by(
    clock: Arc<ManualClock>,
    journal: &Arc<MemoryJournal>,
    dir: &tempfile::TempDir,
) -> Runner {
    let settings = Settings {
        chunk_records: CHUNK,
        ..Settings::default()
    };
    let path = dir.path().join("views.redb");
    let metrics = Metrics::default();
    let (store, loaded) = checkpoint::open(&path, &**journal, Limits::default(), &metrics).unwrap();
    let node = Topic::new("root").unwrap();
    let shared = Shared::new(journal.clone(), node, settings, clock, metrics);
    Runner::new(Arc::new(shared), store, loaded.marks).unwrap()
}

fn append(journal: &MemoryJournal, lane: Lane, count: usize) {
    append_to("root/a", Op::Put, journal, lane, count);
}

fn append_to(topic: &str, op: Op, journal: &MemoryJournal, lane: Lane, count: usize) {
    let topic = Topic::new(topic).unwrap();
    let record = NewRecord {
        topic: &topic,
        kind: Kind::State,
        op,
        quality: Quality::Good,
        received: Timestamp::EPOCH,
        source_time: None,
        content_type: &ContentType::Bytes,
        payload: b"1",
        key: None,
        cause: None,
        properties: None,
    };
    journal.submit(lane, &vec![record; count]).unwrap();
}

fn applied(runner: &Runner) -> [Seq; 2] {
    runner.shared.applied.each_ref().map(|mark| mark.durable())
}

fn applied_at_start(runner: &Runner) -> [Seq; 2] {
    runner.lanes.each_ref().map(|lane| lane.mark.seq)
}

#[test]
fn a_critical_record_waits_for_one_normal_chunk_at_most() {
    let (journal, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
    let mut runner = runner(&journal, &dir);
    append(&journal, Lane::Normal, 100 * CHUNK);
    assert!(runner.step());
    assert_eq!(applied(&runner), [Seq(0), Seq(10)]);
    append(&journal, Lane::Critical, 3 * CHUNK);
    assert!(runner.step());
    assert_eq!(applied(&runner), [Seq(30), Seq(20)]);
}

#[test]
fn the_normal_lane_keeps_a_share_of_an_endless_critical_one() {
    let (journal, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
    let mut runner = runner(&journal, &dir);
    append(&journal, Lane::Critical, 100 * CHUNK);
    append(&journal, Lane::Normal, 100 * CHUNK);
    assert!(runner.step());
    let critical = u64::try_from(CRITICAL_CHUNKS * CHUNK).unwrap();
    assert_eq!(applied(&runner), [Seq(critical), Seq(10)]);
}

#[test]
fn with_nothing_to_read_a_step_does_nothing() {
    let (journal, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
    let mut runner = runner(&journal, &dir);
    assert!(!runner.step());
    append(&journal, Lane::Normal, 1);
    assert!(runner.step());
    assert!(!runner.step());
}

#[test]
fn after_a_failed_checkpoint_the_next_one_holds_everything() {
    let (journal, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
    let mut first = runner(&journal, &dir);
    append_to("root/a", Op::Put, &journal, Lane::Normal, 1);
    first.finish();
    first.store.fail();
    append_to("root/b", Op::Put, &journal, Lane::Normal, 1);
    first.finish();
    assert_eq!(first.shared.metrics.checkpoint_topics.get(), 3);
    drop(first);
    let again = runner(&journal, &dir);
    assert_eq!(applied_at_start(&again), [Seq(0), Seq(2)]);
}

#[test]
fn old_tombstones_are_forgotten_with_a_checkpoint_even_when_nothing_else_happens() {
    let (journal, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    let mut runner = runner_by(clock.clone(), &journal, &dir);
    append_to("root/a", Op::Delete, &journal, Lane::Normal, 1);
    runner.catch_up().unwrap();
    let tombstones = |runner: &Runner| runner.shared.folds.read().tree.tombstones();
    let checkpoints = |runner: &Runner| runner.shared.metrics.checkpoints.get();
    clock.advance(Duration::from_secs(30));
    runner.checkpoint_if_due();
    assert_eq!((tombstones(&runner), checkpoints(&runner)), (1, 1));
    clock.advance(Duration::from_secs(30));
    runner.checkpoint_if_due();
    assert_eq!(
        (tombstones(&runner), checkpoints(&runner)),
        (1, 1),
        "nothing new"
    );
    clock.advance(Settings::default().tombstone_age.as_duration());
    runner.checkpoint_if_due();
    assert_eq!((tombstones(&runner), checkpoints(&runner)), (0, 2));
}

/// How often the runner may fold a chunk of the normal lane while time passes.
fn folds(runner: &mut Runner, clock: &ManualClock, reads: usize) -> Vec<bool> {
    (0..reads)
        .map(|_| {
            let folded = runner.fold_or_end(Lane::Normal);
            clock.advance(Duration::from_secs(10));
            folded
        })
        .collect()
}

#[test]
fn a_read_that_fails_is_tried_again_after_a_pause() {
    let (journal, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    let mut runner = runner_by(clock.clone(), &journal, &dir);
    append(&journal, Lane::Normal, 1);
    journal.fail_reads(Lane::Normal, 1);
    assert!(!runner.fold_or_end(Lane::Normal));
    assert!(
        !runner.fold_or_end(Lane::Normal),
        "not before the pause is over"
    );
    assert!(runner.read_pause().is_some());
    clock.advance(Duration::from_millis(200));
    assert!(runner.fold_or_end(Lane::Normal));
    assert_eq!(runner.read_pause(), None);
    assert_eq!(runner.shared.trouble.lock().failure, None);
}

#[test]
fn reads_that_go_on_failing_end_the_views_of_the_lane() {
    let (journal, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
    let clock = Arc::new(ManualClock::new(Timestamp::EPOCH));
    let mut runner = runner_by(clock.clone(), &journal, &dir);
    append(&journal, Lane::Normal, 1);
    journal.fail_reads(Lane::Normal, 5);
    assert_eq!(
        folds(&mut runner, &clock, 6),
        [false, false, false, false, false, true]
    );
    append(&journal, Lane::Normal, 1);
    journal.fail_reads(Lane::Normal, 6);
    assert_eq!(folds(&mut runner, &clock, 7), [false; 7]);
    assert!(runner.shared.trouble.lock().failure.is_some());
    assert!(runner.lanes[Lane::Normal.index()].ended);
}

#[test]
fn after_the_views_are_built_copies_say_nothing() {
    let (journal, dir) = (MemoryJournal::new(), tempfile::tempdir().unwrap());
    let mut runner = runner(&journal, &dir);
    let restated = |seq| {
        Op::Restate(Restated {
            epoch: Epoch::FIRST,
            seq: Seq(seq),
            deletes: false,
        })
    };
    let shown = |runner: &Runner, topic: &str| runner.shared.folds.read().tree.get(topic).cloned();
    append_to("root/a", restated(0), &journal, Lane::Normal, 1);
    runner.catch_up().unwrap();
    let built = shown(&runner, "root/a").unwrap();
    assert_eq!(
        (built.op, built.position.seq),
        (Op::Put, Seq(0)),
        "as its original"
    );
    append_to("root/b", restated(0), &journal, Lane::Normal, 1);
    runner.step();
    assert_eq!(shown(&runner, "root/b"), None);
    journal.damage(Lane::Normal, Seq(3), Seq(3));
    append_to("root/c", Op::Put, &journal, Lane::Normal, 1);
    append_to("root/c", restated(0), &journal, Lane::Normal, 1);
    runner.step();
    runner.step();
    assert!(shown(&runner, "root/c").is_some(), "something was missed");
}
