//! A post: one handler on one lane, as its thread, the supervisor and operators share it.
//!
//! The thread of a post works in a [`Shift`]. When it hangs or crashes, the shift is over: another
//! begins with a fresh handler, and whatever the thread of the old one still does has no say.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Instant;

use parking_lot::Mutex;
use spica_clock::SharedClock;
use spica_handler::{Factory, HandlerStatus, LastError, State};
use spica_journal::SharedJournal;
use spica_model::{Lane, Seq, Timestamp};

use crate::Settings;
use crate::letters::Letters;
use crate::metrics::PostMetrics;
use crate::records::Scribe;
use crate::standing::Standing;
use crate::worker::replay::Order;

/// Longest text of an error that is kept.
const ERROR_CHARS: usize = 500;

/// What all posts share.
pub(crate) struct Base {
    pub(crate) settings: Settings,
    pub(crate) journal: SharedJournal,
    pub(crate) clock: SharedClock,
    pub(crate) standing: Arc<dyn Standing>,
    pub(crate) scribe: Scribe,
    /// Whether the node serves and its letters and pauses are known.
    pub(crate) serving: AtomicBool,
    pub(crate) stopping: AtomicBool,
}

impl Base {
    pub(crate) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Acquire)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The place before the oldest record that a lane has.
    pub(crate) fn before_first(&self, lane: Lane) -> Seq {
        Seq(self.journal.status(lane).first.0.saturating_sub(1))
    }
}

/// One handler, on all its lanes.
pub(crate) struct Crew {
    pub(crate) name: String,
    pub(crate) factory: Arc<dyn Factory>,
    pub(crate) letters: Letters,
}

/// One handler on one lane.
pub(crate) struct Post {
    pub(crate) base: Arc<Base>,
    pub(crate) crew: Arc<Crew>,
    pub(crate) lane: Lane,
    /// The name of its durable cursor.
    pub(crate) cursor: String,
    pub(crate) metrics: PostMetrics,
    pub(crate) inner: Mutex<Inner>,
}

/// How a post stands.
pub(crate) struct Inner {
    /// Which shift it is.
    pub(crate) shift: u64,
    /// The thread of the shift, as long as it runs.
    pub(crate) thread: Option<JoinHandle<()>>,
    /// Threads of earlier shifts that hang.
    pub(crate) abandoned: Vec<JoinHandle<()>>,
    /// How the thread of this shift ended, if it did.
    pub(crate) end: Option<End>,
    pub(crate) state: State,
    /// Since when the handler is in a call, and with which records.
    pub(crate) call: Option<Call>,
    pub(crate) deaths: Deaths,
    pub(crate) cursor: Seq,
    pub(crate) through: Seq,
    /// The first unhandled record when it was last looked for, and when it was received.
    pub(crate) oldest: Option<(Seq, Timestamp)>,
    pub(crate) handled: u64,
    pub(crate) failed: u64,
    pub(crate) retries: u64,
    pub(crate) restarts: u64,
    pub(crate) gap_records: u64,
    pub(crate) damaged_records: u64,
    pub(crate) skipped: u64,
    pub(crate) last_error: Option<LastError>,
    /// Since when nothing works.
    pub(crate) failing_since: Option<Instant>,
    /// When it last crashed, hung or missed records, and what happened.
    pub(crate) incident: Option<(Instant, String)>,
    pub(crate) mail: VecDeque<Order>,
    /// What is being replayed.
    pub(crate) replaying: Option<Order>,
    /// Whether it has handled anything but records of handlers since its place was last noted.
    pub(crate) worked: bool,
}

/// How the thread of a shift ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// As it should: the lane or the node has ended.
    Done,
    /// It has crashed.
    Crash(String),
}

/// A call of the handler that is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Call {
    pub(crate) since: Instant,
    /// The records in hand, first and last.
    pub(crate) records: Option<(Seq, Seq)>,
}

/// What the handler has died of lately.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Deaths {
    /// Up to here, records are given one by one.
    pub(crate) careful_through: Seq,
    /// The single record that was in hand the last time.
    pub(crate) suspect: Option<Seq>,
    /// How often in a row it was.
    pub(crate) count: u32,
    /// Deaths since it last handled anything.
    pub(crate) in_a_row: u32,
    /// When the next shift may begin.
    pub(crate) restart_at: Option<Instant>,
}

impl Deaths {
    /// Notes a death with `records` in hand.
    pub(crate) fn note(&mut self, records: Option<(Seq, Seq)>) {
        self.in_a_row += 1;
        let Some((first, last)) = records else {
            return;
        };
        self.careful_through = self.careful_through.max(last);
        if first != last {
            return;
        }
        self.count = if self.suspect == Some(first) {
            self.count + 1
        } else {
            1
        };
        self.suspect = Some(first);
    }
}

