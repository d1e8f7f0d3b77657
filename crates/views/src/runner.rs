//! The thread that follows the journal and folds.

mod lane_reader;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use spica_journal::{CommitErrorKind, FollowError, Followed, Pace};
use spica_model::Lane;

use self::lane_reader::LaneReader;
use crate::OpenError;
use crate::apply::{Miss, Restatements};
use crate::checkpoint::{Job, Mark, Store, Writer, save};
use crate::shared::Shared;

/// The name of the views' durable cursor in the journal: retention keeps what no checkpoint
/// holds. It moves with the checkpoints, not with what the views show.
pub const CURSOR: &str = "views";

/// How many changed topics are copied for a checkpoint under one write lock.
const SECTION_CHANGES: usize = 1_024;
/// How many critical chunks may go before a normal one: the normal lane keeps a share (invariant 5).
const CRITICAL_CHUNKS: usize = 8;
/// How often records of the normal lane are folded, after a few chunks that are folded at once.
const PACE: Pace = Pace::new(Duration::from_micros(400), 4);
/// The shortest wait for a deadline.
const SHORTEST_WAIT: Duration = Duration::from_millis(10);

/// Follows both lanes.
pub(crate) struct Runner {
    shared: Arc<Shared>,
    store: Arc<Store>,
    /// Writes checkpoints once the thread runs; before that they are written in line.
    writer: Option<Writer>,
    lanes: [LaneReader; 2],
    pace: Pace,
    /// Whether restated records have something to say: while the views are built, and after a gap.
    restatements: Restatements,
    /// Records folded since the last checkpoint began.
    since: usize,
    /// When the next checkpoint is due.
    due: Instant,
}

impl Runner {
    /// A runner that goes on after `marks`.
    pub(crate) fn new(
        shared: Arc<Shared>,
        store: Store,
        marks: [Mark; 2],
    ) -> Result<Self, OpenError> {
        let [critical, normal] = marks;
        let lanes = [
            LaneReader::new(&shared, Lane::Critical, critical)?,
            LaneReader::new(&shared, Lane::Normal, normal)?,
        ];
        let due = shared.clock.monotonic() + shared.settings.checkpoint_interval.as_duration();
        Ok(Self {
            shared,
            store: Arc::new(store),
            writer: None,
            lanes,
            pace: PACE,
            restatements: Restatements::Folded,
            since: 0,
            due,
        })
    }

    /// Folds all that is durable now.
    pub(crate) fn catch_up(&mut self) -> Result<(), FollowError> {
        let goal = Lane::ALL.map(|lane| self.shared.journal.status(lane).durable);
        while self
            .lanes
            .iter()
            .zip(goal)
            .any(|(lane, goal)| !lane.ended && lane.mark.seq < goal)
        {
            let mut progress = false;
            for lane in Lane::ALL {
                progress |= self.fold_chunk(lane)?;
            }
            if !progress {
                let Some(pause) = self.read_pause() else {
                    break;
                };
                std::thread::park_timeout(pause.max(SHORTEST_WAIT));
            }
            self.checkpoint_if_due();
        }
        self.restatements = Restatements::Known;
        self.shared.count();
        Ok(())
    }

    /// Follows until the views are told to stop.
    pub(crate) fn run(mut self) {
        // Also when this thread panics, nobody waits for ever.
        let shared = Arc::clone(&self.shared);
        let _end = EndOnDrop(&shared);
        match Writer::start(Arc::clone(&self.shared), Arc::clone(&self.store)) {
            Ok(writer) => self.writer = Some(writer),
            Err(error) => tracing::warn!(%error, "checkpoints are written between the folds"),
        }
        while !self.shared.stopping.load(Ordering::Acquire) {
            if !self.step() {
                self.wait();
            }
            self.checkpoint_if_due();
        }
        self.finish();
    }

    /// Folds what there is: the critical lane as far as it goes, then a chunk of the normal one.
    fn step(&mut self) -> bool {
        let mut progress = false;
        for _ in 0..CRITICAL_CHUNKS {
            if !self.fold_or_end(Lane::Critical) {
                break;
            }
            progress = true;
        }
        progress |= self.fold_or_end(Lane::Normal);
        progress
    }

    fn fold_or_end(&mut self, lane: Lane) -> bool {
        self.fold_chunk(lane).unwrap_or_else(|error| {
            tracing::error!(%lane, %error, "the views cannot follow any more: they show older values");
            self.shared.trouble.lock().failure = Some(error.to_string().into());
            self.end_lane(lane);
            false
        })
    }

    fn end_lane(&mut self, lane: Lane) {
        self.lanes[lane.index()].ended = true;
        self.shared.end_lane(lane);
    }

