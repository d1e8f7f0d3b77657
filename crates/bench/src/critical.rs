//! `bench critical-under-load`: the latency of critical records alone, and while the normal lane is
//! saturated.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, anyhow};
use serde::Serialize;
use spica_journal::Journal;
use spica_journal_file::{Priorities, Settings};
use spica_model::Lane;

use crate::figures::round;
use crate::ingest::{Load, drive, drive_while};

/// What was measured.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Report {
    /// A critical record at a time, nothing else: submission to acknowledgement, median, µs.
    pub critical_us_p50_alone: f64,
    /// 99th percentile, ms.
    pub critical_ms_p99_alone: f64,
    /// The same under a normal load with 1,024 records in flight, median, µs.
    pub critical_us_p50_loaded: f64,
    /// 99th percentile, ms.
    pub critical_ms_p99_loaded: f64,
    /// What the normal lane acknowledged meanwhile, per second.
    pub normal_msgs_per_s: f64,
}

/// Measures for `duration` alone and for `duration` under load, on a fresh journal in `dir` whose
/// threads have these priorities. The threads that submit have none: they are as the system made them.
///
/// # Errors
/// If the journal cannot be opened or fails.
pub fn run(dir: &Path, duration: Duration, priorities: Priorities) -> Result<Report> {
    let settings = Settings {
        priorities,
        ..Settings::default()
    };
    let journal = crate::hub::open_journal_with(settings, dir)?;
    let critical = Load {
        in_flight: 1,
        size: 128,
        duration,
        lane: Lane::Critical,
    };
    drive(&*journal, critical, duration / 10)?;
    let alone = drive(&*journal, critical, duration)?;
    let (loaded, normal_msgs_per_s) = under_load(&*journal, critical)?;
    journal.close();
    let [alone_p50, alone_p99] = alone.micros([0.5, 0.99]);
    let [loaded_p50, loaded_p99] = loaded.micros([0.5, 0.99]);
    Ok(Report {
        critical_us_p50_alone: alone_p50,
        critical_ms_p99_alone: alone_p99 / 1_000.0,
        critical_us_p50_loaded: loaded_p50,
        critical_ms_p99_loaded: loaded_p99 / 1_000.0,
        normal_msgs_per_s,
    })
}

fn under_load(journal: &dyn Journal, critical: Load) -> Result<(crate::Latencies, f64)> {
    let normal = Load {
        in_flight: 1_024,
        lane: Lane::Normal,
        ..critical
    };
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let background = scope.spawn(|| {
            let begun = std::time::Instant::now();
            let mut count = 0_u64;
            let goes_on = || !stop.load(Ordering::Relaxed);
            drive_while(journal, normal, goes_on, |_| count += 1)?;
            anyhow::Ok(round(count as f64 / begun.elapsed().as_secs_f64()))
        });
        let loaded = drive(journal, critical, critical.duration);
        stop.store(true, Ordering::Relaxed);
        let rate = background
            .join()
            .map_err(|_| anyhow!("the load's thread panicked"))??;
        Ok((loaded?, rate))
    })
}
