//! What the disk did to somebody else meanwhile: a thread that appends to a file of its own on the
//! same disk, again and again. A wait in which this one waited too is the disk's, not the pair's.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use parking_lot::Mutex;

/// What is written each time.
const BLOCK_BYTES: usize = 4_096;
/// The file begins anew after so many blocks.
const BLOCKS: u64 = 1_024;
/// The pause between two flushes: it looks often, and is no load.
const PAUSE: Duration = Duration::from_millis(5);
/// A flush that is shorter is not remembered.
const NOTABLE: Duration = Duration::from_millis(20);

/// A flush that took long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// When it began.
    pub begun: Instant,
    /// When it was done.
    pub ended: Instant,
}

/// A thread that writes and flushes until this is dropped.
pub struct Bystander {
    stalls: Arc<Mutex<Vec<Stall>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Bystander {
    /// Begins on a file in `dir`.
    ///
    /// # Errors
    /// If the file cannot be made, or there is no thread to be had.
    pub fn start(dir: &Path) -> Result<Self> {
        let path = dir.join("bystander");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        let file = options
            .open(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        // Space that was written before, as that of a journal.
        file.write_all_at(&vec![0; BLOCK_BYTES * BLOCKS as usize], 0)?;
        file.sync_all()?;
        let (stalls, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let (noted, stopped) = (Arc::clone(&stalls), Arc::clone(&stop));
        let thread = std::thread::Builder::new().name("bystander".into());
        let thread = thread.spawn(move || watch(&file, &noted, &stopped))?;
        Ok(Self {
            stalls,
            stop,
            thread: Some(thread),
        })
    }

    /// Ends it; gives the flushes that took long.
    ///
    /// # Errors
    /// If it could not write.
    pub fn finish(mut self) -> Result<Vec<Stall>> {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread
                .join()
                .map_err(|_| anyhow!("the bystander has panicked"))??;
        }
        Ok(std::mem::take(&mut *self.stalls.lock()))
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn watch(file: &std::fs::File, stalls: &Mutex<Vec<Stall>>, stop: &AtomicBool) -> Result<()> {
    for number in 0_u64.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let block = [(number % 251) as u8 + 1; BLOCK_BYTES];
        let begun = Instant::now();
        file.write_all_at(&block, number % BLOCKS * BLOCK_BYTES as u64)?;
        file.sync_data().context("fdatasync failed")?;
        let ended = Instant::now();
        if ended - begun >= NOTABLE {
            stalls.lock().push(Stall { begun, ended });
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// For how long of the time from `from` to `to` the disk let the bystander wait.
#[must_use]
pub fn stalled(stalls: &[Stall], from: Instant, to: Instant) -> Duration {
    let overlap = |stall: &Stall| {
        let (begun, ended) = (stall.begun.max(from), stall.ended.min(to));
        ended.saturating_duration_since(begun)
    };
    stalls.iter().map(overlap).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_overlaps_counts() {
        let origin = Instant::now();
        let at = |ms| origin + Duration::from_millis(ms);
        let stall = |begun, ended| Stall {
            begun: at(begun),
            ended: at(ended),
        };
        let stalls = [stall(0, 50), stall(90, 130), stall(200, 900)];
        assert_eq!(
            stalled(&stalls, at(100), at(300)),
            Duration::from_millis(130)
        );
        assert_eq!(stalled(&stalls, at(140), at(200)), Duration::ZERO);
    }

    #[test]
    fn a_bystander_ends_when_it_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let bystander = Bystander::start(dir.path()).unwrap();
        let stalls = bystander.finish().unwrap();
        assert!(stalls.iter().all(|stall| stall.ended > stall.begun));
        assert!(Bystander::start(&dir.path().join("missing")).is_err());
    }
}
