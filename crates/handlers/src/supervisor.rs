//! The thread that looks after the posts: role, crashes, hangs, lag, trouble.

mod places;
mod tend;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use spica_handler::{DeadLetter, Pause};
use spica_model::{Lane, Seq, Topic};
use spica_role::SharedRole;

use self::tend::tend;
use crate::backlog::Backlog;
use crate::lag;
use crate::post::{Base, Crew, Post};
use crate::trouble::{Teller, of_handler};
use crate::watch::Watch;
use crate::worker;

/// How often it looks.
const TICK: Duration = Duration::from_millis(100);
/// How often the lag is measured.
const LAG: Duration = Duration::from_secs(1);
/// Letters that are read from the state tree at once.
const PAGE: usize = 256;

/// What looks after all posts.
pub(crate) struct Supervisor {
    pub(crate) base: Arc<Base>,
    pub(crate) role: SharedRole,
    pub(crate) crews: Vec<(Arc<Crew>, Vec<Arc<Post>>)>,
    pub(crate) teller: Teller,
    pub(crate) watch: Watch,
    pub(crate) backlog: Arc<Mutex<Backlog>>,
    /// The end of the normal lane when the node began to serve; none while it does not.
    began_at: Option<Seq>,
    lag_due: Instant,
    place_due: Instant,
    places: BTreeMap<String, [Seq; 2]>,
}

impl Supervisor {
    pub(crate) fn new(
        base: Arc<Base>,
        role: SharedRole,
        crews: Vec<(Arc<Crew>, Vec<Arc<Post>>)>,
        teller: Teller,
        watch: Watch,
        backlog: Arc<Mutex<Backlog>>,
    ) -> Self {
        let now = base.clock.monotonic();
        Self {
            base,
            role,
            crews,
            teller,
            watch,
            backlog,
            began_at: None,
            lag_due: now,
            place_due: now,
            places: BTreeMap::new(),
        }
    }

    /// Looks after the posts until the node stops, then waits until their threads have ended.
    pub(crate) fn run(mut self) {
        while !self.base.is_stopping() {
            self.look();
            std::thread::park_timeout(TICK);
        }
        self.stop();
    }

    fn posts(&self) -> impl Iterator<Item = &Arc<Post>> {
        self.crews.iter().flat_map(|(_, posts)| posts)
    }

    fn look(&mut self) {
        self.look_at_role();
        self.posts().for_each(tend);
        let now = self.base.clock.monotonic();
        if now >= self.place_due {
            self.place_due = now + self.base.settings.place_interval.as_duration();
            self.exchange_places();
        }
        if now < self.lag_due {
            return;
        }
        self.lag_due = now + LAG;
        self.posts().for_each(|post| measure(post));
        if !self.base.is_serving() {
            self.load_pauses();
        }
        for (_, posts) in &self.crews {
            let wall = self.base.clock.wall();
            for trouble in of_handler(posts, &self.base.settings, now, wall) {
                self.teller.tell(trouble);
            }
        }
        if let Some(backlog) = self.watch.look(&self.base) {
            let cursors: Vec<&str> = self
                .crews
                .iter()
                .flat_map(|(_, posts)| posts)
                .map(|post| post.cursor.as_str())
                .collect();
            for trouble in self.watch.troubles(&backlog, &cursors) {
                self.teller.tell(trouble);
            }
            *self.backlog.lock() = backlog;
        }
    }

    /// Lets the posts work once the node serves and its state is known, and rest when it ceases to.
    fn look_at_role(&mut self) {
        if !self.role.serves() {
            if self.base.serving.swap(false, Ordering::AcqRel) {
                self.posts().for_each(|post| post.wake());
            }
            self.began_at = None;
            return;
        }
        if self.base.is_serving() {
            return;
        }
        let durable = || self.base.journal.status(Lane::Normal).durable;
        let goal = *self.began_at.get_or_insert_with(durable);
        if self.base.standing.applied(Lane::Normal) < goal {
            return;
        }
        self.load_pauses();
        for (crew, _) in &self.crews {
            crew.letters.load(stored_letters(&self.base, crew));
        }
        self.base.serving.store(true, Ordering::Release);
        self.teller.forget();
        for (crew, posts) in &self.crews {
            write_waiting(crew, posts);
        }
        self.posts().for_each(|post| post.wake());
    }

    fn load_pauses(&self) {
        for (crew, posts) in &self.crews {
            let topic = Topic::new(format!("{}/paused", self.base.scribe.folder(&crew.name)));
            let record = topic.ok().and_then(|topic| self.base.standing.get(&topic));
            let pause = record.and_then(|record| Pause::decode(&record.payload).ok());
            if pause != crew.letters.pause() {
                crew.letters.set_pause(pause);
                posts.iter().for_each(|post| post.wake());
            }
        }
    }

    fn stop(&self) {
        self.posts().for_each(|post| post.wake());
        let limit = self.base.clock.monotonic() + self.base.settings.hang_after.as_duration();
        for post in self.posts() {
            while post.inner.lock().end.is_none() && post.inner.lock().thread.is_some() {
                if self.base.clock.monotonic() > limit {
                    tracing::warn!(handler = post.crew.name, lane = %post.lane, "a handler does not end; it is left behind");
                    break;
                }
                std::thread::park_timeout(Duration::from_millis(5));
            }
        }
    }
}

/// The letters of a handler that the state tree holds.
fn stored_letters(base: &Base, crew: &Crew) -> Vec<DeadLetter> {
    let folder = DeadLetter::folder(&base.scribe.node, &crew.name);
    let mut letters = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = base.standing.subtree(&folder, after.as_deref(), PAGE);
        let Some(last) = page.last() else {
            return letters;
        };
        after = Some(last.topic.to_string());
        for record in &page {
            match DeadLetter::decode(&record.payload) {
                Ok(letter) => letters.push(letter),
                Err(error) => {
                    tracing::error!(topic = %record.topic, %error, "a dead letter cannot be read");
                }
            }
        }
    }
}

/// Writes the letters that had to wait until the node serves.
fn write_waiting(crew: &Crew, posts: &[Arc<Post>]) {
    for letter in crew.letters.unwritten() {
        let Some(post) = posts.iter().find(|post| post.lane == letter.id().lane) else {
            continue;
        };
        let record = post.record_of(&letter).unwrap_or(letter.record.clone());
        let full = DeadLetter { record, ..letter };
        let written = worker::write_letter(post, full, || {
            post.base.is_serving() && !post.base.is_stopping()
        });
        if let Err(error) = written {
            tracing::warn!(%error, "a dead letter waits in memory");
        }
    }
}

/// Measures how far a post is behind.
fn measure(post: &Post) {
    let journal = &*post.base.journal;
    let (through, known) = {
        let inner = post.inner.lock();
        (inner.through, inner.oldest)
    };
    let durable = journal.status(post.lane).durable;
    let records = durable.0.saturating_sub(through.0);
    // Read without the lock: it may take the disk.
    let oldest = lag::oldest_unhandled(journal, post.lane, through, known);
    let mut inner = post.inner.lock();
    inner.oldest = oldest;
    let seconds = inner.lag_seconds(records, post.base.clock.wall());
    drop(inner);
    post.metrics
        .lag_records
        .set(i64::try_from(records).unwrap_or(i64::MAX));
    post.metrics.lag_seconds.set(seconds);
    let letters = post.crew.letters.len_of(post.lane);
    post.metrics
        .dead_letters
        .set(i64::try_from(letters).unwrap_or(i64::MAX));
}
