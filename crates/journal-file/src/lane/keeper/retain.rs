//! Retention: whole sealed segments, the oldest first, and none that a durable cursor still needs.

use std::sync::Arc;
use std::time::Duration;

use spica_journal::CommitError;
use spica_model::Seq;

use super::Spare;
use crate::lane::{Failing, LaneLog};
use crate::names;
use crate::segment::Segment;

/// How long before its time a segment counts as retiring, at most.
const AHEAD_MAX: Duration = Duration::from_mins(10);

/// A cursor that keeps segments past their retention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    /// The consumer.
    pub(crate) cursor: String,
    /// Where it stands.
    pub(crate) seq: Seq,
    /// How many segments it keeps.
    pub(crate) segments: usize,
}

/// Retires what is due; returns the files that are free now.
pub(super) fn retain(
    lane: &Arc<LaneLog>,
    held: &mut Option<Held>,
) -> Result<Vec<Spare>, CommitError> {
    let due = due(lane);
    let slowest = lane.cursors.slowest();
    let free = due.partition_point(|segment| {
        slowest
            .as_ref()
            .is_none_or(|(_, seq)| segment.last() <= *seq)
    });
    let now_held = slowest
        .filter(|_| free < due.len())
        .map(|(cursor, seq)| Held {
            cursor,
            seq,
            segments: due.len() - free,
        });
    note_held(lane, held, now_held);
    retire(lane, &due[..free])
}

/// The segments that are past their retention, oldest first.
fn due(lane: &LaneLog) -> Vec<Arc<Segment>> {
    let limits = &lane.limits;
    beyond(lane, limits.retention_age, limits.retention_bytes)
}

impl LaneLog {
    /// See [`spica_journal::Journal::retiring`]: somewhat earlier than retention acts, so that it
    /// rarely finds a consumer that must do something first.
    pub(crate) fn retiring(&self) -> Seq {
        let limits = &self.limits;
        let ahead = (limits.retention_age / 16).min(AHEAD_MAX);
        let room = limits.segment_bytes.min(limits.retention_bytes / 8);
        let segments = beyond(
            self,
            limits.retention_age - ahead,
            limits.retention_bytes - room,
        );
        segments.last().map_or(Seq::ZERO, |segment| segment.last())
    }
}

/// The sealed segments that are older than `age` or more than `bytes_max` together, oldest first. The
/// newest segment is never one of them: it says where the lane ends.
fn beyond(lane: &LaneLog, age: Duration, bytes_max: u64) -> Vec<Arc<Segment>> {
    let mut segments = lane.segments.all();
    segments.pop();
    let mut bytes = lane.segments.bytes();
    let now = lane.trusted_now();
    let due = segments.iter().take_while(|segment| {
        let extent = segment.extent();
        let old = now.since(segment.newest()) > age;
        let due = extent.seal.is_some() && (old || bytes > bytes_max);
        bytes -= segment.file_bytes;
        due
    });
    let due = due.count();
    segments.truncate(due);
    segments
}

/// Says once per change that a cursor holds retention back.
fn note_held(lane: &LaneLog, held: &mut Option<Held>, now: Option<Held>) {
    lane.metrics
        .segments_held
        .set(now.as_ref().map_or(0, |held| held.segments as i64));
    if *held == now {
        return;
    }
    match &now {
        Some(Held {
            cursor,
            seq,
            segments,
        }) => tracing::warn!(
            lane = %lane.lane, cursor, %seq, segments,
            "records past their retention are kept for a consumer that is behind: see why it does \
             not go on, or remove its cursor"
        ),
        None => tracing::info!(lane = %lane.lane, "no consumer holds retention back any more"),
    }
    *lane.held.lock() = now.clone();
    *held = now;
}

/// Takes the oldest segments out of use: first the state says durably that they may be missing, then
/// they lose their names. Readers find them retired from the first moment.
fn retire(lane: &LaneLog, segments: &[Arc<Segment>]) -> Result<Vec<Spare>, CommitError> {
    let Some(newest) = segments.last() else {
        return Ok(Vec::new());
    };
    for segment in segments {
        segment.retire();
        lane.segments.remove_oldest(segment);
    }
    lane.recent.forget_before(newest.last().next());
    if lane.store_state().is_err() {
        // They are out of use for this run; the next one finds them again, whole.
        return Ok(Vec::new());
    }
    let spares = rename_all(lane, segments)?;
    lane.metrics.segments_retired.inc_by(segments.len() as u64);
    tracing::info!(
        lane = %lane.lane, segments = segments.len(), first = %newest.last().next(),
        "segments past their retention were retired"
    );
    Ok(spares)
}

fn rename_all(lane: &LaneLog, segments: &[Arc<Segment>]) -> Result<Vec<Spare>, CommitError> {
    let mut spares = Vec::with_capacity(segments.len());
    for segment in segments {
        let name = names::spare(segment.number);
        let renamed = lane.storage.rename(&segment.name, &name);
        renamed.map_err(|error| lane.commit_error(Failing::Write, &segment.name, &error))?;
        spares.push(Spare {
            name,
            bytes: segment.file_bytes,
        });
    }
    let synced = lane.storage.sync_directory();
    synced.map_err(|error| lane.commit_error(Failing::Sync, names::STATE, &error))?;
    Ok(spares)
}
