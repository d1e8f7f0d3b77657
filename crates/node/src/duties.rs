//! What a node does by itself, now and then.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use spica_clock::SharedClock;
use spica_journal::Journal;
use spica_journal_file::FileJournal;
use spica_model::Lane;
use spica_objects::PictureStore;
use spica_role::SharedRole;
use spica_views::DeviceService;
use tokio::time::{MissedTickBehavior, interval};

use crate::supervise::Supervisor;

/// How often commands are looked at whose time may be over.
const EXPIRY: Duration = Duration::from_secs(1);
/// How often abandoned pictures are looked for.
const SWEEP: Duration = Duration::from_secs(600);

/// Starts the duties.
pub(crate) fn start(
    supervisor: &mut Supervisor,
    role: &SharedRole,
    journal: &Arc<FileJournal>,
    devices: &Arc<DeviceService>,
    pictures: &PictureStore,
    clock: &SharedClock,
) {
    let (devices, time) = (Arc::clone(devices), Arc::clone(clock));
    let serves = Arc::clone(role);
    supervisor.run("command expiry", move || {
        let (devices, time) = (Arc::clone(&devices), Arc::clone(&time));
        while_serving(Arc::clone(&serves), move || {
            expire(Arc::clone(&devices), Arc::clone(&time))
        })
    });
    let (pictures, time) = (pictures.clone(), Arc::clone(clock));
    supervisor.run("picture sweep", move || {
        sweep(pictures.clone(), Arc::clone(&time))
    });
    if let Some(period) = sd_notify::watchdog_enabled() {
        let journal = Arc::clone(journal);
        supervisor.run("watchdog", move || {
            watchdog(Arc::clone(&journal), period / 2)
        });
    }
}

/// Runs a duty that writes while the node may.
pub(crate) async fn while_serving<F>(role: SharedRole, mut duty: impl FnMut() -> F)
where
    F: Future<Output = ()>,
{
    loop {
        role.began().await;
        tokio::select! {
            () = duty() => return,
            () = role.ended() => {}
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

async fn expire(devices: Arc<DeviceService>, clock: SharedClock) {
    let mut ticks = ticks(EXPIRY);
    loop {
        ticks.tick().await;
        match devices.expire_due(clock.wall()).await {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(count, "commands have expired: no device took them in time");
            }
            Err(error) => tracing::warn!(%error, "cannot note that commands have expired"),
        }
    }
}

async fn sweep(pictures: PictureStore, clock: SharedClock) {
    let mut ticks = ticks(SWEEP);
    loop {
        ticks.tick().await;
        match pictures.sweep(clock.wall()).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(
                count,
                "removed unfinished pictures that nobody went on with"
            ),
            Err(error) => tracing::warn!(%error, "cannot remove abandoned pictures"),
        }
    }
}

/// Feeds the watchdog while the journal takes and commits: what was placed at one look must be
/// durable at the next. A node that hangs is killed by systemd and started again.
async fn watchdog(journal: Arc<FileJournal>, period: Duration) {
    let mut ticks = ticks(period);
    let mut placed = Lane::ALL.map(|lane| journal.status(lane).last);
    loop {
        ticks.tick().await;
        let status = Lane::ALL.map(|lane| journal.status(lane));
        let answers = status
            .iter()
            .zip(placed)
            .all(|(lane, placed)| lane.durable >= placed);
        placed = status.map(|lane| lane.last);
        if !answers {
            tracing::error!(
                "the journal has committed nothing for {period:?}: the watchdog is not fed"
            );
            continue;
        }
        if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]) {
            tracing::warn!(%error, "cannot feed systemd's watchdog");
        }
    }
}
