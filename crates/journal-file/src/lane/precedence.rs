//! Critical first: what the commit threads of the two lanes know of each other.
//!
//! The lanes share a disk and processors. While the critical lane commits, and for a moment after, the
//! normal lane does not begin a commit of its own: what comes to it meanwhile goes into the same batch.
//! It waits once per commit and for a bounded time, so it always goes on, with at least one commit of
//! `commit_bytes_max` in that time and its own.
//!
//! Absent: any wait of the critical lane, and any lock held over reading or writing.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use spica_clock::{Clock, SystemClock};

/// How long after a critical commit the next one is expected. Whoever waits for a critical record has
/// to be woken and to submit the next one; on a machine whose processors are busy, a normal commit
/// that begins in between takes them from it, which costs turns of some milliseconds.
const QUIET: Duration = Duration::from_micros(300);

/// What the critical lane does, as the normal lane sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Critical {
    /// It commits.
    Busy,
    /// It has nothing to do since then.
    Idle(Instant),
}

/// Which lane's commit goes first. One for both lanes.
#[derive(Debug)]
pub(crate) struct Precedence {
    /// The longest wait; none at all if it is zero.
    give_way: Duration,
    /// Nothing until the first critical commit.
    critical: Mutex<Option<Critical>>,
    changed: Condvar,
}

impl Precedence {
    /// A normal commit waits for `give_way` at most.
    pub(crate) const fn new(give_way: Duration) -> Self {
        Self {
            give_way,
            critical: Mutex::new(None),
            changed: Condvar::new(),
        }
    }

    /// The critical lane has a batch to commit.
    pub(crate) fn claim(&self) {
        *self.critical.lock() = Some(Critical::Busy);
    }

    /// The critical lane has nothing to commit. Costs nothing to say again.
    pub(crate) fn rest(&self) {
        let mut critical = self.critical.lock();
        if *critical == Some(Critical::Busy) {
            *critical = Some(Critical::Idle(SystemClock.monotonic()));
            drop(critical);
            self.changed.notify_all();
        }
    }

    /// Waits, before a normal commit, until the critical lane is quiet, or as long as is allowed; says
    /// whether it waited. The time is the machine's own: it is the machine that is shared.
    pub(crate) fn give_way(&self) -> bool {
        let asked = SystemClock.monotonic();
        let mut critical = self.critical.lock();
        let mut now = asked;
        let mut waited = false;
        while let Some(until) = wait_until(*critical, asked + self.give_way, now) {
            self.changed.wait_until(&mut critical, until);
            now = SystemClock.monotonic();
            waited = true;
        }
        waited
    }
}

/// Until when to wait for the critical lane before looking again; `None` to go on.
fn wait_until(critical: Option<Critical>, latest: Instant, now: Instant) -> Option<Instant> {
    let until = match critical? {
        Critical::Busy => latest,
        Critical::Idle(since) => latest.min(since + QUIET),
    };
    (now < until).then_some(until)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVE_WAY: Duration = Duration::from_millis(1);

    fn start() -> Instant {
        SystemClock.monotonic()
    }

    #[test]
    fn a_normal_commit_waits_for_a_critical_one_and_a_moment_more() {
        let (t, us) = (start(), Duration::from_micros);
        let latest = t + GIVE_WAY;
        assert_eq!(wait_until(None, latest, t), None);
        assert_eq!(wait_until(Some(Critical::Busy), latest, t), Some(latest));
        let idle = Some(Critical::Idle(t + us(100)));
        assert_eq!(wait_until(idle, latest, t + us(100)), Some(t + us(400)));
        assert_eq!(wait_until(idle, latest, t + us(400)), None);
        let late = Some(Critical::Idle(t + us(900)));
        assert_eq!(wait_until(late, latest, t + us(950)), Some(latest));
    }

    #[test]
    fn critical_commits_without_end_hold_a_normal_one_up_for_no_longer_than_is_allowed() {
        for (busy, idle) in [(100, 20), (900, 299), (5_000, 1), (1, 299)] {
            let begun = start();
            let latest = begun + GIVE_WAY;
            let mut now = begun;
            for turn in 0_u64.. {
                let state = if turn % 2 == 0 {
                    Critical::Busy
                } else {
                    Critical::Idle(now)
                };
                let Some(until) = wait_until(Some(state), latest, now) else {
                    break;
                };
                assert!(until <= latest, "no single wait goes beyond the limit");
                let next = if turn % 2 == 0 { busy } else { idle };
                now = until.min(now + Duration::from_micros(next));
            }
            assert_eq!(now - begun, GIVE_WAY, "{busy} µs busy, {idle} µs idle");
        }
    }

    #[test]
    fn a_critical_commit_that_never_ends_holds_a_normal_one_up_once() {
        let precedence = Precedence::new(GIVE_WAY);
        assert!(!precedence.give_way(), "nothing critical has come yet");
        precedence.claim();
        let asked = start();
        assert!(precedence.give_way());
        assert!(start() - asked >= GIVE_WAY);
        assert!(!Precedence::new(Duration::ZERO).give_way());
    }

    #[test]
    fn who_waits_is_told_when_the_critical_lane_rests() {
        let precedence = Precedence::new(Duration::from_secs(3_600));
        precedence.claim();
        std::thread::scope(|scope| {
            let waits = scope.spawn(|| precedence.give_way());
            precedence.rest();
            waits.join().unwrap();
        });
        precedence.rest();
        assert!(!matches!(*precedence.critical.lock(), Some(Critical::Busy)));
    }
}
