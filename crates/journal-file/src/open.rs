//! Opening both lanes: what they have in common first, then each on its own.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use spica_clock::SharedClock;
use spica_journal::Watermark;
use spica_journal_format::Meta;
use spica_model::Lane;
use spica_storage::Storage;

use crate::OpenError;
use crate::cut;
use crate::lane::LaneLog;
use crate::lane::commit::Committer;
use crate::lane::cursors::Cursors;
use crate::lane::gate::Gate;
use crate::lane::keeper::{Chores, Keeper};
use crate::lane::precedence::Precedence;
use crate::lane::queue::Queue;
use crate::lane::recent::Recent;
use crate::lane::recover::{Opening, Purpose, Recovered, recover};
use crate::lane::shelf::Shelf;
use crate::lane::trusted::TrustedTime;
use crate::meta;
use crate::options::Options;
use crate::report::{LaneReport, RecoveryReport};
use crate::segment::SegmentMap;

/// A journal that is open, but whose threads do not run yet.
pub(crate) struct Opened {
    pub(crate) lanes: [OpenedLane; 2],
    pub(crate) meta: Meta,
    pub(crate) report: RecoveryReport,
}

/// A lane that is open, and what its threads will run.
pub(crate) struct OpenedLane {
    pub(crate) log: Arc<LaneLog>,
    pub(crate) committer: Committer,
    pub(crate) keeper: Keeper,
}

/// Opens both lanes.
pub(crate) fn open(
    options: &Options,
    storages: &[Arc<dyn Storage>; 2],
    clock: &SharedClock,
) -> Result<Opened, OpenError> {
    let begun = clock.monotonic();
    let limits = options.settings.lanes()?;
    cut::finish_all(storages)?;
    let meta = meta::load_or_create(storages, options.epoch, clock)?;
    let openings = Lane::ALL.map(|lane| Opening {
        lane,
        storage: &storages[lane.index()],
        secret: meta.secret,
        limits: &limits[lane.index()],
        now: clock.wall(),
        epoch: meta.epoch,
        purpose: Purpose::Open,
    });
    let [critical, normal] = recover_both(&openings);
    let (critical, normal) = (critical?, normal?);
    let lanes = [critical.report.clone(), normal.report.clone()];
    let report = RecoveryReport {
        lanes,
        took: clock.monotonic() - begun,
    };
    report.lanes.iter().for_each(log);
    let [of_critical, of_normal] = &openings;
    let give_way = options.settings.give_way.as_duration();
    let precedence = Arc::new(Precedence::new(give_way));
    let lanes = [
        assemble(options, of_critical, clock, critical, &precedence),
        assemble(options, of_normal, clock, normal, &precedence),
    ];
    Ok(Opened {
        lanes,
        meta,
        report,
    })
}

/// The lanes know nothing of each other, so they can be recovered side by side.
fn recover_both(openings: &[Opening<'_>; 2]) -> [Result<Recovered, OpenError>; 2] {
    std::thread::scope(|scope| {
        let threads = openings
            .each_ref()
            .map(|opening| scope.spawn(move || recover(opening)));
        threads.map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })
}

fn log(report: &LaneReport) {
    if report.damaged.is_empty() && report.notes.is_empty() {
        tracing::info!("journal opened: {report}");
    } else {
        tracing::error!("journal opened with damage: {report}");
    }
}

/// Builds a lane from what was recovered.
fn assemble(
    options: &Options,
    opening: &Opening<'_>,
    clock: &SharedClock,
    recovered: Recovered,
    precedence: &Arc<Precedence>,
) -> OpenedLane {
    let Opening {
        lane,
        secret,
        limits,
        ..
    } = *opening;
    let Recovered {
        report,
        last,
        reigns,
        known,
        active,
        ..
    } = recovered;
    let metrics = options.metrics.lane(lane);
    metrics.torn_tails.inc_by(u64::from(report.torn.is_some()));
    metrics.damaged_ranges.inc_by(report.damaged.len() as u64);
    let lane_key = secret.lane_key(lane);
    let log = Arc::new(LaneLog {
        lane,
        storage: Arc::clone(opening.storage),
        clock: Arc::clone(clock),
        secret,
        metrics,
        ledger: recovered.ledger,
        queue: Mutex::new(Queue::new(
            lane,
            lane_key,
            last.next(),
            reigns,
            known,
            limits,
        )),
        work: Condvar::new(),
        watermark: Arc::new(Watermark::new(last)),
        here: Arc::new(Watermark::new(last)),
        staged: Arc::new(Watermark::new(last)),
        gate: Gate::new(last),
        recent: Recent::new(limits.recent_bytes),
        segments: SegmentMap::new(recovered.segments),
        shelf: Shelf::new(recovered.prepared),
        chores: Chores::default(),
        cursors: Cursors::new(recovered.state_file, recovered.state),
        trusted: Mutex::new(TrustedTime::new(recovered.now, clock.monotonic())),
        damages: Mutex::new(report.damaged),
        held: Mutex::new(None),
        limits: limits.clone(),
    });
    recovered
        .full
        .into_iter()
        .for_each(|full| log.chores.seal(full));
    // What was recovered needs a mark as much as what is written.
    let committer = Committer::new(
        Arc::clone(&log),
        active,
        !report.clean,
        Arc::clone(precedence),
    );
    let Recovered {
        next_number,
        spares,
        trusted,
        ..
    } = recovered;
    let keeper = Keeper::new(Arc::clone(&log), next_number, spares, trusted);
    OpenedLane {
        log,
        committer,
        keeper,
    }
}
