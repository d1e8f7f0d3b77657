//! The thread that looks after the posts: role, crashes, hangs, lag, trouble.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use spica_handler::{DeadLetter, Pause, State};
use spica_model::{Lane, Seq, Topic};
use spica_role::SharedRole;

use crate::backlog::Backlog;
use crate::backoff;
use crate::lag;
use crate::post::{Base, Crew, End, Post};
use crate::records::Draft;
use crate::trouble::{Teller, of_handler};
use crate::watch::Watch;
use crate::worker;

/// How often it looks.
const TICK: Duration = Duration::from_millis(100);
/// How often the lag is measured.
const LAG: Duration = Duration::from_secs(1);
/// Letters that are read from the state tree at once.
const PAGE: usize = 256;
/// Most threads of one post that hang before no other is begun.
const ABANDONED_MAX: usize = 8;

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

/// How far a handler is, for the partner.
#[derive(Debug, Default, Clone, Copy, Serialize, Deserialize)]
#[serde(default)]
struct Place {
    critical: u64,
    normal: u64,
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

    /// Notes for the partner how far the handlers are; or follows what the partner noted, so that
    /// retention keeps what they will want.
    fn exchange_places(&mut self) {
        let serving = self.base.is_serving();
        for (crew, posts) in &self.crews {
            if crew.factory.everywhere() {
                continue;
            }
            if !serving {
                let place = self.base.noted_place(&crew.name);
                posts
                    .iter()
                    .for_each(|post| post.follow_partner(place[post.lane.index()]));
                continue;
            }
            let worked = posts
                .iter()
                .filter(|post| std::mem::take(&mut post.inner.lock().worked));
            if worked.count() == 0 {
                continue;
            }
            let mut place = self.places.get(&crew.name).copied().unwrap_or_default();
            for post in posts {
                place[post.lane.index()] = post.inner.lock().cursor;
            }
            self.places.insert(crew.name.clone(), place);
            let topic = format!("{}/place", self.base.scribe.folder(&crew.name));
            let [critical, normal] = place.map(|seq| seq.0);
            // Numbers in a struct always are JSON.
            let payload = serde_json::to_vec(&Place { critical, normal }).unwrap_or_default();
            let by = format!("handler:{}", crew.name);
            if let Err(error) = self.base.scribe.append(&by, &[Draft::put(topic, payload)]) {
                tracing::debug!(%error, "the partner is not told how far a handler is");
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

impl Base {
    /// How far a handler was when this was last noted.
    pub(crate) fn noted_place(&self, name: &str) -> [Seq; 2] {
        let topic = Topic::new(format!("{}/place", self.scribe.folder(name)));
        let record = topic.ok().and_then(|topic| self.standing.get(&topic));
        let place: Place = record
            .and_then(|record| serde_json::from_slice(&record.payload).ok())
            .unwrap_or_default();
        [Seq(place.critical), Seq(place.normal)]
    }
}

impl Post {
    /// Opens the durable cursor, where this node or its partner has come to.
    pub(crate) fn open_cursor(&self) -> Result<Seq, String> {
        let base = &self.base;
        let mut place = base.before_first(self.lane);
        if !self.crew.factory.everywhere() {
            let noted = base.noted_place(&self.crew.name)[self.lane.index()];
            place = place.max(noted.min(base.journal.status(self.lane).durable));
        }
        let opened = base.journal.open_cursor(&self.cursor, self.lane, place);
        let cursor = opened.map_err(|error| error.to_string())?;
        Ok(if self.crew.factory.everywhere() {
            cursor
        } else {
            cursor.max(place)
        })
    }

    /// While the partner handles: lets this node's cursor follow.
    fn follow_partner(&self, noted: Seq) {
        let durable = self.base.journal.status(self.lane).durable;
        if noted == Seq::ZERO || noted > durable {
            return;
        }
        let moved = self.open_cursor().and_then(|_| {
            let moved = self
                .base
                .journal
                .advance_cursor(&self.cursor, self.lane, noted);
            moved.map_err(|error| error.to_string())
        });
        match moved {
            Ok(()) => {
                let mut inner = self.inner.lock();
                inner.cursor = inner.cursor.max(noted);
                inner.through = inner.through.max(noted);
            }
            Err(error) => self.inner.lock().note_error(self.base.clock.wall(), &error),
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

/// Sees to it that a post has a thread that works.
fn tend(post: &Arc<Post>) {
    let now = post.base.clock.monotonic();
    let mut inner = post.inner.lock();
    inner.abandoned.retain(|thread| !thread.is_finished());
    let died = match (&inner.end, inner.call) {
        (Some(End::Crash(why)), _) => Some(format!("it has crashed: {why}")),
        (Some(End::Done), _) => return,
        (None, Some(call)) => {
            let time = now.saturating_duration_since(call.since);
            let hangs = time >= post.base.settings.hang_after.as_duration();
            hangs.then(|| format!("it hangs: one call has taken {} s", time.as_secs()))
        }
        (None, None) => None,
    };
    if let Some(why) = died {
        bury(post, &mut inner, now, &why);
    }
    let due = inner.deaths.restart_at.is_none_or(|at| at <= now);
    if inner.thread.is_none() && due && inner.abandoned.len() < ABANDONED_MAX {
        begin_shift(post, &mut inner);
    }
}

/// Ends a shift whose handler has crashed or hangs.
fn bury(post: &Post, inner: &mut crate::post::Inner, now: Instant, why: &str) {
    tracing::error!(handler = post.crew.name, lane = %post.lane, "{why}; it is made anew");
    post.metrics.restarts.inc();
    post.metrics.show(State::Restarting);
    inner.shift += 1;
    inner.state = State::Restarting;
    inner.restarts += 1;
    inner.note_error(post.base.clock.wall(), why);
    inner.incident = Some((now, format!("on the {} lane {why}", post.lane)));
    let records = inner.call.take().and_then(|call| call.records);
    inner.deaths.note(records);
    if let Some(order) = inner.replaying.take() {
        order.tally.settle(false);
    }
    if let Some(thread) = inner.thread.take()
        && inner.end.is_none()
    {
        inner.abandoned.push(thread);
    }
    inner.end = None;
    let settings = &post.base.settings;
    let limits = [settings.retry_min, settings.retry_max].map(spica_settings::Span::as_duration);
    let pause = backoff::pause(inner.deaths.in_a_row, limits, inner.through.0);
    inner.deaths.restart_at = Some(now + pause);
}

fn begin_shift(post: &Arc<Post>, inner: &mut crate::post::Inner) {
    let number = inner.shift;
    let shared = Arc::clone(post);
    let name = format!("h-{}", post.cursor);
    let thread = std::thread::Builder::new().name(name);
    match thread.spawn(move || worker::run(shared, number)) {
        Ok(thread) => inner.thread = Some(thread),
        Err(error) => inner.note_error(post.base.clock.wall(), &error.to_string()),
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
