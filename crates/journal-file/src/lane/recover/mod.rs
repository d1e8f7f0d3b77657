//! Opening a lane: what is there, what of it holds, and where it goes on.
//!
//! Sealed segments are trusted by their seal. What is not sealed is scanned. Bytes that are no batch
//! are a torn tail only if nothing proves that they were ever durable: no later batch, no mark, no
//! stored state. Anything else is damage: it is reported, kept where it is, and never served.

mod inventory;
mod keys;
mod pass;
mod scan;
mod state_file;
mod tail;
mod unused;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use spica_journal_format::{Ledger, Secret, State, TimeRange};
use spica_model::{Epoch, Lane, Seq, Timestamp};
use spica_storage::{File, Storage};

use self::pass::Pass;
use super::damage::Describe;
use super::keeper::Spare;
use super::keys::KnownKeys;
use super::roll::{Active, Full};
use super::shelf::Prepared;
use super::trusted::at_opening;
use crate::OpenError;
use crate::names;
use crate::options::Limits;
use crate::report::LaneReport;
use crate::segment::Segment;
use crate::small_files;

pub(crate) use self::inventory::{SegmentFile, take as take_inventory};
pub(crate) use self::scan::{Scanned, Scanner, rebuild_header};
pub(crate) use self::state_file::{open as open_state, read as read_state};

/// What the files are gone over for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To open the lane: sealed segments are trusted, what a crash has left is put in order.
    Open,
    /// To verify it: nothing is trusted, and nothing is changed.
    Look,
}

/// What a lane is opened with.
pub(crate) struct Opening<'a> {
    pub(crate) lane: Lane,
    pub(crate) storage: &'a Arc<dyn Storage>,
    pub(crate) secret: Secret,
    pub(crate) limits: &'a Limits,
    pub(crate) now: Timestamp,
    pub(crate) epoch: Epoch,
    pub(crate) purpose: Purpose,
}

/// A lane as it was recovered.
pub(crate) struct Recovered {
    pub(crate) report: LaneReport,
    pub(crate) ledger: Ledger,
    pub(crate) state_file: Box<dyn File>,
    pub(crate) state: State,
    pub(crate) last: Seq,
    pub(crate) reigns: Vec<(Epoch, Seq)>,
    /// The time by which records and keys count as old.
    pub(crate) now: Timestamp,
    pub(crate) known: KnownKeys,
    pub(crate) segments: VecDeque<Arc<Segment>>,
    /// Sealed segments that were trusted.
    pub(crate) trusted: Vec<Arc<Segment>>,
    pub(crate) active: Option<Active>,
    pub(crate) full: Vec<Full>,
    pub(crate) prepared: VecDeque<Prepared>,
    pub(crate) spares: Vec<Spare>,
    pub(crate) next_number: u64,
}

/// Recovers a lane.
pub(crate) fn recover(opening: &Opening<'_>) -> Result<Recovered, OpenError> {
    let storage = &**opening.storage;
    // Names that can be seen may not be durable yet, and what is written to such files would be lost
    // with them.
    storage
        .sync_directory()
        .map_err(OpenError::io(storage.describe(""), "made durable"))?;
    let ledger = small_files::load_ledger(storage)?;
    let found = state_file::open(storage)?;
    let inventory = take_inventory(storage, opening.lane, &opening.secret)?;
    let describe = Describe {
        lane: opening.lane,
        storage,
        ledger: &ledger,
    };
    let mut pass = Pass::new(opening, describe, &found.state, found.stale);
    pass.run(inventory)?;
    if found.lost && !pass.segments.is_empty() {
        let what = "it is missing or damaged: the places of all consumers are lost";
        pass.note(names::STATE, 0, what);
    }
    let now = trusted_now(opening, &pass.segments);
    let known = keys::load(opening, &pass, now)?;
    let reigns = reigns(&found.state, &pass.segments, opening.epoch, pass.expected);
    pass.finish_report();
    let report = pass.report;
    Ok(Recovered {
        last: report.last,
        report,
        state_file: found.file,
        state: found.state,
        reigns,
        now,
        known,
        segments: pass.segments,
        trusted: pass.trusted,
        active: pass.active,
        full: pass.full,
        prepared: pass.prepared,
        spares: pass.spares,
        next_number: pass.next_number,
        ledger,
    })
}

/// What a look at a lane has found.
pub(crate) struct Looked {
    pub(crate) report: LaneReport,
    /// Numbers of segments in which something is damaged.
    pub(crate) damaged_segments: BTreeSet<u64>,
    pub(crate) ledger: Ledger,
    /// Why the lane cannot be opened, if so.
    pub(crate) refusal: Option<OpenError>,
    /// A record that is known to have been durable.
    pub(crate) proven: Seq,
}

/// Goes over all bytes of a lane and changes nothing.
pub(crate) fn look(opening: &Opening<'_>) -> Result<Looked, OpenError> {
    let storage = &**opening.storage;
    let ledger = small_files::load_ledger(storage)?;
    // Before the segments: beside a running node, they may only be ahead of it.
    let (state, stale) = state_file::read(storage)?;
    let inventory = take_inventory(storage, opening.lane, &opening.secret)?;
    let describe = Describe {
        lane: opening.lane,
        storage,
        ledger: &ledger,
    };
    let mut pass = Pass::new(opening, describe, &state, stale);
    let refusal = match pass.run(inventory) {
        Ok(()) => None,
        Err(error @ (OpenError::TailDamaged { .. } | OpenError::SegmentMissing { .. })) => {
            Some(error)
        }
        Err(error) => return Err(error),
    };
    let (report, damaged_segments, proven) = pass.into_report();
    Ok(Looked {
        report,
        damaged_segments,
        ledger,
        refusal,
        proven,
    })
}

/// The time by which records and keys count as old: what the clock shows, unless that would make
/// everything old.
fn trusted_now(opening: &Opening<'_>, segments: &VecDeque<Arc<Segment>>) -> Timestamp {
    let known = segments.iter().rev().map(|segment| segment.extent());
    let newest = known
        .map(|extent| extent.received)
        .find(|received| *received != TimeRange::NONE)
        .map(|received| received.latest);
    at_opening(opening.now, newest, opening.limits.retention_age)
}

/// Which epochs began where: what was stored, what the segments say, and the epoch that begins now.
fn reigns(
    state: &State,
    segments: &VecDeque<Arc<Segment>>,
    epoch: Epoch,
    next: Seq,
) -> Vec<(Epoch, Seq)> {
    let of_segments = segments
        .iter()
        .map(|segment| (segment.epoch, segment.first));
    let mut reigns: Vec<(Epoch, Seq)> = Vec::new();
    for (epoch, first) in state
        .reigns
        .iter()
        .copied()
        .chain(of_segments)
        .chain([(epoch, next)])
    {
        if reigns.last().is_none_or(|(last, _)| *last < epoch) {
            reigns.push((epoch, first));
        }
    }
    reigns
}
