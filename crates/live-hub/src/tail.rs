//! The newest records of each lane, kept in memory for sessions that come back: without it each of
//! them would read the disk after a restart.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use spica_journal::{FollowError, Followed, Journal};
use spica_live::{Past, Want, compact};
use spica_live_proto::GapReason;
use spica_model::{Lane, Record, Seq, Timestamp};

/// How many records are read at once.
const CHUNK_RECORDS: usize = 1_024;

/// What a record costs beside its payload, about.
const RECORD_BYTES: usize = 300;

/// A part of a lane.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Records of one lane, in order.
    Records(Arc<[Record]>),
    /// Records that cannot be had, from the next one on to this one.
    Missing(Seq, GapReason),
}

/// The newest records of both lanes.
#[derive(Debug)]
pub(crate) struct Tail {
    lanes: [LaneTail; 2],
    most: usize,
    most_bytes: usize,
}

#[derive(Debug, Default)]
struct LaneTail {
    steps: VecDeque<(Step, Seq)>,
    /// Everything after here is kept.
    after: Seq,
    last: Seq,
    records: usize,
    bytes: usize,
}

impl Step {
    fn size(&self) -> (usize, usize) {
        match self {
            Self::Records(records) => {
                let payloads: usize = records.iter().map(|it| it.payload.len()).sum();
                (records.len(), payloads + records.len() * RECORD_BYTES)
            }
            Self::Missing(..) => (1, RECORD_BYTES),
        }
    }

    /// How many records it has.
    pub(crate) fn records(&self) -> usize {
        self.size().0
    }

    fn last(&self) -> Option<Seq> {
        match self {
            Self::Records(records) => records.last().map(|it| it.position.seq),
            Self::Missing(to, _) => Some(*to),
        }
    }
}

impl Tail {
    /// An empty tail that begins after a place of each lane.
    pub(crate) fn new(most: usize, most_bytes: usize, after: [Seq; 2]) -> Self {
        Self {
            lanes: after.map(|after| LaneTail {
                after,
                last: after,
                ..LaneTail::default()
            }),
            most: most.max(1),
            most_bytes,
        }
    }

    /// Adds what follows. The oldest goes when there is too much, but never the last step.
    pub(crate) fn push(&mut self, lane: Lane, step: Step) {
        let (most, most_bytes) = (self.most, self.most_bytes);
        let lane = &mut self.lanes[lane.index()];
        let Some(last) = step.last() else { return };
        let (records, bytes) = step.size();
        lane.steps.push_back((step, last));
        lane.last = last;
        lane.records += records;
        lane.bytes += bytes;
        while lane.steps.len() > 1 && (lane.records > most || lane.bytes > most_bytes) {
            let Some((gone, last)) = lane.steps.pop_front() else {
                return;
            };
            let (records, bytes) = gone.size();
            lane.records -= records;
            lane.bytes -= bytes;
            lane.after = last;
        }
    }

    /// What is kept of a lane, and after which place. Cheap: what is kept is shared.
    pub(crate) fn lane(&self, lane: Lane) -> (Seq, Vec<Step>) {
        let lane = &self.lanes[lane.index()];
        let steps = lane.steps.iter().map(|(step, _)| step.clone());
        (lane.after, steps.collect())
    }

    /// The place from which on nothing is older than `oldest`; `None` if that is not known here.
    pub(crate) fn since(&self, lane: Lane, oldest: Timestamp) -> Option<Seq> {
        let lane = &self.lanes[lane.index()];
        let first = lane.steps.iter().find_map(|(step, _)| match step {
            Step::Records(records) => records.first(),
            Step::Missing(..) => None,
        });
        match first {
            Some(first) => (first.received > oldest).then_some(lane.after),
            None => Some(lane.last),
        }
    }
}

/// The events that `want` wants of what a tail has kept.
pub(crate) fn past(want: &Want, after: Seq, steps: &[Step]) -> Vec<Past> {
    let mut past = Vec::new();
    let mut seen = after;
    for step in steps {
        match step {
            Step::Records(records) => {
                let wanted = records.iter().filter(|it| want.is_event(it));
                past.extend(wanted.map(|it| Past::Record(compact(it, &it.topic))));
            }
            Step::Missing(to, reason) => past.push(Past::Hole(seen.0 + 1, to.0, *reason)),
        }
        seen = step.last().unwrap_or(seen);
    }
    past
}

/// Reads a lane from the journal, after `after` and up to `to`.
///
/// # Errors
/// If the journal cannot be read.
pub(crate) fn read(
    journal: &dyn Journal,
    lane: Lane,
    after: Seq,
    to: Seq,
    mut visit: impl FnMut(Step),
) -> Result<(), FollowError> {
    if after >= to {
        return Ok(());
    }
    let mut follower = journal.follow(lane, after)?;
    while follower.after() < to {
        let left = usize::try_from(to.0 - follower.after().0).unwrap_or(usize::MAX);
        match follower.read(left.min(CHUNK_RECORDS))? {
            Followed::Records(mut records) => {
                records.retain(|it| it.position.seq <= to);
                visit(Step::Records(records.into()));
            }
            Followed::Gap { to, .. } => visit(Step::Missing(to, GapReason::Retention)),
            Followed::Damaged(damage) => visit(Step::Missing(damage.to, GapReason::Damaged)),
            Followed::UpToDate => break,
        }
    }
    Ok(())
}

/// What lies back in time by `span`.
pub(crate) fn back(now: Timestamp, span: Duration) -> Timestamp {
    now.saturating_sub(span)
}
