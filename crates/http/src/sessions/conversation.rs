//! A session after its hello, whatever carries it: what the client says and what it is told.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use spica_live_hub::{Frames, Opening, Session, SessionFrame};
use spica_live_proto::{
    About, Call, ClientFrame, Encoding, FrameError, Hello, RefusalCode, ServerFrame, Welcome,
    decode_client, encode,
};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::auth::is_still_valid;
use crate::link::Taken;
use crate::sessions::calls::{Inside, carry_out};
use crate::sessions::ending::Ending;
use crate::sessions::guest::{Guest, Known};
use crate::sessions::key::Key;
use crate::state::App;

/// A session.
pub(crate) struct Conversation {
    app: App,
    inside: Inside,
    known: Known,
    session: Session,
    /// What may happen at any time. Only what was woken is looked at: a busy session does not ask
    /// again and again whether the node stops.
    happenings: FuturesUnordered<BoxFuture<'static, Happening>>,
    /// Calls among them.
    calls: usize,
    beat: Interval,
    /// The last round trip, if whatever carries the session knows it.
    pub(crate) round_trip: Option<Duration>,
}

enum Happening {
    Over(Ending),
    Answered(Bytes),
}

/// What a session says.
pub(crate) enum Said {
    /// Whole frames, in order.
    Frames(Frames),
    /// That it lives.
    Beat(Bytes),
    /// Its last word is the reason.
    Over(Ending),
}

/// What becomes of a frame.
pub(crate) enum Heard {
    /// The session answers when it is time.
    Taken,
    /// It is answered.
    Answer(Bytes),
    /// It is the last.
    Over(Ending),
}

/// Encodes a frame.
pub(crate) fn frame(encoding: Encoding, frame: &ServerFrame) -> Bytes {
    let mut bytes = Vec::new();
    encode(encoding, frame, &mut bytes);
    bytes.into()
}

/// Reads a client's first frame.
///
/// # Errors
/// If it is no hello.
pub(crate) fn read_hello(app: &App, encoding: Encoding, bytes: &[u8]) -> Result<Hello, Ending> {
    count(app, bytes);
    match decode_client(encoding, bytes) {
        Ok(ClientFrame::Hello(hello)) => Ok(hello),
        Ok(_) => Err(Ending::Protocol("the first frame must be hello".to_owned())),
        Err(error) => {
            app.parts.metrics.sessions.bad_frames.inc();
            Err(Ending::Protocol(error.detail))
        }
    }
}

fn count(app: &App, bytes: &[u8]) {
    app.parts.metrics.sessions.frames_in.inc();
    app.parts
        .metrics
        .sessions
        .bytes_in
        .inc_by(bytes.len() as u64);
}

impl Conversation {
    /// Opens a session named `key` for who has said `hello`: the session, and its welcome.
    ///
    /// # Errors
    /// If they may not have one, or there are too many.
    pub(crate) fn open(
        app: App,
        inside: Inside,
        guest: Guest,
        hello: &Hello,
        encoding: Encoding,
        key: &Key,
    ) -> Result<(Self, Bytes), Ending> {
        let known = guest.introduce(&app, hello)?;
        let opening = Opening {
            encoding,
            hidden: (!known.identity.sees_all()).then(|| app.names.system.clone()),
            credit: hello.credit,
            bytes_per_s: hello.bytes_per_s,
        };
        let session = app.parts.live.open(opening).map_err(Ending::Overloaded)?;
        tracing::debug!(
            by = known.identity.by(),
            client = hello.client.as_deref().unwrap_or_default(),
            "a live session begins"
        );
        let conversation = Self {
            beat: beat(app.settings.live.heartbeat.into(), key),
            happenings: FuturesUnordered::new(),
            inside,
            known,
            session,
            calls: 0,
            round_trip: None,
            app,
        };
        conversation.watch();
        let welcome = conversation.welcome(key);
        Ok((conversation, welcome))
    }

    /// Sees to it that the end of the node's service ends the session.
    fn watch(&self) {
        let stopping = self.app.stopping.clone().cancelled_owned();
        let ended = self.app.parts.role.ended();
        self.happenings.push(Box::pin(async move {
            Happening::Over(tokio::select! {
                () = stopping => Ending::Stopping,
                () = ended => Ending::NotActive,
            })
        }));
    }

    fn welcome(&self, key: &Key) -> Bytes {
        let settings = &self.app.settings.live;
        let hub = self.app.parts.live.settings();
        let welcome = Welcome {
            session: key.to_string(),
            node: self.app.names.node.to_string(),
            engine: self.session.engine_id().to_owned(),
            time: self.app.now().as_micros(),
            heartbeat_ms: settings.heartbeat.as_millis(),
            role: self.known.identity.role.as_str(),
            max_frame: settings.client_frame.as_u64(),
            max_subs: u32::try_from(hub.max_subs).unwrap_or(u32::MAX),
        };
        self.frame(&ServerFrame::Welcome(Box::new(welcome)))
    }