impl Post {
    pub(crate) fn new(base: Arc<Base>, crew: Arc<Crew>, lane: Lane, metrics: PostMetrics) -> Self {
        let cursor = format!("{}-{lane}", crew.name);
        metrics.show(State::Standby);
        Self {
            base,
            crew,
            lane,
            cursor,
            metrics,
            inner: Mutex::new(Inner::new()),
        }
    }

    /// What it must be at when it cannot work now.
    pub(crate) fn rest(&self) -> Option<State> {
        if !self.base.is_serving() && !self.crew.factory.everywhere() {
            return Some(State::Standby);
        }
        self.crew.letters.is_paused().then_some(State::Paused)
    }

    /// Lets the thread look at what has changed.
    pub(crate) fn wake(&self) {
        if let Some(thread) = &self.inner.lock().thread {
            thread.thread().unpark();
        }
    }

    pub(crate) fn status(&self) -> HandlerStatus {
        let inner = self.inner.lock();
        let durable = self.base.journal.status(self.lane).durable;
        let lag_records = durable.0.saturating_sub(inner.through.0);
        HandlerStatus {
            name: self.crew.name.clone(),
            lane: self.lane,
            state: inner.state,
            pause: self.crew.letters.pause(),
            cursor: inner.cursor,
            through: inner.through,
            lag_records,
            lag_seconds: inner.lag_seconds(lag_records, self.base.clock.wall()),
            handled: inner.handled,
            failed: inner.failed,
            retries: inner.retries,
            restarts: inner.restarts,
            gap_records: inner.gap_records,
            damaged_records: inner.damaged_records,
            dead_letters: self.crew.letters.len_of(self.lane),
            last_error: inner.last_error.clone(),
        }
    }
}

impl Inner {
    const fn new() -> Self {
        Self {
            shift: 0,
            thread: None,
            abandoned: Vec::new(),
            end: None,
            state: State::Standby,
            call: None,
            deaths: Deaths {
                careful_through: Seq::ZERO,
                suspect: None,
                count: 0,
                in_a_row: 0,
                restart_at: None,
            },
            cursor: Seq::ZERO,
            through: Seq::ZERO,
            oldest: None,
            handled: 0,
            failed: 0,
            retries: 0,
            restarts: 0,
            gap_records: 0,
            damaged_records: 0,
            skipped: 0,
            last_error: None,
            failing_since: None,
            incident: None,
            mail: VecDeque::new(),
            replaying: None,
            worked: false,
        }
    }

    /// Age of the oldest unhandled record, if there are any.
    pub(crate) fn lag_seconds(&self, lag_records: u64, now: Timestamp) -> f64 {
        match self.oldest {
            Some((_, received)) if lag_records > 0 => now.since(received).as_secs_f64(),
            _ => 0.0,
        }
    }

    /// Takes an order to replay a letter, unless too many wait already: then that one has failed.
    pub(crate) fn order(&mut self, order: Order, limit: usize) {
        if self.mail.len() >= limit {
            order.tally.settle(false);
        } else {
            self.mail.push_back(order);
        }
    }

    /// Keeps the last thing that went wrong.
    pub(crate) fn note_error(&mut self, at: Timestamp, text: &str) {
        let text = text.chars().take(ERROR_CHARS).collect();
        self.last_error = Some(LastError { at, text });
    }
}

/// What a thread of a post is allowed to say.
#[derive(Clone)]
pub(crate) struct Shift {
    pub(crate) post: Arc<Post>,
    pub(crate) number: u64,
}

/// The shift is over: another thread works at the post.
#[derive(Debug)]
pub(crate) struct Over;

impl Shift {
    /// Changes how the post stands.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> Result<T, Over> {
        let mut inner = self.post.inner.lock();
        if inner.shift != self.number {
            return Err(Over);
        }
        Ok(change(&mut inner))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.post.inner.lock().shift != self.number
    }

    /// Runs a call of the handler, which must not last too long.
    pub(crate) fn call<T>(
        &self,
        records: Option<(Seq, Seq)>,
        call: impl FnOnce() -> T,
    ) -> Result<T, Over> {
        let since = self.post.base.clock.monotonic();
        self.change(|inner| inner.call = Some(Call { since, records }))?;
        let outcome = call();
        self.change(|inner| inner.call = None)?;
        Ok(outcome)
    }

    pub(crate) fn show(&self, state: State) -> Result<(), Over> {
        let changed = self.change(|inner| std::mem::replace(&mut inner.state, state) != state)?;
        if changed {
            self.post.metrics.show(state);
        }
        Ok(())
    }

    /// Notes that a call has failed.
    pub(crate) fn failed(&self, state: State, text: &str) -> Result<(), Over> {
        let (now, at) = {
            let clock = &self.post.base.clock;
            (clock.monotonic(), clock.wall())
        };
        self.post.metrics.failures.inc();
        self.change(|inner| {
            inner.failed += 1;
            inner.failing_since.get_or_insert(now);
            inner.note_error(at, text);
        })?;
        self.show(state)
    }

    /// The thread of this shift, for those who must be woken.
    pub(crate) fn thread() -> Thread {
        std::thread::current()
    }
}
