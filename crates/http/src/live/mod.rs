//! One live stream: a snapshot, then every record, without a hole that is not said.
//!
//! A stream is always in one of three phases. *Replay* reads the journal from the place the client
//! has seen to what the views show; *snapshot* sends the state instead, when there is no such place
//! or it is too far back; *follow* sends what the views fold, batch by batch. Places are compared
//! with every batch: what a slow stream misses in the queue of batches, it replays from the journal.
//!
//! ```text
//!   connect ──▶ snapshot ──▶ follow ◀── replay ◀── connect with Last-Event-ID
//!                  ▲           │           ▲
//!                  │ gap       │ missed    │ within `resume_limit`
//!                  └───────────┴───────────┘
//! ```

mod replay;
mod snapshot;

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use spica_model::{Lane, Position, Record, Topic, TopicFilter};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Interval, MissedTickBehavior};

use self::replay::{Replay, say};
use self::snapshot::Snapshot;
use crate::auth::{Identity, is_still_valid};
use crate::commit::shown;
use crate::metrics::Raised;
use crate::place::Place;
use crate::problem::Problem;
use crate::record_json;
use crate::scan::Wanted;
use crate::sse;
use crate::state::App;
use crate::tables::GapBody;

/// Bytes after which a piece is sent.
const PIECE_BYTES: usize = 64 << 10;

/// How a stream begins.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start {
    /// With the state.
    Snapshot,
    /// With what happens from now on.
    Now,
    /// With what happened after a place.
    After(Place),
}

/// A live stream.
pub(crate) struct Live {
    app: App,
    identity: Identity,
    filter: TopicFilter,
    wanted: Arc<Wanted>,
    phase: Phase,
    /// Up to where the client knows everything it wants.
    place: Option<Place>,
    /// Topics whose record in the snapshot was newer than its place: it comes again.
    newer: HashMap<Topic, Position>,
    batches: Receiver<Arc<[Record]>>,
    heartbeat: Interval,
    /// Resolves when the node serves no more.
    ended: BoxFuture<'static, ()>,
    _open: Raised,
}

enum Phase {
    /// Nothing of before is wanted.
    Begin,
    /// Decide how to go on.
    Connect,
    /// The journal, up to where the views stand.
    Replay(Replay),
    /// The state tree, from the topic after this one.
    Snapshot(Snapshot),
    /// What is left of a batch that the views have folded, from this record on.
    Batch(Arc<[Record]>, usize),
    /// Wait for the next batch.
    Follow,
    /// Nothing more.
    End,
}

impl Live {
    pub(crate) fn new(app: App, identity: Identity, filter: TopicFilter, start: Start) -> Self {
        let (place, phase) = match start {
            Start::Snapshot => (None, Phase::Connect),
            Start::Now => (None, Phase::Begin),
            Start::After(place) => (Some(place), Phase::Connect),
        };
        let hidden = (!identity.sees_all()).then(|| app.names.system.clone());
        let wanted = Wanted {
            filter: Some(filter.clone()),
            hidden,
            ..Wanted::default()
        };
        let mut heartbeat = tokio::time::interval(app.settings.heartbeat.into());
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        Self {
            batches: app.parts.views.subscribe(),
            ended: app.parts.role.ended(),
            _open: Raised::new(&app.parts.metrics.streams),
            wanted: Arc::new(wanted),
            phase,
            place,
            newer: HashMap::new(),
            app,
            identity,
            filter,
            heartbeat,
        }
    }

