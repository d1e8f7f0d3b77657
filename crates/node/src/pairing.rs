//! This node as one of a pair: what is different about starting, and what is done to its journal
//! between two lives.

use std::path::Path;
use std::sync::Arc;

use spica_clock::SharedClock;
use spica_journal_file::{
    FileJournal, Fresh, OpenError, Options, RecoveryReport, cut_after, reset_lane,
};
use spica_link_pair::{Memory, PairHandle, Remembered, Restart, Shows};
use spica_model::{Lane, Seq, Timestamp, Topic};
use spica_objects::PictureStore;
use spica_role::{Alone, SharedRole};
use spica_views::Views;

use crate::NodeError;
use crate::config::Config;

/// The pair if this node is one of one, and its role.
pub(crate) fn start(
    config: &Config,
    data_dir: &Path,
    journal: &Arc<FileJournal>,
    views: &Arc<Views>,
    pictures: &PictureStore,
    report: &RecoveryReport,
    clock: &SharedClock,
) -> Result<(Option<PairHandle>, SharedRole), NodeError> {
    let Some(settings) = &config.pair else {
        return Ok((None, Arc::new(Alone)));
    };
    let first = |lane: Lane| {
        let damaged = report.lanes[lane.index()].damaged.iter();
        damaged.map(|damage| damage.from).min()
    };
    let deps = spica_link_pair::Deps {
        journal: Arc::clone(journal),
        clock: Arc::clone(clock),
        node: config.node.path.clone(),
        data_dir: data_dir.to_owned(),
        journal_dir: data_dir.join("journal"),
        pictures: pictures.clone(),
        shows: Arc::new(Shown(Arc::clone(views))),
        base: std::path::PathBuf::new(),
        damaged: Lane::ALL.map(first),
    };
    let pair = PairHandle::start(settings, deps).map_err(|error| NodeError::part("pair", error))?;
    let role = pair.role();
    pictures.share_with(Arc::new(pair.pictures()));
    Ok((Some(pair), role))
}

/// What the views show, for the pair.
struct Shown(Arc<Views>);

impl Shows for Shown {
    fn applied(&self, lane: Lane) -> Seq {
        self.0.status().applied[lane.index()]
    }

    fn received(&self, topic: &Topic) -> Option<Timestamp> {
        self.0.last(topic).map(|record| record.received)
    }
}

/// Opens the journal. One of a pair whose lane has lost its end gives up what is behind it: the
/// partner has it, and this node serves nobody before it has it too.
pub(crate) fn open_journal(
    config: &Config,
    options: &Options,
    data_dir: &Path,
    clock: &SharedClock,
) -> Result<(Arc<FileJournal>, RecoveryReport), NodeError> {
    let dir = data_dir.join("journal");
    loop {
        let error = match FileJournal::open(options.clone(), &dir, Arc::clone(clock)) {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        let (lane, last) = match &error {
            OpenError::TailDamaged {
                lane, recovered, ..
            }
            | OpenError::SegmentMissing {
                lane, recovered, ..
            } if config.pair.is_some() => (*lane, *recovered),
            _ => return Err(error.into()),
        };
        tracing::error!(%lane, %error, "the end of the lane is lost: it comes again from the partner");
        shorten(data_dir, lane, last, clock)?;
    }
}

/// Does what the pair wants done before the node begins again.
///
/// # Errors
/// If the journal cannot be changed.
pub(crate) fn mend(
    data_dir: &Path,
    restart: &Restart,
    clock: &SharedClock,
) -> Result<(), NodeError> {
    match restart {
        Restart::Again(_) => Ok(()),
        Restart::Cut { lane, common } => shorten(data_dir, *lane, *common, clock),
        Restart::Anew {
            lane,
            first,
            reigns,
        } => {
            forget(data_dir)?;
            let fresh = Fresh {
                first: *first,
                reigns: reigns.clone(),
                put_aside: true,
            };
            let report = reset_lane(&data_dir.join("journal"), *lane, &fresh, clock)
                .map_err(|error| NodeError::part("journal", error))?;
            tracing::warn!(%lane, %first, put_aside = report.put_aside, "the lane begins anew");
            Ok(())
        }
    }
}

/// Cuts a lane. First the node notes that it no longer holds everything.
fn shorten(data_dir: &Path, lane: Lane, common: Seq, clock: &SharedClock) -> Result<(), NodeError> {
    forget(data_dir)?;
    let report = cut_after(&data_dir.join("journal"), lane, common, clock)
        .map_err(|error| NodeError::part("journal", error))?;
    tracing::warn!(
        %lane, last = %report.last, put_aside = report.put_aside, file = ?report.aside,
        "the lane was cut"
    );
    Ok(())
}

fn forget(data_dir: &Path) -> Result<(), NodeError> {
    let lacks = Remembered {
        lacks: true,
        ..Remembered::default()
    };
    Memory::new(data_dir)
        .store(lacks)
        .map_err(|error| NodeError::part("pair", error))
}