    /// How its frames are encoded.
    pub(crate) const fn encoding(&self) -> Encoding {
        self.session.encoding()
    }

    /// Whose it is.
    pub(crate) const fn known(&self) -> &Known {
        &self.known
    }

    fn frame(&self, it: &ServerFrame) -> Bytes {
        frame(self.encoding(), it)
    }

    /// Notes what the client's link has taken. Returns its [room](Self::room).
    pub(crate) fn took(&mut self, taken: Taken) -> usize {
        self.session.took(taken.bytes, taken.waited);
        self.room()
    }

    /// Bytes that the client's link takes in a short time, if it has ever been waited for.
    pub(crate) fn room(&self) -> usize {
        self.session.room()
    }

    /// The next thing it says; `Frames` only if there is room for more, with about so many bytes of
    /// values. May be dropped and called again at any time.
    pub(crate) async fn next(&mut self, room: Option<usize>) -> Said {
        tokio::select! {
            biased;
            Some(happening) = self.happenings.next() => match happening {
                Happening::Over(ending) => Said::Over(ending),
                Happening::Answered(answer) => {
                    self.calls -= 1;
                    Said::Frames([answer].into_iter().collect())
                }
            },
            _ = self.beat.tick() => self.say_that_it_lives(),
            frames = self.session.next(room.unwrap_or_default()), if room.is_some() => {
                Said::Frames(frames)
            }
        }
    }

    fn say_that_it_lives(&self) -> Said {
        if !is_still_valid(&self.app, &self.known.identity) {
            return Said::Over(Ending::Unauthorized("this token was revoked"));
        }
        let time = self.app.now().as_micros();
        Said::Beat(self.frame(&ServerFrame::Beat { time }))
    }

    /// Does what the client says in a frame.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Heard {
        count(&self.app, bytes);
        let frame = match decode_client(self.encoding(), bytes) {
            Ok(frame) => frame,
            Err(error) => {
                self.app.parts.metrics.sessions.bad_frames.inc();
                return Heard::Answer(self.refused(error));
            }
        };
        match frame {
            ClientFrame::Hello(_) => {
                return Heard::Over(Ending::Protocol("hello comes once".to_owned()));
            }
            ClientFrame::Bye => return Heard::Over(Ending::LEFT),
            ClientFrame::Ping(id) => {
                let time = self.app.now().as_micros();
                return Heard::Answer(self.frame(&ServerFrame::Pong { id, time }));
            }
            ClientFrame::Call(call) => return self.call(*call),
            ClientFrame::Subscribe(it) => self.session.say(SessionFrame::Subscribe(it)),
            ClientFrame::Change { sub, limits } => {
                self.session.say(SessionFrame::Change { sub, limits });
            }
            ClientFrame::Unsubscribe(sub) => self.session.say(SessionFrame::Unsubscribe(sub)),
            ClientFrame::Credit(bytes) => self.session.say(SessionFrame::Credit(bytes)),
            ClientFrame::Stats(id) => {
                let rtt_ms = self.round_trip.map(|took| took.as_secs_f64() * 1e3);
                self.session.say(SessionFrame::Stats { id, rtt_ms });
            }
        }
        Heard::Taken
    }

    fn call(&mut self, call: Call) -> Heard {
        if !is_still_valid(&self.app, &self.known.identity) {
            return Heard::Over(Ending::Unauthorized("this token was revoked"));
        }
        let limit = self.app.settings.live.max_calls;
        if self.calls >= limit {
            return Heard::Answer(self.refused(FrameError {
                about: About::Id(call.id),
                code: RefusalCode::Limit,
                detail: format!("{limit} calls are in hand (http.live.max_calls)"),
            }));
        }
        self.calls += 1;
        let (app, inside) = (self.app.clone(), self.inside.clone());
        let authorization = self.known.authorization.clone();
        let answer = carry_out(app, inside, call, authorization, self.encoding());
        self.happenings
            .push(Box::pin(async move { Happening::Answered(answer.await) }));
        Heard::Taken
    }

    fn refused(&self, error: FrameError) -> Bytes {
        self.frame(&ServerFrame::Refused {
            about: error.about,
            code: error.code,
            detail: error.detail,
        })
    }
}

/// The heartbeat. Sessions that begin together, after a restart, do not beat together.
fn beat(period: Duration, key: &Key) -> Interval {
    let first = period / 2 + period.mul_f64(f64::from(key.byte()) / 512.0);
    let mut beat = interval_at(Instant::now() + first, period);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beat
}
