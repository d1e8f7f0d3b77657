//! `bench disk`: what the disk itself takes for one durable append, the floor of every
//! acknowledgement.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::figures::Latencies;

/// What is written each time: one page, as file systems count.
const BLOCK_BYTES: usize = 4_096;
/// Appends that are not counted, at the beginning.
const WARM_UP: usize = 100;

/// The floor, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Report {
    /// Appending 4 KiB to a growing file and `fdatasync`, median.
    pub append_fdatasync_us_p50: f64,
    /// The same, 99th percentile.
    pub append_fdatasync_us_p99: f64,
    /// Overwriting 4 KiB of space that was written before, and `fdatasync`, median.
    pub overwrite_fdatasync_us_p50: f64,
    /// The same, 99th percentile.
    pub overwrite_fdatasync_us_p99: f64,
    /// How many of each were measured.
    pub rounds: usize,
}

/// Measures `rounds` appends and as many overwrites in `dir`.
///
/// # Errors
/// If the directory cannot be written.
pub fn run(dir: &Path, rounds: usize) -> Result<Report> {
    let path = dir.join("spica-bench-disk");
    let open = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        options
            .open(&path)
            .with_context(|| format!("cannot create {}", path.display()))
    };
    let [append_p50, append_p99] = measure(&open()?, rounds)?.micros([0.5, 0.99]);
    let file = open()?;
    let zeros = vec![0; BLOCK_BYTES * (rounds + WARM_UP)];
    file.write_all_at(&zeros, 0)?;
    file.sync_all()?;
    let [over_p50, over_p99] = measure(&file, rounds)?.micros([0.5, 0.99]);
    std::fs::remove_file(&path)?;
    Ok(Report {
        append_fdatasync_us_p50: append_p50,
        append_fdatasync_us_p99: append_p99,
        overwrite_fdatasync_us_p50: over_p50,
        overwrite_fdatasync_us_p99: over_p99,
        rounds,
    })
}

fn measure(file: &File, rounds: usize) -> Result<Latencies> {
    let mut latencies = Latencies::with_capacity(rounds);
    for round in 0..rounds + WARM_UP {
        // Other bytes each time: a disk that compresses or compares must not profit.
        let block = [(round % 251) as u8 + 1; BLOCK_BYTES];
        let begun = Instant::now();
        file.write_all_at(&block, (round * BLOCK_BYTES) as u64)?;
        file.sync_data().context("fdatasync failed")?;
        if round >= WARM_UP {
            latencies.add(begun.elapsed());
        }
    }
    Ok(latencies)
}
