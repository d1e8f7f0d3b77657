//! The hub: starts, opens sessions, stops.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;
use spica_clock::SharedClock;
use spica_journal::{FollowError, SharedJournal};
use spica_live::{Drain, Engine, Limits};
use spica_model::{Lane, Place, Seq};
use spica_views::Views;
use tokio::sync::watch;

use crate::reader::Reader;
use crate::runner::Runner;
use crate::shared::{Core, Shared, unpark};
use crate::tail::{self, Tail};
use crate::{Encoding, Metrics, Session, Settings};

/// When those are to come again for whom there is no room.
const FULL_RETRY: Duration = Duration::from_secs(10);
/// As that, when the sessions are behind.
const SATURATED_RETRY: Duration = Duration::from_secs(5);

/// Runs the live sessions of a node.
pub struct Hub {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Why the hub cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A thread could not be started.
    #[error("the threads of live sessions cannot be started: {0}")]
    Thread(#[from] io::Error),
    /// The journal cannot be read.
    #[error("live sessions cannot read the newest records: {0}")]
    Follow(#[from] FollowError),
    /// The machine has no randomness.
    #[error("live sessions cannot get a name for their engine: {0}")]
    Random(#[from] getrandom::Error),
}

/// What a transport knows about a session when it begins.
#[derive(Debug, Clone)]
pub struct Opening {
    /// How frames are encoded.
    pub encoding: Encoding,
    /// A topic that is not shown, with all below it.
    pub hidden: Option<String>,
    /// Bytes of `data` frames that may be sent before more credit is given; none: no such limit.
    pub credit: Option<u64>,
    /// Bytes per second of `data` frames; 0: unlimited.
    pub bytes_per_s: u64,
}

/// Why a session is not opened: there are too many, or those that there are fall behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Saturated {
    /// When to try again.
    pub retry_after: Duration,
    /// For people.
    pub detail: String,
}

impl Hub {
    /// Starts the hub on threads of its own. Reads the newest records of the journal, which blocks
    /// for some tenths of a second.
    ///
    /// # Errors
    /// If the journal cannot be read or a thread cannot be started.
    pub fn start(
        journal: SharedJournal,
        views: Arc<Views>,
        clock: SharedClock,
        settings: Settings,
    ) -> Result<Arc<Self>, StartError> {
        // First, so that nothing falls between what is read now and what comes.
        let batches = views.subscribe();
        let heads = views.status().applied;
        let begin = |lane: Lane| {
            let kept = u64::try_from(settings.tail_records).unwrap_or(u64::MAX);
            let first = Seq(journal.status(lane).first.0.saturating_sub(1));
            Seq(heads[lane.index()].0.saturating_sub(kept)).max(first)
        };
        let after = Lane::ALL.map(|lane| begin(lane).min(heads[lane.index()]));
        let bytes = settings.tail_bytes.as_usize();
        let mut newest = Tail::new(settings.tail_records, bytes, after);
        for lane in Lane::ALL {
            let at = lane.index();
            tail::read(&*journal, lane, after[at], heads[at], |step| {
                newest.push(lane, step);
            })?;
        }
        let place = |lane: Lane| (journal.status(lane).epoch, heads[lane.index()]);
        let heads = Place::new(place(Lane::Critical), place(Lane::Normal));
        let engine = Engine::new(settings.limits(), &heads);
        let (ended, _) = watch::channel(false);
        let shared = Arc::new(Shared {
            engine_id: random_name()?,
            start: clock.monotonic(),
            journal,
            views,
            clock,
            settings,
            metrics: Metrics::default(),
            core: Mutex::new(Core::new(engine)),
            tail: Mutex::new(newest),
            asks: Mutex::default(),
            threads: Mutex::default(),
            stopping: AtomicBool::new(false),
            ended,
        });
        let hub = Self {
            shared: Arc::clone(&shared),
            threads: Mutex::default(),
        };
        let reader = Reader::new(Arc::clone(&shared));
        let runner = Runner::new(Arc::clone(&shared), batches);
        let reader = Builder::new()
            .name("live-reader".into())
            .spawn(move || reader.run())?;
        shared.threads.lock().reader = Some(reader.thread().clone());
        hub.threads.lock().push(reader);
        let runner = Builder::new()
            .name("live".into())
            .spawn(move || runner.run())?;
        shared.threads.lock().live = Some(runner.thread().clone());
        hub.threads.lock().push(runner);
        Ok(Arc::new(hub))
    }

    /// Opens a session.
    ///
    /// # Errors
    /// If there are too many sessions, or the sessions there are too far behind.
    pub fn open(self: &Arc<Self>, opening: Opening) -> Result<Session, Saturated> {
        let encoding = opening.encoding;
        let opening = spica_live::Opening {
            encoding,
            hidden: opening.hidden.map(Into::into),
            credit: opening.credit,
            bytes_per_s: opening.bytes_per_s,
        };
        let opened = self.shared.with(|core, now| {
            room(core, &self.shared.settings)?;
            Ok(core.engine.open(opening, now))
        });
        let id = opened.inspect_err(|_| {
            self.shared.metrics.sessions_refused.inc();
        })?;
        self.shared.metrics.sessions.inc();
        Ok(Session {
            shared: Arc::clone(&self.shared),
            id,
            encoding,
            drain: Drain::default(),
        })
    }

    /// Whether there is room for a session, to be asked before its client is let in. One that is let
    /// in may still find that others were faster.
    ///
    /// # Errors
    /// As [`open`](Self::open), and counted as that.
    pub fn admit(&self) -> Result<(), Saturated> {
        self.room().inspect_err(|_| {
            self.shared.metrics.sessions_refused.inc();
        })
    }

    /// Whether there is room for a session now.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.room().is_ok()
    }

    fn room(&self) -> Result<(), Saturated> {
        room(&self.shared.core.lock(), &self.shared.settings)
    }

    /// What the hub counts, to be registered once.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    /// The settings the hub runs with.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// How many rows were sent to sessions so far.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.shared.core.lock().engine.counters().rows
    }

