//! What was counted since the start.

use std::sync::atomic::{AtomicU64, Ordering};

/// What the media handler has done since the process began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records of pictures that were indexed, each delivery.
    pub indexed: u64,
    /// Thumbnails that were made.
    pub thumbnails: u64,
    /// Pictures that cannot be shown.
    pub unreadable: u64,
    /// Pictures that were not there when their record came.
    pub missing: u64,
    /// Entries of pictures that were removed by age.
    pub swept_entries: u64,
    /// Pictures that were removed by age, with their thumbnails.
    pub swept_pictures: u64,
    /// Their bytes.
    pub swept_bytes: u64,
}

/// The counters behind it.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) indexed: Counter,
    pub(crate) thumbnails: Counter,
    pub(crate) unreadable: Counter,
    pub(crate) missing: Counter,
    pub(crate) swept_entries: Counter,
    pub(crate) swept_pictures: Counter,
    pub(crate) swept_bytes: Counter,
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    pub(crate) fn counts(&self) -> Counts {
        Counts {
            indexed: self.indexed.get(),
            thumbnails: self.thumbnails.get(),
            unreadable: self.unreadable.get(),
            missing: self.missing.get(),
            swept_entries: self.swept_entries.get(),
            swept_pictures: self.swept_pictures.get(),
            swept_bytes: self.swept_bytes.get(),
        }
    }
}