    /// Folds the next chunk of a lane. Whether there was one.
    fn fold_chunk(&mut self, lane: Lane) -> Result<bool, FollowError> {
        let now = self.shared.clock.monotonic();
        let max = self.shared.settings.chunk_records.max(1);
        let reader = &mut self.lanes[lane.index()];
        let Some(followed) = reader.read(now, max)? else {
            return Ok(false);
        };
        match followed {
            Followed::UpToDate => return Ok(false),
            Followed::Records(records) => {
                self.since += records.len();
                if lane == Lane::Normal {
                    self.pace.turn(now);
                }
                let mark = self.shared.fold(lane, records, self.restatements);
                reader.mark = mark.unwrap_or_default();
            }
            Followed::Gap { from, to } => {
                self.restatements = Restatements::Folded;
                self.shared.gap(lane, from, to);
                reader.mark = Mark {
                    seq: to,
                    last: None,
                };
            }
            Followed::Damaged(damage) => {
                let (from, to) = (damage.from, damage.to);
                tracing::error!(
                    %lane, %from, %to, file = &*damage.file, reason = &*damage.reason,
                    "records are damaged: the views do not show them"
                );
                self.restatements = Restatements::Folded;
                self.shared.missed(lane, from, to, Miss::Damage);
                reader.mark = Mark {
                    seq: to,
                    last: None,
                };
            }
        }
        self.shared.applied[lane.index()].advance(reader.mark.seq);
        Ok(true)
    }

    /// Parks until a lane has more, a checkpoint is due or the views are told to stop. Where many
    /// commit a little each, the normal lane has to wait a moment.
    fn wait(&mut self) {
        let rest = self.pace.rest(self.shared.clock.monotonic());
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut cx = Context::from_waker(&waker);
        let mut waits = Vec::with_capacity(2);
        for lane in Lane::ALL {
            let reader = &self.lanes[lane.index()];
            let rests = lane == Lane::Normal && rest.is_some();
            if reader.ended || reader.retry_at.is_some() || rests {
                continue;
            }
            let mut more = reader.follower.more();
            match Pin::new(&mut more).poll(&mut cx) {
                Poll::Pending => waits.push(more),
                Poll::Ready(Ok(())) => return,
                Poll::Ready(Err(error)) => {
                    if error.kind != CommitErrorKind::Closed {
                        self.shared.trouble.lock().failure = Some(error.to_string().into());
                    }
                    return self.end_lane(lane);
                }
            }
        }
        if !self.shared.stopping.load(Ordering::Acquire) {
            let left = self
                .due
                .saturating_duration_since(self.shared.clock.monotonic());
            let left = self.read_pause().map_or(left, |pause| pause.min(left));
            let left = left.max(SHORTEST_WAIT);
            std::thread::park_timeout(rest.map_or(left, |rest| rest.min(left)));
        }
    }

    /// How long until a read is tried again, if one has failed.
    fn read_pause(&self) -> Option<Duration> {
        let now = self.shared.clock.monotonic();
        let due = self.lanes.iter().filter(|lane| !lane.ended);
        let first = due.filter_map(|lane| lane.retry_at).min()?;
        Some(first.saturating_duration_since(now))
    }

    fn checkpoint_if_due(&mut self) {
        let now = self.shared.clock.monotonic();
        let full = self.since >= self.shared.settings.checkpoint_records;
        if !full && now < self.due {
            return;
        }
        if self.writer.as_ref().is_some_and(Writer::is_busy) {
            return;
        }
        self.due = now + self.shared.settings.checkpoint_interval.as_duration();
        let wall = self.shared.clock.wall();
        {
            let tree = &mut self.shared.folds.write().tree;
            // While the views are built, copies of what a tombstone deletes may still come.
            if self.restatements == Restatements::Known {
                tree.forget_tombstones(wall);
            }
            if self.since == 0 && tree.changes() == 0 && !self.store.wants_everything() {
                return;
            }
        }
        let job = self.job();
        match &self.writer {
            Some(writer) => writer.submit(job),
            None => save(&self.shared, &self.store, &job),
        }
    }

    /// What has changed since the last checkpoint. Nobody else folds, so what is copied under
    /// several locks still is the state at one place of each lane.
    fn job(&mut self) -> Job {
        self.since = 0;
        if self.store.wants_everything() {
            self.shared.folds.write().tree.change_all();
        }
        let mut changes = Vec::new();
        loop {
            let some = self.shared.folds.write().tree.take_changes(SECTION_CHANGES);
            if some.is_empty() {
                break;
            }
            changes.extend(some);
        }
        // A sorted store likes it in order.
        changes.sort_unstable_by(|a, b| a.topic.cmp(&b.topic));
        let marks = self.lanes.each_ref().map(|lane| lane.mark.clone());
        Job { changes, marks }
    }

    /// Folds what is durable and writes the last checkpoint.
    fn finish(&mut self) {
        if let Err(error) = self.catch_up() {
            tracing::warn!(%error, "the views end before the journal does");
        }
        if let Some(writer) = self.writer.take() {
            writer.finish();
        }
        let changed = self.since > 0 || self.shared.folds.read().tree.changes() > 0;
        if changed || self.store.wants_everything() {
            let job = self.job();
            save(&self.shared, &self.store, &job);
        }
    }
}

struct EndOnDrop<'a>(&'a Shared);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.trouble.lock().failure = Some("the views' thread has panicked".into());
        }
        Lane::ALL.into_iter().for_each(|lane| self.0.end_lane(lane));
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests;
