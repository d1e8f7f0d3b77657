//! The thread of a post: reads, lets the handler handle, moves the cursor.

mod failure;
mod keep;
mod missed;
pub(crate) mod replay;

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use spica_handler::{HandleError, Handler, MissedKind, State};
use spica_journal::{CommitErrorKind, Followed, Follower, Pace};
use spica_model::{Record, Seq};

use self::failure::{Attempt, Failing};
pub(crate) use self::failure::{topic_of, write_letter};
use crate::post::{End, Over, Post, Shift};
use crate::records::Unpark;

/// The longest a thread sleeps without looking up.
const LOOK: Duration = Duration::from_secs(1);
/// How often a handler looks for more, after a few looks at once: no handler is in a hurry, and all
/// of them together would cost what many small commits do.
const PACE: Pace = Pace::new(Duration::from_millis(2), 4);

/// Runs a shift of a post, on this thread, to its end.
pub(crate) fn run(post: Arc<Post>, number: u64) {
    let shift = Shift { post, number };
    let worker = Worker::new(shift.clone());
    let end = match catch_unwind(AssertUnwindSafe(|| worker.work())) {
        Ok(Ok(())) => End::Done,
        Ok(Err(Over)) => return,
        Err(panic) => End::Crash(said(&*panic)),
    };
    // If the shift is over, nobody wants to know.
    let _ = shift.change(|inner| {
        inner.end = Some(end);
    });
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it did not say why".to_owned())
}

/// What comes after a turn.
enum Next {
    Turn,
    /// Nothing to do before the time, if one is given, unless somebody wakes the thread.
    Wait(Option<Duration>),
    End,
}

/// The work of one shift.
struct Worker {
    shift: Shift,
    /// The handler and its reader, once both are there.
    desk: Option<Desk>,
    /// Read and not done.
    batch: Batch,
    /// Why the first of them, or something else, is to be tried again.
    failing: Failing,
    /// When the handler is told to keep what it did.
    checkpoint_at: Option<Instant>,
    pace: Pace,
}

/// Records that were read.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    /// How many of them, from the first on, are done.
    done: usize,
}

impl Batch {
    const fn new(records: Vec<Record>) -> Self {
        Self { records, done: 0 }
    }

    /// What is not done.
    fn rest(&self) -> &[Record] {
        self.records.get(self.done..).unwrap_or_default()
    }

    /// The next `count` are done; gives them back.
    fn finish(&mut self, count: usize) -> &[Record] {
        let from = self.done;
        self.done = (from + count).min(self.records.len());
        &self.records[from..self.done]
    }
}

/// What a worker works with.
struct Desk {
    handler: Box<dyn Handler>,
    follower: Box<dyn Follower>,
}

impl Worker {
    fn new(shift: Shift) -> Self {
        Self {
            shift,
            desk: None,
            batch: Batch::default(),
            failing: Failing::default(),
            checkpoint_at: None,
            pace: PACE,
        }
    }

    fn work(mut self) -> Result<(), Over> {
        loop {
            if self.shift.post.base.is_stopping() {
                return self.leave(State::Standby);
            }
            match self.turn()? {
                Next::Turn => {}
                Next::Wait(time) => std::thread::park_timeout(time.map_or(LOOK, |t| t.min(LOOK))),
                Next::End => return self.leave(State::Ended),
            }
            if self.shift.is_over() {
                return Err(Over);
            }
        }
    }

    fn turn(&mut self) -> Result<Next, Over> {
        if let Some(state) = self.shift.post.rest() {
            self.leave(state)?;
            return Ok(Next::Wait(None));
        }
        let now = self.now();
        if let Some(left) = self.failing.left(now) {
            return Ok(Next::Wait(Some(left)));
        }
        if self.desk.is_none() && !self.begin()? {
            return Ok(Next::Turn);
        }
        self.replay_next()?;
        if !self.batch.rest().is_empty() {
            self.handle()?;
            return Ok(Next::Turn);
        }
        if self.checkpoint_at.is_some_and(|at| at <= now) {
            self.checkpoint()?;
        }
        self.read()
    }

    fn now(&self) -> Instant {
        self.shift.post.base.clock.monotonic()
    }

    /// Makes the handler and opens what it reads. Whether that worked.
    fn begin(&mut self) -> Result<bool, Over> {
        match self.try_begin()? {
            Ok(desk) => {
                self.desk = Some(desk);
                self.recovered()?;
                self.bury_suspect()?;
                Ok(true)
            }
            Err(detail) => {
                let text = format!("cannot begin: {detail}");
                self.try_again(None, &text)?;
                Ok(false)
            }
        }
    }

