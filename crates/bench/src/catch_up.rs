//! `bench catch-up`: how long a passive that was away takes until it holds everything again, while
//! the active serves as fast as it can.
//!
//! Set up as `bench pair`. The passive is killed, the active goes on alone and takes in what the
//! passive will lack; then the passive starts, and the load goes on until the active says that it is
//! complete. The load is that of the active alone, which waits for nobody: catching up means to be
//! faster.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use serde::Serialize;
use spica_fixture::Side;
use spica_journal::Journal as _;

use crate::figures::round;
use crate::ingest::{Load, drive};
use crate::pair::{Half, Laid, Passive, is_complete, lay};

/// The load goes on in such parts.
const PART: Duration = Duration::from_millis(100);

/// What was measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Report {
    /// How many records the passive lacked when it started.
    pub behind: u64,
    /// From the start of its process until the active said that it is complete, s.
    pub catch_up_s: f64,
    /// Records that the active acknowledged per second, alone, before.
    pub alone_msgs_per_s: f64,
    /// The same meanwhile.
    pub meanwhile_msgs_per_s: f64,
}

/// Measures in `dir`, with a passive that lacks `behind` records or a few more. `load.duration` is
/// not looked at. `passive` is called twice for how this program is started as [`crate::pair::follow`].
///
/// # Errors
/// If the two do not become a pair, twice.
pub fn run(dir: &Path, load: Load, behind: u64, passive: impl Fn() -> Command) -> Result<Report> {
    let Laid { own, partner } = lay(dir)?;
    let start = || Passive::start(passive(), &dir.join("backup"), partner, own);
    let first = start()?;
    let half = Half::start(&dir.join("primary"), Side::Primary, own, partner)?;
    half.complete()?;
    drop(first);
    half.stands(|standing| standing.gate == "solo")?;
    let from = half.journal.status(load.lane).last.0;
    let begun = Instant::now();
    while half.journal.status(load.lane).last.0 - from < behind {
        drive(&*half.journal, load, PART)?;
    }
    let lacks = half.journal.status(load.lane).last.0 - from;
    let alone = lacks as f64 / begun.elapsed().as_secs_f64();
    let stop = Arc::new(AtomicBool::new(false));
    let (journal, stopped) = (Arc::clone(&half.journal), Arc::clone(&stop));
    let begun = Instant::now();
    let client = std::thread::Builder::new().name("client".into());
    let client = client.spawn(move || {
        let mut acknowledged = 0;
        while !stopped.load(Ordering::Relaxed) {
            acknowledged += drive(&*journal, load, PART)?.count();
        }
        Ok::<_, anyhow::Error>((acknowledged, begun.elapsed()))
    });
    let client = client.context("no thread for the client")?;
    let second = start()?;
    let complete = half.stands(is_complete);
    let took = begun.elapsed();
    stop.store(true, Ordering::Relaxed);
    let served = client
        .join()
        .map_err(|_| anyhow!("the client has panicked"))?;
    complete?;
    drop(second);
    let (acknowledged, elapsed) = served?;
    Ok(Report {
        behind: lacks,
        catch_up_s: round(took.as_secs_f64() * 10.0) / 10.0,
        alone_msgs_per_s: round(alone),
        meanwhile_msgs_per_s: round(acknowledged as f64 / elapsed.as_secs_f64()),
    })
}
