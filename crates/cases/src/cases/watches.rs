//! Topics whose silence matters.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use spica_model::{Record, Timestamp};

use super::seen::Seen;

#[derive(Debug)]
struct Watch {
    seen: Seen,
    /// The threshold whose `stale_after` counts.
    rule: usize,
    within: Duration,
    /// Whether its silence was told.
    stale: bool,
    queued: Option<Timestamp>,
}

/// What a record did to a watch.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is older than what is known, or as expected.
    Nothing,
    /// There were too many topics already.
    Full,
    /// The topic was silent for too long, from then on.
    Late(Timestamp),
    /// The topic was silent for too long, which was told; it is over.
    Again,
}

/// Topics whose silence matters, by path. Nothing here depends on the order of the map.
#[derive(Debug, Default)]
pub(super) struct Watches {
    by_path: HashMap<Arc<str>, Watch>,
    /// As that of devices: at the deadline or before.
    queue: BTreeSet<(Timestamp, Arc<str>)>,
}

impl Watches {
    /// A record of a watched topic.
    pub(super) fn hear(
        &mut self,
        path: &str,
        record: &Record,
        (rule, within): (usize, Duration),
        limit: usize,
    ) -> Heard {
        let seen = Seen::of(record);
        let Some(watch) = self.by_path.get_mut(path) else {
            if self.by_path.len() >= limit {
                return Heard::Full;
            }
            let watch = Watch {
                seen,
                rule,
                within,
                stale: false,
                queued: None,
            };
            self.by_path.insert(path.into(), watch);
            self.queue(path);
            return Heard::Nothing;
        };
        if !seen.is_after(&watch.seen) {
            return Heard::Nothing;
        }
        let deadline = watch.seen.at.saturating_add(watch.within);
        watch.seen = seen;
        let was_told = std::mem::take(&mut watch.stale);
        self.queue(path);
        match was_told {
            true => Heard::Again,
            false if deadline <= seen.at => Heard::Late(deadline),
            false => Heard::Nothing,
        }
    }

    /// The topic is gone. Says whether its silence was told.
    pub(super) fn forget(&mut self, path: &str) -> bool {
        let Some((path, watch)) = self.by_path.remove_entry(path) else {
            return false;
        };
        if let Some(queued) = watch.queued {
            self.queue.remove(&(queued, path));
        }
        watch.stale
    }

    /// The silence of a topic is told. Says by which rule.
    pub(super) fn tell(&mut self, path: &str) -> Option<usize> {
        let (path, _) = self.by_path.get_key_value(path)?;
        let path = Arc::clone(path);
        let watch = self.by_path.get_mut(&path)?;
        watch.stale = true;
        if let Some(queued) = watch.queued.take() {
            self.queue.remove(&(queued, path));
        }
        Some(watch.rule)
    }

    fn queue(&mut self, path: &str) {
        let Some((path, _)) = self.by_path.get_key_value(path) else {
            return;
        };
        let path = Arc::clone(path);
        if let Some(watch) = self.by_path.get_mut(&path)
            && watch.queued.is_none()
        {
            let deadline = watch.seen.at.saturating_add(watch.within);
            watch.queued = Some(deadline);
            self.queue.insert((deadline, path));
        }
    }

    /// When the queue is to be looked at next.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// The first topic whose deadline is not after `now`. Moves those that stand too early, but only
    /// `budget` of them.
    pub(super) fn first_due(
        &mut self,
        now: Timestamp,
        budget: &mut usize,
    ) -> Option<(Timestamp, Arc<str>)> {
        loop {
            let (at, path) = self.queue.first().filter(|(at, _)| *at <= now)?;
            let watch = self.by_path.get_mut(path);
            let deadline = watch
                .as_ref()
                .map(|it| it.seen.at.saturating_add(it.within));
            if deadline == Some(*at) {
                return Some((*at, Arc::clone(path)));
            }
            *budget = budget.checked_sub(1)?;
            if let Some(watch) = watch {
                watch.queued = deadline;
            }
            let (_, path) = self.queue.pop_first()?;
            self.queue.extend(deadline.map(|deadline| (deadline, path)));
        }
    }
}