    /// Ends the threads and waits for them. Sessions get nothing more. Calling it again does nothing.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        {
            let threads = self.shared.threads.lock();
            unpark(threads.live.as_ref());
            unpark(threads.reader.as_ref());
        }
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!("a thread of the live sessions has panicked");
            }
        }
    }

    /// Resolves when one of the threads has ended, for whatever reason: sessions get nothing more.
    pub async fn ended(&self) {
        let mut ended = self.shared.ended.subscribe();
        // Both the word and the end of the one who says it mean the same.
        let _ = ended.wait_for(|ended| *ended).await;
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").finish_non_exhaustive()
    }
}

/// Whether there is room for a session.
fn room(core: &Core, settings: &Settings) -> Result<(), Saturated> {
    if core.engine.sessions() >= settings.max_sessions {
        return Err(Saturated {
            retry_after: FULL_RETRY,
            detail: format!(
                "there are {} live sessions, the limit (live.max_sessions); try again later",
                settings.max_sessions
            ),
        });
    }
    if core.behind > settings.saturation.as_duration() {
        return Err(Saturated {
            retry_after: SATURATED_RETRY,
            detail: format!(
                "the live sessions are {} ms behind; try again later",
                core.behind.as_millis()
            ),
        });
    }
    Ok(())
}

/// 64 random bits as text.
fn random_name() -> Result<Arc<str>, getrandom::Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)?;
    Ok(format!("{:016x}", u64::from_be_bytes(bytes)).into())
}

impl Settings {
    /// The limits of the engine.
    fn limits(&self) -> Limits {
        Limits {
            subs: self.max_subs,
            groups: self.max_groups,
            topics: self.max_topics,
            queue: self.max_queue,
            queue_bytes: self.queue_bytes.as_usize(),
            total_bytes: self.total_bytes.as_usize(),
            cache_bytes: self.cache_bytes.as_usize(),
            history_bytes: self.history_bytes.as_usize(),
            tombstones: self.max_tombstones,
            resume: self.resume_limit,
            frame_bytes: self.frame_bytes.as_usize(),
            ..Limits::default()
        }
    }
}
