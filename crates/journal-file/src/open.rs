//! Opening both lanes: what they have in common first, then each on its own.

use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use spica_clock::SharedClock;
use spica_journal::Watermark;
use spica_journal_format::{Meta, Secret};
use spica_model::{Epoch, Lane};
use spica_storage::Storage;

use crate::OpenError;
use crate::lane::LaneLog;
use crate::lane::commit::Committer;
use crate::lane::cursors::Cursors;
use crate::lane::keeper::{Chores, Keeper};
use crate::lane::queue::Queue;
use crate::lane::recent::Recent;
use crate::lane::recover::{Opening, Purpose, Recovered, recover};
use crate::lane::shelf::Shelf;
use crate::ledger;
use crate::names;
use crate::options::{Limits, Options};
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

pub(crate) fn open(
    options: &Options,
    storages: &[Arc<dyn Storage>; 2],
    clock: &SharedClock,
) -> Result<Opened, OpenError> {
    let begun = clock.monotonic();
    let limits = options.settings.lanes()?;
    let meta = load_or_create_meta(storages, options.epoch, clock)?;
    // The lanes know nothing of each other, so they can be recovered side by side.
    let [critical, normal] = std::thread::scope(|scope| {
        let threads = Lane::ALL.map(|lane| {
            let (storage, limits) = (&storages[lane.index()], &limits[lane.index()]);
            let now = clock.wall();
            scope.spawn(move || {
                let (secret, epoch) = (meta.secret, meta.epoch);
                let purpose = Purpose::Open;
                recover(&Opening {
                    lane,
                    storage,
                    secret,
                    limits,
                    now,
                    epoch,
                    purpose,
                })
            })
        });
        threads.map(|thread| {
            thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    });
    let (critical, normal) = (critical?, normal?);
    let lanes = [critical.report.clone(), normal.report.clone()];
    let [of_critical, of_normal] = limits;
    let lane = |lane: Lane, limits, recovered| {
        let storage = Arc::clone(&storages[lane.index()]);
        assemble(
            options,
            lane,
            storage,
            clock,
            limits,
            meta.secret,
            recovered,
        )
    };
    let report = RecoveryReport {
        lanes,
        took: clock.monotonic() - begun,
    };
    report.lanes.iter().for_each(log);
    let lanes = [
        lane(Lane::Critical, of_critical, critical),
        lane(Lane::Normal, of_normal, normal),
    ];
    Ok(Opened {
        lanes,
        meta,
        report,
    })
}

fn log(report: &LaneReport) {
    if report.damaged.is_empty() && report.notes.is_empty() {
        tracing::info!("journal opened: {report}");
    } else {
        tracing::error!("journal opened with damage: {report}");
    }
}

fn assemble(
    options: &Options,
    lane: Lane,
    storage: Arc<dyn Storage>,
    clock: &SharedClock,
    limits: Limits,
    secret: Secret,
    recovered: Recovered,
) -> OpenedLane {
    let metrics = options.metrics.lane(lane);
    metrics
        .torn_tails
        .inc_by(u64::from(recovered.report.torn.is_some()));
    metrics
        .damaged_ranges
        .inc_by(recovered.report.damaged.len() as u64);
    let lane_key = secret.lane_key(lane);
    // What was recovered needs a mark as much as what is written.
    let mark_due = !recovered.report.clean;
    let next = recovered.last.next();
    let queue = Queue::new(
        lane,
        lane_key,
        next,
        recovered.reigns,
        recovered.known,
        &limits,
    );
    let log = Arc::new(LaneLog {
        lane,
        storage,
        clock: Arc::clone(clock),
        secret,
        metrics,
        ledger: recovered.ledger,
        queue: Mutex::new(queue),
        work: Condvar::new(),
        watermark: Arc::new(Watermark::new(recovered.last)),
        recent: Recent::new(limits.recent_bytes),
        segments: SegmentMap::new(recovered.segments),
        shelf: Shelf::new(recovered.prepared),
        chores: Chores::default(),
        cursors: Cursors::new(recovered.state_file, recovered.state),
        damages: Mutex::new(recovered.report.damaged),
        held: Mutex::new(None),
        limits,
    });
    recovered
        .full
        .into_iter()
        .for_each(|full| log.chores.seal(full));
    let committer = Committer::new(Arc::clone(&log), recovered.active, mark_due);
    let next_number = recovered.next_number;
    let keeper = Keeper::new(
        Arc::clone(&log),
        next_number,
        recovered.spares,
        recovered.trusted,
    );
    OpenedLane {
        log,
        committer,
        keeper,
    }
}

/// What the lanes have in common. Either copy will do; the other one is made good.
fn load_or_create_meta(
    storages: &[Arc<dyn Storage>; 2],
    epoch: Option<Epoch>,
    clock: &SharedClock,
) -> Result<Meta, OpenError> {
    let found = [
        ledger::load_meta(&*storages[0])?,
        ledger::load_meta(&*storages[1])?,
    ];
    let meta = match found {
        [Some(one), Some(other)] if one.secret != other.secret => {
            return Err(OpenError::Foreign {
                file: storages[1].describe(names::META),
            });
        }
        [Some(one), Some(other)] if one.epoch < other.epoch => other,
        [Some(meta), _] | [None, Some(meta)] => meta,
        [None, None] => create_meta(storages, clock)?,
    };
    let asked = epoch.unwrap_or(meta.epoch);
    if asked < meta.epoch {
        return Err(OpenError::OldEpoch {
            asked: asked.0,
            newest: meta.epoch.0,
        });
    }
    let meta = Meta {
        epoch: asked,
        ..meta
    };
    for (storage, found) in storages.iter().zip(found) {
        if found != Some(meta) {
            ledger::store_meta(&**storage, &meta)?;
        }
    }
    Ok(meta)
}

/// A new journal; refused where there are segments already, which need the `meta` they began with.
fn create_meta(storages: &[Arc<dyn Storage>; 2], clock: &SharedClock) -> Result<Meta, OpenError> {
    for storage in storages {
        let listed = storage
            .list()
            .map_err(OpenError::io(storage.describe(""), "listed"))?;
        if listed
            .iter()
            .any(|file| names::segment_number(&file.name).is_some())
        {
            return Err(OpenError::MetaLost {
                file: storage.describe(names::META),
            });
        }
    }
    let mut secret = [0; 16];
    getrandom::fill(&mut secret).map_err(|error| {
        OpenError::Settings(format!("the system gives no random bytes: {error}"))
    })?;
    Ok(Meta {
        secret: Secret(secret),
        epoch: Epoch::FIRST,
        created: clock.wall(),
    })
}
