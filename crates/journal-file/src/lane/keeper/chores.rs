//! What the keeper is told to do, and by whom it may be waited for.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use crate::lane::roll::Full;

/// What the keeper is told to do.
#[derive(Default)]
pub(crate) struct Chores {
    inner: Mutex<Inbox>,
    changed: Condvar,
}

#[derive(Default)]
struct Inbox {
    full: VecDeque<Full>,
    awake: bool,
    stop: bool,
    /// How many rounds were asked for, and how many of those are done.
    asked: u64,
    done: u64,
}

impl Chores {
    /// Hands over a segment that is full.
    pub(crate) fn seal(&self, full: Full) {
        self.inner.lock().full.push_back(full);
    }

    /// Says that there is something to do.
    pub(crate) fn wake(&self) {
        self.inner.lock().awake = true;
        self.changed.notify_all();
    }

    /// Asks for a whole round of work and waits until it is done, or the keeper has ended.
    pub(crate) fn settle(&self) {
        let mut inbox = self.inner.lock();
        inbox.asked += 1;
        inbox.awake = true;
        let round = inbox.asked;
        self.changed.notify_all();
        while inbox.done < round && !inbox.stop {
            self.changed.wait(&mut inbox);
        }
    }

    /// Lets the keeper finish and end.
    pub(crate) fn stop(&self) {
        self.inner.lock().stop = true;
        self.changed.notify_all();
    }

    pub(super) fn stopped(&self) -> bool {
        self.inner.lock().stop
    }

    /// The round that is asked for, if one is.
    pub(super) fn asked(&self) -> Option<u64> {
        let inbox = self.inner.lock();
        (inbox.asked > inbox.done).then_some(inbox.asked)
    }

    pub(super) fn done(&self, round: u64) {
        self.inner.lock().done = round;
        self.changed.notify_all();
    }

    pub(super) fn next_full(&self) -> Option<Full> {
        self.inner.lock().full.pop_front()
    }

    /// Waits until there is something to do, at most `time`.
    pub(super) fn wait(&self, time: Duration) {
        let mut inbox = self.inner.lock();
        let mut passed = false;
        while !inbox.awake && !inbox.stop && !passed {
            passed = self.changed.wait_for(&mut inbox, time).timed_out();
        }
        inbox.awake = false;
    }
}
