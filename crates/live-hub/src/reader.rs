//! The thread that reads for sessions what is not at hand: states for new groups, and the journal for
//! those that come back or have fallen behind. No tick waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use spica_journal::{FollowError, Followed};
use spica_live::{Ask, Checked, GroupId, Replayed, Want, compact};
use spica_live_proto::GapReason;
use spica_model::{Lane, Place, Record, Seq};

use crate::shared::Shared;
use crate::tail::{back, past};

/// How long the thread sleeps at most, in case nobody wakes it.
const NAP: Duration = Duration::from_millis(500);
/// Records that are looked at for one session before it is the next one's turn.
const SCAN_RECORDS: usize = 20_000;
/// How many are read at once.
const CHUNK_RECORDS: usize = 1_024;

/// Answers what the engine asks.
pub(crate) struct Reader {
    shared: Arc<Shared>,
}

impl Reader {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn run(self) {
        let shared = Arc::clone(&self.shared);
        let _end = EndOnDrop(&shared);
        while !self.shared.stopping.load(Ordering::Acquire) {
            let ask = self.shared.asks.lock().pop_front();
            match ask {
                Some(ask) => self.answer(ask),
                None => std::thread::park_timeout(NAP),
            }
        }
    }

    fn answer(&self, ask: Ask) {
        match ask {
            Ask::Load { group, want, heads } => {
                if want.states() {
                    self.load_states(group, &want);
                }
                if want.each() {
                    self.load_events(group, &want, &heads);
                }
                self.shared.with(|core, _| core.engine.loaded(group));
            }
            Ask::Check { sub, after } => {
                let checked = self.check(&after).unwrap_or_else(|error| {
                    tracing::warn!(%error, "a live session begins anew: its place cannot be looked up");
                    Checked {
                        known: [false; 2],
                        deletions: false,
                    }
                });
                self.shared
                    .with(|core, _| core.engine.checked(sub, checked));
            }
            Ask::Replay {
                sub,
                want,
                lane,
                after,
                until,
                bytes,
            } => {
                let replayed = self
                    .replay(&want, lane, after, until, bytes)
                    .unwrap_or_else(|error| {
                        tracing::warn!(%error, "a live session misses records that cannot be read");
                        Replayed {
                            records: Vec::new(),
                            to: after.0,
                            hole: Some((after.0 + 1, until.0, GapReason::Damaged)),
                        }
                    });
                self.shared
                    .with(|core, _| core.engine.replayed(sub, lane.index(), replayed));
            }
        }
    }

    /// All states of a group, page by page: the engine is not kept from its ticks.
    fn load_states(&self, group: GroupId, want: &Want) {
        let filter = want.filter.as_str();
        let wanted = |record: &Record| want.topic(&record.topic);
        if !filter.contains(['+', '#']) {
            let topic = spica_model::Topic::new(filter).ok();
            let last = topic.and_then(|topic| self.shared.views.last_state(&topic));
            let last: Vec<_> = last.into_iter().filter(wanted).collect();
            return self
                .shared
                .with(|core, _| core.engine.load_states(group, &last));
        }
        self.shared
            .views
            .last_states(want.filter.literal_prefix(), |page| {
                let page: Vec<_> = page.iter().filter(|it| wanted(it)).cloned().collect();
                if !page.is_empty() {
                    self.shared
                        .with(|core, _| core.engine.load_states(group, &page));
                }
            });
    }

    /// What the tail has of the events of a group.
    fn load_events(&self, group: GroupId, want: &Want, heads: &Place) {
        for lane in Lane::ALL {
            let (after, steps) = self.shared.tail.lock().lane(lane);
            let events = past(want, after, &steps);
            if after <= heads.seq(lane) {
                self.shared.with(|core, _| {
                    core.engine
                        .load_events(group, lane.index(), after.0, events);
                });
            }
        }
    }

    /// What is known of a place that a client has come back with.
    fn check(&self, after: &Place) -> Result<Checked, FollowError> {
        let journal = &*self.shared.journal;
        let mut checked = Checked {
            known: [true; 2],
            deletions: true,
        };
        let most = self.shared.tombstones();
        for lane in Lane::ALL {
            let (at, seq) = (lane.index(), after.seq(lane));
            checked.known[at] = spica_journal::knows(journal, after, &[lane])?;
            if !checked.known[at] {
                continue;
            }
            let status = journal.status(lane);
            let is_near = status.durable.0.saturating_sub(seq.0) <= most;
            checked.deletions &= is_near && self.is_recent(lane, seq)?;
        }
        Ok(checked)
    }

    /// Whether what came after a place is young enough for all its deletions to be remembered.
    fn is_recent(&self, lane: Lane, after: Seq) -> Result<bool, FollowError> {
        let oldest = self.shared.oldest();
        let mut follower = self.shared.journal.follow(lane, after)?;
        Ok(match follower.read(1)? {
            Followed::Records(records) => records.iter().all(|it| it.received > oldest),
            Followed::UpToDate => true,
            Followed::Gap { .. } | Followed::Damaged(_) => false,
        })
    }

    fn replay(
        &self,
        want: &Want,
        lane: Lane,
        after: Seq,
        until: Seq,
        bytes: usize,
    ) -> Result<Replayed, FollowError> {
        let mut replayed = Replayed {
            to: after.0,
            ..Replayed::default()
        };
        let mut follower = self.shared.journal.follow(lane, after)?;
        let (mut scanned, mut taken) = (0, 0);
        while replayed.to < until.0 && scanned < SCAN_RECORDS && taken < bytes {
            match follower.read(CHUNK_RECORDS)? {
                Followed::Records(records) => {
                    for record in records {
                        let seq = record.position.seq;
                        if seq > until || taken >= bytes {
                            break;
                        }
                        scanned += 1;
                        replayed.to = seq.0;
                        if want.is_event(&record) {
                            taken += record.payload.len().max(64);
                            replayed.records.push(compact(&record, &record.topic));
                        }
                    }
                }
                Followed::Gap { from, to } => {
                    replayed.hole = Some((from.0, to.0.min(until.0), GapReason::Retention));
                    break;
                }
                Followed::Damaged(damage) => {
                    let (from, to) = (damage.from.0, damage.to.0.min(until.0));
                    replayed.hole = Some((from, to, GapReason::Damaged));
                    break;
                }
                Followed::UpToDate => break,
            }
        }
        self.shared.metrics.scanned.inc_by(scanned as u64);
        Ok(replayed)
    }
}

impl Shared {
    /// Within how many records deletions are not forgotten.
    pub(crate) fn tombstones(&self) -> u64 {
        let views = self.views.settings().max_tombstones;
        u64::try_from(views.min(self.settings.max_tombstones)).unwrap_or(u64::MAX)
    }

    /// Deletions that are younger are remembered. A minute is left for what is on its way.
    pub(crate) fn oldest(&self) -> spica_model::Timestamp {
        let age = self.views.settings().tombstone_age.as_duration();
        let age = age.saturating_sub(Duration::from_secs(60));
        back(self.clock.wall(), age)
    }
}

/// Says that a thread has ended, also when it panics.
pub(crate) struct EndOnDrop<'a>(pub(crate) &'a Shared);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.ended.send_replace(true);
    }
}
