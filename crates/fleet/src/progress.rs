//! How a run stands, for whoever draws it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::ledger::Totals;

/// How a run stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Status {
    /// Since the run began.
    pub elapsed: Duration,
    /// Visits the plan has, as far as known.
    pub visits_expected: u64,
    /// Connections that are open.
    pub connected: u64,
    /// Log entries produced.
    pub events: u64,
    /// Log entries told durable.
    pub events_told: u64,
    /// Pictures taken.
    pub pictures: u64,
    /// Pictures told durable.
    pub pictures_told: u64,
    /// Connections so far.
    pub totals: Totals,
}

/// Gets a [`Status`] a few times a second, and once at the end.
pub trait Progress: Send + Sync {
    /// Draws it; must not block.
    fn update(&self, status: &Status);
}

/// Draws nothing.
impl Progress for () {
    fn update(&self, _: &Status) {}
}

/// Counters that the tasks of a run share.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) visits: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) connected: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) completed: AtomicU64,
    pub(crate) cut: AtomicU64,
    pub(crate) broken: AtomicU64,
    pub(crate) timed_out: AtomicU64,
    pub(crate) violations: AtomicU64,
    pub(crate) attacks: AtomicU64,
    pub(crate) attacks_closed: AtomicU64,
    pub(crate) attacks_served: AtomicU64,
    pub(crate) events: AtomicU64,
    pub(crate) events_told: AtomicU64,
    pub(crate) pictures: AtomicU64,
    pub(crate) pictures_told: AtomicU64,
}

pub(crate) fn count(counter: &AtomicU64) {
    add(counter, 1);
}

pub(crate) fn add(counter: &AtomicU64, n: usize) {
    counter.fetch_add(n as u64, Ordering::Relaxed);
}

impl Counters {
    pub(crate) fn totals(&self) -> Totals {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Totals {
            visits: get(&self.visits),
            connections: get(&self.connections),
            refused: get(&self.refused),
            completed: get(&self.completed),
            cut: get(&self.cut),
            broken: get(&self.broken),
            timed_out: get(&self.timed_out),
            violations: get(&self.violations),
            attacks: get(&self.attacks),
            attacks_closed: get(&self.attacks_closed),
            attacks_served: get(&self.attacks_served),
        }
    }

    pub(crate) fn status(&self, elapsed: Duration, visits_expected: u64) -> Status {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Status {
            elapsed,
            visits_expected,
            connected: get(&self.connected),
            events: get(&self.events),
            events_told: get(&self.events_told),
            pictures: get(&self.pictures),
            pictures_told: get(&self.pictures_told),
            totals: self.totals(),
        }
    }
}

/// Counts a connection as open while it lives.
pub(crate) struct Open<'a>(&'a Counters);

impl<'a> Open<'a> {
    pub(crate) fn new(counters: &'a Counters) -> Self {
        count(&counters.connections);
        count(&counters.connected);
        Self(counters)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connected.fetch_sub(1, Ordering::Relaxed);
    }
}
