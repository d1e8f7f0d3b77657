//! The commit thread: whole batches to disk, one write and one flush each.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::MutexGuard;
use spica_journal::CommitError;
use spica_journal_format::{Batch, BatchHeader, BatchKind, Footer, TimeRange};
use spica_model::{Lane, Seq, Timestamp};

use super::precedence::Precedence;
use super::queue::{Filling, Stage};
use super::roll::{Active, MARK_ROOM};
use super::{Failing, LaneLog};

/// What the commit thread finds to do.
enum Work {
    Batch(Filling),
    Mark,
    Close,
    Fail,
}

/// Writes the batches of a lane.
pub(crate) struct Committer {
    pub(super) lane: Arc<LaneLog>,
    pub(super) active: Option<Active>,
    precedence: Arc<Precedence>,
    /// Whether the last batch is not yet followed by a mark.
    mark_due: bool,
}

impl Committer {
    /// Continues in `active`, which lacks a mark after its last batch if `mark_due` says so.
    pub(crate) const fn new(
        lane: Arc<LaneLog>,
        active: Option<Active>,
        mark_due: bool,
        precedence: Arc<Precedence>,
    ) -> Self {
        Self {
            lane,
            active,
            precedence,
            mark_due,
        }
    }

    /// Commits until the lane is closed or fails.
    pub(crate) fn run(mut self) {
        let lane = Arc::clone(&self.lane);
        let _guard = lane.fails_with_thread("commit");
        loop {
            let done = match self.next() {
                Work::Batch(filling) => self.commit(filling),
                Work::Mark => self.mark(BatchKind::Mark),
                Work::Close => {
                    self.close();
                    return;
                }
                Work::Fail => return,
            };
            if let Err(error) = done {
                self.lane.fail(error);
                return;
            }
        }
    }

    /// Commits the next batch that waits, as the thread would; says whether there was one.
    #[cfg(test)]
    pub(crate) fn step(&mut self) -> bool {
        let Some(filling) = self.lane.queue.lock().take() else {
            return false;
        };
        if let Err(error) = self.commit(filling) {
            self.lane.fail(error);
        }
        true
    }

    /// Waits for work; for a mark only as long as the lane must be idle for one.
    fn next(&self) -> Work {
        let critical = self.lane.lane == Lane::Critical;
        let mut gave_way = critical;
        let mut queue = self.lane.queue.lock();
        loop {
            if matches!(queue.stage, Stage::Failed(_)) {
                return Work::Fail;
            }
            if !gave_way && !queue.is_empty() {
                gave_way = true;
                MutexGuard::unlocked(&mut queue, || self.give_way());
                continue;
            }
            if let Some(filling) = queue.take() {
                if critical {
                    self.precedence.claim();
                }
                return Work::Batch(filling);
            }
            if critical {
                self.precedence.rest();
            }
            if matches!(queue.stage, Stage::Closing) {
                return Work::Close;
            }
            if !self.mark_due {
                self.lane.work.wait(&mut queue);
                continue;
            }
            let idle = self.lane.limits.common.mark_after;
            let waited = self.lane.work.wait_for(&mut queue, idle);
            if waited.timed_out() && queue.is_empty() {
                return Work::Mark;
            }
        }
    }

    fn give_way(&self) {
        if self.precedence.give_way() {
            self.lane.metrics.gave_way.inc();
        }
    }

    /// Makes one batch durable and says so.
    pub(crate) fn commit(&mut self, mut filling: Filling) -> Result<(), CommitError> {
        let lane = Arc::clone(&self.lane);
        let begun = lane.clock.monotonic();
        let active = self.room_for(&filling)?;
        let keys = active.segment.keys;
        let (header, bytes) = filling.builder.finish(keys, active.end);
        let body = Bytes::copy_from_slice(&bytes[BatchHeader::BYTES..]);
        let batch = Batch::new(header, active.end, body, lane.lane, keys);
        let (end, last) = (batch.end(), Seq(header.next().0 - 1));
        // Whoever is woken must find it. The partner may have it before this disk does: the two
        // commits run side by side, and nothing is acknowledged before both are done.
        lane.recent.push(batch);
        lane.staged.advance(last);
        write(&lane, active, bytes)?;
        active.end = end;
        active.keys.append(&mut filling.keys);
        active.segment.append(&header, filling.builder.received());
        self.mark_due = true;
        self.measure(&header, lane.clock.monotonic() - begun);
        // First the room, then the news: who waits for room is woken by the news.
        self.done(filling);
        lane.committed_here(last, header.total_bytes() as usize);
        Ok(())
    }

    fn measure(&self, header: &BatchHeader, took: Duration) {
        let metrics = &self.lane.metrics;
        metrics.commits.inc();
        metrics.records.inc_by(u64::from(header.count));
        metrics.written_bytes.inc_by(header.total_bytes());
        metrics.batch_records.observe(f64::from(header.count));
        metrics.commit_seconds.observe(took.as_secs_f64());
    }

    fn done(&self, filling: Filling) {
        let mut queue = self.lane.queue.lock();
        queue.done(filling);
        let evicted = queue.known.take_evicted();
        let (bytes, keys) = (queue.bytes, queue.known.len());
        drop(queue);
        self.lane.metrics.keys_evicted.inc_by(evicted);
        self.lane.metrics.queue_bytes.set(bytes as i64);
        self.lane.metrics.keys.set(keys as i64);
    }

    /// Notes durably that everything so far was durable.
    pub(crate) fn mark(&mut self, kind: BatchKind) -> Result<(), CommitError> {
        self.mark_due = false;
        let Some(active) = &mut self.active else {
            return Ok(());
        };
        let footer = Footer::bytes(active.segment.known_index_len(), active.keys.len());
        // The last room is for the mark of the end. Without one, the next segment's first batch
        // does as well, or the next opening scans.
        let room = if kind == BatchKind::Mark {
            2 * MARK_ROOM
        } else {
            MARK_ROOM
        };
        if active.page.is_some() || active.end + room + footer > active.segment.file_bytes {
            return Ok(());
        }
        let header = BatchHeader {
            kind,
            body_bytes: 0,
            count: 0,
            first: self.lane.here.durable().next(),
            epoch: active.segment.epoch,
            base: Timestamp::EPOCH,
        };
        let bytes = header.encode(active.segment.keys, active.end);
        write(&self.lane, active, &bytes)?;
        active.end += header.total_bytes();
        active.segment.append(&header, TimeRange::NONE);
        Ok(())
    }

    /// Notes durably that the lane ended in order.
    pub(crate) fn close(&mut self) {
        if let Err(error) = self.mark(BatchKind::Close) {
            self.lane.fail(error);
        }
    }
}

/// Writes `bytes` at the end of the segment, with its first page if that is still missing, and
/// flushes them. A segment is shown to readers once it holds something durable.
fn write(lane: &LaneLog, active: &mut Active, bytes: &[u8]) -> Result<(), CommitError> {
    let name = &active.segment.name;
    let written = match &mut active.page {
        None => active.file.write_at(bytes, active.end),
        Some(page) => {
            page.extend_from_slice(bytes);
            active.file.write_at(page, 0)
        }
    };
    written.map_err(|error| lane.commit_error(Failing::Write, name, &error))?;
    let synced = active.file.sync_data();
    synced.map_err(|error| lane.commit_error(Failing::Sync, name, &error))?;
    if active.page.take().is_some() {
        lane.segments.push(Arc::clone(&active.segment));
    }
    Ok(())
}
