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

use std::collections::VecDeque;
use std::sync::Arc;

use spica_journal_format::{Ledger, Secret, State};
use spica_model::{Epoch, Lane, Seq, Timestamp};
use spica_storage::{File, Mode, Storage};

use self::pass::Pass;
use super::commit::{Active, Full};
use super::damage::Describe;
use super::keeper::Spare;
use super::keys::KnownKeys;
use super::shelf::Prepared;
use crate::OpenError;
use crate::ledger;
use crate::options::Limits;
use crate::report::LaneReport;
use crate::segment::Segment;

pub(crate) use self::inventory::take as take_inventory;
pub(crate) use self::scan::{Scanned, Scanner, rebuild_header};

/// What a lane is opened with.
pub(crate) struct Opening<'a> {
    pub(crate) lane: Lane,
    pub(crate) storage: &'a Arc<dyn Storage>,
    pub(crate) secret: Secret,
    pub(crate) limits: &'a Limits,
    pub(crate) now: Timestamp,
    pub(crate) epoch: Epoch,
}

/// A lane as it was recovered.
pub(crate) struct Recovered {
    pub(crate) report: LaneReport,
    pub(crate) ledger: Ledger,
    pub(crate) state_file: Box<dyn File>,
    pub(crate) state: State,
    pub(crate) last: Seq,
    pub(crate) reigns: Vec<(Epoch, Seq)>,
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
    let ledger = ledger::load(storage)?;
    let found = state_file::open(storage)?;
    let inventory = take_inventory(storage, opening.lane, &opening.secret, Mode::Write)?;
    let describe = Describe {
        lane: opening.lane,
        storage,
        ledger: &ledger,
    };
    let mut pass = Pass::new(opening, describe, &found);
    pass.report.notes.extend(found.note.clone());
    pass.run(inventory)?;
    let known = keys::load(opening, &pass)?;
    let reigns = reigns(&found.state, &pass.segments, opening.epoch, pass.expected);
    let mut report = pass.report;
    report.last = Seq(pass.expected.0 - 1);
    report.first = pass
        .segments
        .front()
        .map_or(pass.expected, |segment| segment.first);
    report.segments = pass.segments.len();
    Ok(Recovered {
        last: report.last,
        report,
        state_file: found.file,
        state: found.state,
        reigns,
        known,
        segments: pass.segments,
        trusted: pass.trusted,
        active: pass.active,
        full: pass.full.into_iter().map(|(full, _)| full).collect(),
        prepared: pass.prepared,
        spares: pass.spares,
        next_number: pass.next_number,
        ledger,
    })
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
