//! The books: what a fleet was told is durable, against what the hub can show.

mod audit;
mod facts;
mod report;

use std::time::Duration;

use crate::hub::{Holes, Hub, HubError};
use crate::ledger::Outcome;
use crate::picture::sha256;

pub use audit::Audit;
pub use report::{Example, Finding, Report, Tally};

/// What the comparison looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// A critical event is late if the hub received it longer after its first sending than this.
    pub critical: Duration,
    /// The same for all other events.
    pub normal: Duration,
    /// How many pictures to download and check byte for byte; the others are checked by the hash
    /// the hub shows.
    pub downloads: usize,
    /// How many examples of each finding to give.
    pub examples: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            critical: Duration::from_secs(5),
            normal: Duration::from_secs(60),
            downloads: 200,
            examples: 5,
        }
    }
}

/// Compares a run's books with what the hub shows, within the default [`Bounds`].
///
/// # Errors
/// If the hub cannot be asked.
pub async fn compare(outcome: &Outcome, hub: &Hub) -> Result<Report, HubError> {
    compare_within(outcome, hub, Bounds::default()).await
}

/// Compares a run's books with what the hub shows. Records of other devices, and of earlier runs
/// with the same serials, are left out.
///
/// # Errors
/// If the hub cannot be asked.
pub async fn compare_within(
    outcome: &Outcome,
    hub: &Hub,
    bounds: Bounds,
) -> Result<Report, HubError> {
    let mut audit = Audit::new(outcome, hub.node(), bounds);
    // The hub's clock may lag behind the fleet's; older records of the fleet are known by their time.
    let from = outcome.started.saturating_sub(Duration::from_secs(600));
    let mut holes = Holes::default();
    holes += hub
        .history("devices/+/events/#", from, |shown| audit.event(&shown))
        .await?;
    holes += hub
        .history("devices/+/pictures", from, |shown| audit.picture(&shown))
        .await?;
    holes += hub
        .history("devices/+/commands/+", from, |shown| audit.command(&shown))
        .await?;
    for download in audit.downloads() {
        match hub.picture(&download.address).await {
            Ok(bytes) => audit.downloaded(&download, Some(&sha256(&bytes))),
            Err(HubError::Status { status: 404, .. }) => audit.downloaded(&download, None),
            Err(error) => return Err(error),
        }
    }
    Ok(audit.finish(holes))
}
