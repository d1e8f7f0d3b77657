//! The duty that appends again what still stands in records that retention is about to remove, a lane
//! each. Only for a node that may write to its journal.

use std::sync::Arc;
use std::time::Duration;

use spica_model::Lane;
use spica_role::SharedRole;
use spica_views::{RestateError, Restater, Views};
use tokio::task::JoinError;
use tokio::time::{MissedTickBehavior, interval};

use crate::duties::while_serving;
use crate::supervise::Supervisor;

/// How often it is looked whether retention wants to remove something.
const LOOK: Duration = Duration::from_secs(1);
/// The pause after a batch of copies: the disk belongs to new records first.
const PAUSE: Duration = Duration::from_millis(50);

/// Starts the duty for both lanes.
pub(crate) fn start(supervisor: &mut Supervisor, role: &SharedRole, views: &Arc<Views>) {
    for lane in Lane::ALL {
        let part = match lane {
            Lane::Critical => "restating critical",
            Lane::Normal => "restating normal",
        };
        let (role, views) = (Arc::clone(role), Arc::clone(views));
        supervisor.run(part, move || {
            let views = Arc::clone(&views);
            while_serving(Arc::clone(&role), move || restate(Arc::clone(&views), lane))
        });
    }
}

/// Restates a lane; ends when it cannot begin, or panics, to be started again.
async fn restate(views: Arc<Views>, lane: Lane) {
    let opened = off_worker(move || Restater::new(views, lane)).await;
    let mut restater = match opened {
        Ok(Ok(restater)) => restater,
        Ok(Err(error)) => return tracing::error!(%lane, %error, "{CANNOT}"),
        Err(error) => return tracing::error!(%lane, %error, "{CANNOT}"),
    };
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said = false;
    loop {
        ticks.tick().await;
        let Ok((back, outcome)) = all_there_is(restater).await else {
            return tracing::error!(%lane, "{CANNOT}");
        };
        restater = back;
        match outcome {
            Ok(()) => said = false,
            // A full queue or a slow disk: the next look tries again. Said once.
            Err(error) if !said => {
                tracing::warn!(%lane, %error, "{CANNOT}");
                said = true;
            }
            Err(_) => {}
        }
    }
}

const CANNOT: &str =
    "cannot restate what retention wants to remove: it is kept, and the journal grows";

/// Restates batch by batch until there is nothing to do.
async fn all_there_is(
    mut restater: Restater,
) -> Result<(Restater, Result<(), RestateError>), JoinError> {
    loop {
        let (mut back, found) = off_worker(move || {
            let found = restater.next_batch();
            (restater, found)
        })
        .await?;
        let batch = match found {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok((back, Ok(()))),
            Err(error) => return Ok((back, Err(error))),
        };
        let copies = batch.copies();
        if let Err(error) = back.settle(batch).await {
            return Ok((back, Err(error)));
        }
        if copies > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        restater = back;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "one piece of work per lane, which reads from disk; no acknowledgement waits for it"
)]
async fn off_worker<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, JoinError> {
    tokio::task::spawn_blocking(work).await
}
