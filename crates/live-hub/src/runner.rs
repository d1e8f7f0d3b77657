//! The thread that takes in what the views have folded, tick by tick.
//!
//! A tick comes at once when few sessions are to be told, and otherwise some milliseconds after the
//! last one: what happens in between is sent together. While most sessions have not had their turn
//! since the last tick, the next one waits a little longer, so that frames grow and their number does
//! not.

mod look;

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::Duration;

use spica_journal::FollowError;
use spica_live::Counters;
use spica_model::{Lane, Record, Seq, Timestamp};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};

use crate::reader::EndOnDrop;
use crate::shared::Shared;
use crate::tail::{self, Step};

/// How long the thread sleeps at most: what no batch tells it (a range of records that cannot be read
/// at the end of a lane) it sees then.
const NAP: Duration = Duration::from_millis(250);
/// How often the thread looks whether the sessions have had their turn.
const LOOK: Duration = Duration::from_millis(1);
/// What a turn costs, its write included: a tick waits at least for the turns of the one before.
const TURN: Duration = Duration::from_micros(10);
/// Records that wait here; more wait in the channel, or are read from the journal again.
const PENDING_RECORDS: usize = 65_536;
/// How often reading the journal is tried again before the sessions are given up.
const READ_RETRIES: u32 = 5;

/// Takes in what happens.
pub(crate) struct Runner {
    shared: Arc<Shared>,
    batches: Receiver<Arc<[Record]>>,
    pending: VecDeque<(Arc<[Record]>, Duration)>,
    pending_records: usize,
    /// What comes next, in order; what was read stays here also when something after it cannot be.
    steps: VecDeque<(Lane, Step)>,
    /// Up to where each lane has been taken in hand.
    heads: [Seq; 2],
    last_tick: Duration,
    /// How many sessions the last tick has woken.
    woken: usize,
    /// Since when most sessions have not had their turn.
    crowded_since: Option<Duration>,
    checked_at: Duration,
    counted: Counters,
    failures: u32,
    closed: bool,
}

impl Runner {
    pub(crate) fn new(shared: Arc<Shared>, batches: Receiver<Arc<[Record]>>) -> Self {
        let heads = shared.core.lock().engine.heads();
        Self {
            shared,
            batches,
            pending: VecDeque::new(),
            pending_records: 0,
            steps: VecDeque::new(),
            heads: Lane::ALL.map(|lane| heads.seq(lane)),
            last_tick: Duration::ZERO,
            woken: 0,
            crowded_since: None,
            checked_at: Duration::ZERO,
            counted: Counters::default(),
            failures: 0,
            closed: false,
        }
    }