    /// The body: pieces of whole events, until the client goes, the node stops or serves no more, or
    /// the token is revoked.
    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
        futures::stream::unfold(self, |mut live| async move {
            let piece = live.piece().await?;
            Some((Ok(piece), live))
        })
    }

    /// The next piece that is not empty.
    async fn piece(&mut self) -> Option<Bytes> {
        let stopping = self.app.stopping.clone();
        // Out of the way of the steps, and back for the next piece.
        let mut ended = std::mem::replace(&mut self.ended, Box::pin(std::future::pending()));
        let mut out = Vec::new();
        while out.is_empty() && !matches!(self.phase, Phase::End) {
            tokio::select! {
                () = self.step(&mut out) => {}
                () = stopping.cancelled() => self.phase = Phase::End,
                () = &mut ended => self.phase = Phase::End,
            }
        }
        self.ended = ended;
        if out.is_empty() {
            None
        } else {
            Some(out.into())
        }
    }

    /// One step of the current phase, which says what comes next; if it does not: the end.
    async fn step(&mut self, out: &mut Vec<u8>) {
        match std::mem::replace(&mut self.phase, Phase::End) {
            Phase::Begin => {
                let now = self.subscribe().await;
                self.ready(out, now);
            }
            Phase::Connect => self.connect(out).await,
            Phase::Replay(replay) => self.replay(out, replay).await,
            Phase::Snapshot(snapshot) => self.snapshot(out, snapshot),
            Phase::Batch(batch, from) => self.batch(out, batch, from),
            Phase::Follow => self.follow(out).await,
            Phase::End => {}
        }
    }

    /// Where the views stand.
    fn shown(&self) -> Place {
        let [critical, normal] = self.app.parts.views.status().applied;
        let epoch = |lane| self.app.parts.journal.status(lane).epoch;
        Place::new(
            (epoch(Lane::Critical), critical),
            (epoch(Lane::Normal), normal),
        )
    }

    /// Subscribes first and asks afterwards, so that nothing falls between: says where the views
    /// stand. What was durable before may have been sent to others already, so it must lie before
    /// the place from which batches count.
    async fn subscribe(&mut self) -> Place {
        let app = self.app.clone();
        self.batches = app.parts.views.subscribe();
        for lane in Lane::ALL {
            shown(&app, lane, app.parts.journal.status(lane).durable).await;
        }
        self.shown()
    }

    /// Decides how to go on.
    async fn connect(&mut self, out: &mut Vec<u8>) {
        let until = self.subscribe().await;
        let Some(place) = self.place else {
            return self.begin_snapshot(until);
        };
        let wanted = Arc::clone(&self.wanted);
        match Replay::between(self.app.clone(), wanted, place, until).await {
            Ok(Some(replay)) => self.phase = Phase::Replay(replay),
            Ok(None) => {
                self.gap(out, place, until);
                self.begin_snapshot(until);
            }
            Err(problem) => broken(&problem),
        }
    }

    /// Says what will not come.
    fn gap(&mut self, out: &mut Vec<u8>, place: Place, until: Place) {
        self.app.parts.metrics.stream_gaps.inc();
        for lane in Lane::ALL {
            let (from, to) = (place.seq(lane).next(), until.seq(lane));
            if from <= to {
                say(out, "gap", &GapBody::new(lane, from, to));
            }
        }
    }

    async fn replay(&mut self, out: &mut Vec<u8>, replay: Replay) {
        let step = match replay.step(&self.app).await {
            Ok(step) => step,
            Err(problem) => return broken(&problem),
        };
        out.extend_from_slice(&step.out);
        self.place = Some(step.place);
        match step.rest {
            Some(rest) => self.phase = Phase::Replay(rest),
            None => self.ready(out, step.place),
        }
    }

    /// From now on records come as they happen.
    fn ready(&mut self, out: &mut Vec<u8>, place: Place) {
        self.place = Some(place);
        self.phase = Phase::Follow;
        sse::event(out, "ready", Some(&place), b"{}");
    }

    async fn follow(&mut self, out: &mut Vec<u8>) {
        tokio::select! {
            batch = self.batches.recv() => match batch {
                Ok(batch) => self.phase = Phase::Batch(batch, 0),
                Err(RecvError::Lagged(_)) => self.catch_up(),
                Err(RecvError::Closed) => {}
            },
            _ = self.heartbeat.tick() => self.beat(out),
        }
    }

    fn beat(&mut self, out: &mut Vec<u8>) {
        if !is_still_valid(&self.app, &self.identity) {
            return;
        }
        out.extend_from_slice(sse::HEARTBEAT);
        self.phase = Phase::Follow;
        if self.batches.is_empty() && self.is_behind() {
            self.catch_up();
        }
    }

    fn is_behind(&self) -> bool {
        let shown = self.shown();
        self.place.is_some_and(|place| {
            Lane::ALL
                .into_iter()
                .any(|lane| place.seq(lane) < shown.seq(lane))
        })
    }

    /// Goes on from the journal: something was missed.
    fn catch_up(&mut self) {
        self.app.parts.metrics.stream_catch_ups.inc();
        self.phase = Phase::Connect;
    }

    /// The records of a batch from `from` on, as many as make a piece.
    fn batch(&mut self, out: &mut Vec<u8>, batch: Arc<[Record]>, from: usize) {
        for (at, record) in batch.iter().enumerate().skip(from) {
            if out.len() >= PIECE_BYTES {
                self.phase = Phase::Batch(batch, at);
                return;
            }
            let Some(place) = &mut self.place else { return };
            let position = record.position;
            if place.covers(position) {
                continue;
            }
            // Numbers of a lane have no holes: what lies between is missed, damaged or removed. The
            // journal knows which.
            if position.seq > place.seq(position.lane).next() {
                return self.catch_up();
            }
            place.advance(position);
            let place = *place;
            if self.wanted.matches(record) && !self.was_shown(record) {
                sse::event(out, "record", Some(&place), &record_json::encode(record));
                self.app.parts.metrics.stream_records.inc();
            }
        }
        self.phase = Phase::Follow;
    }
}

fn broken(problem: &Problem) {
    tracing::warn!(
        detail = problem.detail(),
        "a live stream ends: the journal cannot be read"
    );
}