    fn try_begin(&self) -> Result<Result<Desk, String>, Over> {
        let post = &*self.shift.post;
        let cursor = match post.open_cursor() {
            Ok(cursor) => cursor,
            Err(error) => return Ok(Err(error)),
        };
        let made = self.shift.call(None, || {
            let mut handler = post.crew.factory.make(post.lane)?;
            let place = handler.resume(cursor)?;
            Ok::<_, HandleError>((handler, place))
        })?;
        let (handler, place) = match made {
            Ok(made) => made,
            Err(error) => return Ok(Err(error.detail)),
        };
        // Who begins from nothing misses nothing that was removed before.
        let place = if place == Seq::ZERO {
            post.base.before_first(post.lane)
        } else {
            place
        };
        let follower = match post.base.journal.follow(post.lane, place) {
            Ok(follower) => follower,
            Err(error) => return Ok(Err(error.to_string())),
        };
        self.shift.change(|inner| {
            inner.cursor = cursor;
            inner.through = place;
        })?;
        tracing::info!(handler = post.crew.name, lane = %post.lane, %cursor, after = %place, "a handler begins");
        Ok(Ok(Desk { handler, follower }))
    }

    /// Puts the work down in order.
    fn leave(&mut self, state: State) -> Result<(), Over> {
        if self.desk.is_some() {
            self.checkpoint()?;
            self.desk = None;
        }
        self.batch = Batch::default();
        self.failing = Failing::default();
        self.checkpoint_at = None;
        self.shift.change(|inner| inner.failing_since = None)?;
        self.shift.show(state)
    }

    /// Reads the next records, or waits for some.
    fn read(&mut self) -> Result<Next, Over> {
        let max = self.batch_size();
        let Some(desk) = &mut self.desk else {
            return Ok(Next::Turn);
        };
        match desk.follower.read(max) {
            Ok(Followed::Records(records)) => {
                let first = records.first().map(|r| (r.position.seq, r.received));
                self.shift.change(|inner| inner.oldest = first)?;
                self.batch = Batch::new(records);
                self.pace.turn(self.now());
                self.handle()?;
                Ok(Next::Turn)
            }
            Ok(Followed::Gap { from, to }) => self.missed(MissedKind::Gap, from, to, None),
            Ok(Followed::Damaged(damage)) => {
                let why = format!("{}: {}", damage.file, damage.reason);
                self.missed(MissedKind::Damage, damage.from, damage.to, Some(why))
            }
            Ok(Followed::UpToDate) => self.idle(),
            Err(error) => {
                self.desk = None;
                self.try_again(None, &error.to_string())?;
                Ok(Next::Turn)
            }
        }
    }

    /// How many records are given at once: one by one where the handler has died.
    fn batch_size(&self) -> usize {
        let inner = self.shift.post.inner.lock();
        if inner.through < inner.deaths.careful_through {
            1
        } else {
            let wanted = self.shift.post.crew.factory.batch_records();
            wanted
                .min(self.shift.post.base.settings.batch_records)
                .max(1)
        }
    }

    /// Nothing to do: what was done is kept, and more is waited for.
    fn idle(&mut self) -> Result<Next, Over> {
        self.shift.show(State::Running)?;
        if let Some(at) = self.checkpoint_at {
            let left = at.saturating_duration_since(self.now());
            if left.is_zero() {
                self.checkpoint()?;
                return Ok(Next::Turn);
            }
            return self.wait_for_more(Some(left));
        }
        self.wait_for_more(None)
    }

    fn wait_for_more(&mut self, time: Option<Duration>) -> Result<Next, Over> {
        let Some(desk) = &self.desk else {
            return Ok(Next::Turn);
        };
        if let Some(rest) = self.pace.rest(self.now()) {
            return Ok(Next::Wait(Some(time.map_or(rest, |time| time.min(rest)))));
        }
        let waker = Waker::from(Arc::new(Unpark(Shift::thread())));
        let mut more = desk.follower.more();
        match Pin::new(&mut more).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(Ok(())) => Ok(Next::Turn),
            Poll::Ready(Err(error)) => {
                if error.kind != CommitErrorKind::Closed {
                    let at = self.shift.post.base.clock.wall();
                    self.shift
                        .change(|inner| inner.note_error(at, &error.to_string()))?;
                }
                Ok(Next::End)
            }
            Poll::Pending => {
                let nothing_in_mail = self.shift.change(|inner| inner.mail.is_empty())?;
                if nothing_in_mail && !self.shift.post.base.is_stopping() {
                    std::thread::park_timeout(time.map_or(LOOK, |time| time.min(LOOK)));
                }
                Ok(Next::Turn)
            }
        }
    }

    /// All is well again.
    fn recovered(&mut self) -> Result<(), Over> {
        self.failing = Failing::default();
        self.shift.change(|inner| inner.failing_since = None)?;
        self.shift.show(State::Running)
    }

    /// Waits before the next attempt at a record, or at whatever else it was.
    fn try_again(&mut self, record: Option<Attempt>, text: &str) -> Result<(), Over> {
        let settings = &self.shift.post.base.settings;
        let limits =
            [settings.retry_min, settings.retry_max].map(spica_settings::Span::as_duration);
        self.failing.again(record, self.now(), limits);
        self.shift.post.metrics.retries.inc();
        self.shift.change(|inner| inner.retries += 1)?;
        self.shift.failed(State::Retrying, text)
    }
}