    pub(crate) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let _end = EndOnDrop(&shared);
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        while !self.shared.stopping.load(Ordering::Acquire) && !self.closed {
            self.receive();
            match self.step() {
                Ok(pause) => {
                    self.failures = 0;
                    self.wait(&waker, pause);
                }
                Err(error) if self.failures < READ_RETRIES => {
                    tracing::warn!(%error, "live sessions wait: the journal cannot be read now");
                    std::thread::park_timeout(NAP * 2u32.pow(self.failures));
                    self.failures += 1;
                }
                Err(error) => {
                    tracing::error!(%error, "live sessions end: the journal cannot be read");
                    return;
                }
            }
        }
    }

    /// Takes batches out of the channel, as many as fit.
    fn receive(&mut self) {
        while self.pending_records < PENDING_RECORDS && !self.closed {
            match self.batches.try_recv() {
                Ok(batch) => self.note(Ok(batch)),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Lagged(n)) => self.note(Err(RecvError::Lagged(n))),
                Err(TryRecvError::Closed) => self.note(Err(RecvError::Closed)),
            }
        }
    }

    fn note(&mut self, received: Result<Arc<[Record]>, RecvError>) {
        match received {
            Ok(batch) => {
                self.pending_records += batch.len();
                self.pending.push_back((batch, self.shared.now()));
                self.shared.metrics.received.inc();
            }
            // What was missed is read from the journal as soon as the hole is seen.
            Err(RecvError::Lagged(_)) => {
                self.shared.metrics.lagged.inc();
            }
            Err(RecvError::Closed) => self.closed = true,
        }
    }

    /// Parks: with nothing in hand until there is, and never longer than `pause`.
    fn wait(&mut self, waker: &Waker, pause: Duration) {
        if pause.is_zero() {
            return;
        }
        if !self.pending.is_empty() {
            return std::thread::park_timeout(pause);
        }
        let received = {
            let mut more = pin!(self.batches.recv());
            let mut cx = Context::from_waker(waker);
            match more.as_mut().poll(&mut cx) {
                Poll::Ready(received) => Some(received),
                Poll::Pending => {
                    std::thread::park_timeout(pause);
                    match more.as_mut().poll(&mut cx) {
                        Poll::Ready(received) => Some(received),
                        Poll::Pending => None,
                    }
                }
            }
        };
        if let Some(received) = received {
            self.note(received);
        }
    }

    /// What is to be done now, and how long there is nothing to do then.
    fn step(&mut self) -> Result<Duration, FollowError> {
        let now = self.shared.now();
        if now >= self.checked_at + NAP || self.checked_at.is_zero() {
            self.checked_at = now;
            self.look_after()?;
        }
        let wall = self.shared.clock.wall();
        let (due, closes_at) = self.shared.with(|core, now| {
            core.engine.expire(now);
            (core.engine.due(), core.engine.closes_at())
        });
        let closes_in = closes_at.map(|at| span(at, wall));
        let is_closing = closes_in.is_some_and(|span| span.is_zero());
        if self.pending.is_empty() && !is_closing && self.steps.is_empty() {
            self.crowded_since = None;
            self.shared.core.lock().behind = Duration::ZERO;
            return Ok(self.sleep(now, closes_in.unwrap_or(NAP).min(NAP)));
        }
        // Who has not had a turn since the last tick gets older news for it, and less often.
        let is_crowded = due * 2 > self.woken;
        let since = self.crowded_since.filter(|_| is_crowded);
        self.crowded_since = is_crowded.then(|| since.unwrap_or(now));
        let settings = &self.shared.settings;
        // Few sessions are served sooner than it pays to wait for more to send them.
        let least = if is_crowded {
            settings.tick_most.as_duration()
        } else {
            let turns = u32::try_from(self.woken).unwrap_or(u32::MAX);
            TURN.saturating_mul(turns).min(settings.tick.as_duration())
        };
        let next_tick = self.last_tick + least;
        if now < next_tick {
            let pause = (next_tick - now).min(if is_crowded { LOOK } else { NAP });
            return Ok(self.sleep(now, pause));
        }
        self.tick(now)?;
        Ok(Duration::ZERO)
    }

    /// How long the thread may sleep: until a session's time has come, at most.
    fn sleep(&self, now: Duration, most: Duration) -> Duration {
        self.shared.with(|core, _| {
            let deadline = core.engine.deadline();
            let until = deadline.map_or(now + most, |at| at.min(now + most));
            core.sleeps_until = until;
            // A timer that is due is expired in the next round.
            until.saturating_sub(now).max(Duration::from_micros(100))
        })
    }

    /// Takes in what waits: as much as sessions that keep up are sure to get.
    fn tick(&mut self, now: Duration) -> Result<(), FollowError> {
        let most = (self.shared.settings.max_queue / 2).max(1);
        let mut records = 0;
        while let Some((batch, _)) = self.pending.front() {
            if records > 0 && records + batch.len() > most {
                break;
            }
            let batch = Arc::clone(batch);
            records += self.follow_up(&batch)?;
            self.pending.pop_front();
            self.pending_records -= batch.len();
        }
        let steps = std::mem::take(&mut self.steps);
        {
            let mut tail = self.shared.tail.lock();
            for (lane, step) in &steps {
                tail.push(*lane, step.clone());
            }
        }
        let oldest = self.pending.front().map(|(_, at)| now.saturating_sub(*at));
        let crowded = self.crowded_since.map(|at| now.saturating_sub(at));
        let wall = self.shared.clock.wall();
        self.woken = self.shared.with(|core, _| {
            core.behind = oldest.max(crowded).unwrap_or_default();
            for (lane, step) in &steps {
                match step {
                    Step::Records(records) => core.engine.take(records.iter()),
                    Step::Missing(to, reason) => core.engine.missed(*lane, *to, *reason),
                }
            }
            core.engine.tick(wall);
            core.engine.due()
        });
        self.last_tick = now;
        self.shared.metrics.ticks.inc();
        Ok(())
    }

    /// Adds a batch, and before it what is missing between it and what came before. How many records
    /// that makes.
    fn follow_up(&mut self, batch: &Arc<[Record]>) -> Result<usize, FollowError> {
        let (Some(first), Some(last)) = (batch.first(), batch.last()) else {
            return Ok(0);
        };
        let lane = first.position.lane;
        let head = self.heads[lane.index()];
        if last.position.seq <= head {
            return Ok(0);
        }
        let before = self.steps.len();
        if first.position.seq > head.next() {
            let until = Seq(first.position.seq.0 - 1);
            self.read(lane, until)?;
        }
        let new = batch.iter().skip_while(|it| it.position.seq <= head);
        let step = if first.position.seq > head {
            Arc::clone(batch)
        } else {
            new.cloned().collect()
        };
        self.steps.push_back((lane, Step::Records(step)));
        self.heads[lane.index()] = last.position.seq;
        Ok(self
            .steps
            .range(before..)
            .map(|(_, step)| step.records())
            .sum())
    }

    /// Reads what no batch has brought.
    fn read(&mut self, lane: Lane, until: Seq) -> Result<(), FollowError> {
        let head = self.heads[lane.index()];
        let mut read = Vec::new();
        tail::read(&*self.shared.journal, lane, head, until, |step| {
            read.push(step);
        })?;
        self.shared.metrics.catch_ups.inc();
        self.steps.extend(read.into_iter().map(|step| (lane, step)));
        self.heads[lane.index()] = until;
        Ok(())
    }
}

/// From `now` to `at`; nothing if that has passed.
fn span(at: Timestamp, now: Timestamp) -> Duration {
    let micros = at.as_micros().saturating_sub(now.as_micros());
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
