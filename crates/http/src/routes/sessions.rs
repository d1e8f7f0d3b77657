//! `/v1/live/…`: live sessions over WebSocket, server-sent events and long-poll.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use spica_live_proto::Encoding;
use utoipa::{IntoParams, ToSchema};

use crate::accept::Connection;
use crate::auth::{Caller, Reader};
use crate::extract::{PathOf, QueryOf, body};
use crate::openapi::{Bad, Conflicting, Missing, TooLarge, Upgrading, Usual};
use crate::problem::{Problem, ProblemKind};
use crate::sessions::calls::Inside;
use crate::sessions::handshake::wants_upgrade;
use crate::sessions::room::{Read, Room, Way};
use crate::sessions::{
    Conversation, Ending, Guest, Key, Stream, admit, busy, keep, read_hello, websocket,
};
use crate::sse;
use crate::state::App;

/// The header with which a browser says where it was.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long a poll waits by itself, and at most.
const POLL: Duration = Duration::from_secs(20);

/// A session that was opened.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LiveSession)]
pub(crate) struct OpenedBody {
    /// Names the session from now on: a secret.
    session: String,
    /// The first frames: welcome. They are not counted by `events` and `poll`.
    #[schema(value_type = Vec<Object>)]
    frames: [Box<RawValue>; 1],
}

/// Frames of a session.
#[derive(Debug, ToSchema)]
#[schema(as = LiveFrames)]
#[expect(dead_code, reason = "a schema: it is written frame by frame")]
pub(crate) struct FramesPage {
    /// The number of the last frame: what `after` is next.
    next: u64,
    /// The frames, in order.
    #[schema(value_type = Vec<Object>)]
    frames: Vec<u8>,
}

/// From where to read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PollQuery {
    /// The number of the last frame that the client has; 0 by default.
    after: Option<u64>,
    /// How long to wait for a frame; 20 s by default and at most.
    timeout_ms: Option<u64>,
}

/// See and do everything over one connection
///
/// A WebSocket with the subprotocol `spica.live.v1.json` or `spica.live.v1.cbor`; docs/live.md says
/// what is spoken. The token comes in the first frame, or as `Authorization`.
#[utoipa::path(
    get, path = "/v1/live/ws", tag = "live", operation_id = "live_websocket",
    responses((status = 101, description = "A WebSocket from now on"), Usual, Bad, Upgrading),
    security(("token" = ["reader"])),
)]
pub(crate) async fn open_websocket(
    State(app): State<App>,
    guest: Guest,
    request: Request,
) -> Result<Response, Problem> {
    if !guest.is_known() && !wants_upgrade(request.headers()) {
        return Err(Problem::unauthenticated(
            "open a WebSocket, or send a token",
        ));
    }
    websocket::upgrade(app, guest, request)
}

/// Open a live session without a WebSocket
///
/// The body is the `hello` frame; docs/live.md says what is spoken. The token comes in it, or as
/// `Authorization`.
#[utoipa::path(
    post, path = "/v1/live/sessions", tag = "live", operation_id = "open_session",
    request_body(content = Object, description = "A hello frame"),
    responses((status = 200, description = "The session", body = OpenedBody), Usual, Bad, TooLarge),
    security(("token" = ["reader"])),
)]
pub(crate) async fn open(
    State(app): State<App>,
    guest: Guest,
    request: Request,
) -> Result<Response, Problem> {
    admit(&app)?;
    let connection = request.extensions().get::<Arc<Connection>>().cloned();
    let limit = app.settings.live.client_frame.as_usize();
    let (_, bytes, _reserved) = body(request, &app, limit).await?;
    let known = guest.is_known();
    let hello = read_hello(&app, Encoding::Json, &bytes).map_err(|ending| match known {
        true => refused(&app, &ending),
        false => Problem::unauthenticated("send a token, in a hello frame or as Authorization"),
    })?;
    let Some(connection) = connection else {
        let detail = "there is no connection to answer on";
        return Err(Problem::new(ProblemKind::Internal, detail));
    };
    let inside = Inside {
        router: connection.router.clone(),
        peer: connection.peer,
    };
    let key = Key::new()?;
    let opened = Conversation::open(app.clone(), inside, guest, &hello, Encoding::Json, &key);
    let (conversation, welcome) = opened.map_err(|ending| refused(&app, &ending))?;
    let owner = conversation.known().identity.id.clone();
    let (room, posted) = Room::new(owner, app.settings.live.outbox.as_usize());
    app.sessions.insert(key, Arc::clone(&room));
    let keeper = keep(app, key, room, conversation, posted);
    let dropping = connection.dropping.clone();
    connection.tasks.spawn(async move {
        tokio::select! {
            () = keeper => {}
            () = dropping.cancelled() => {}
        }
    });
    let frames = [raw(&welcome)?];
    let session = key.to_string();
    Ok(axum::Json(OpenedBody { session, frames }).into_response())
}

/// Why no session began.
fn refused(app: &App, ending: &Ending) -> Problem {
    app.parts.metrics.sessions.refused(ending.label());
    let detail = ending.bye(app).map(|bye| bye.detail).unwrap_or_default();
    match ending {
        Ending::Unauthorized(_) => Problem::unauthenticated(detail),
        Ending::Overloaded(saturated) => busy(saturated),
        _ => Problem::bad_request(detail),
    }
}

fn raw(frame: &[u8]) -> Result<Box<RawValue>, Problem> {
    serde_json::from_slice(frame)
        .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))
}

/// Say something in a live session
///
/// The body is an array of frames. Answers come in the stream.
#[utoipa::path(
    post, path = "/v1/live/sessions/{session}", tag = "live", operation_id = "post_frames",
    params(("session" = String, Path, description = "The session")),
    request_body(content = Vec<Object>, description = "Frames"),
    responses((status = 202, description = "They are heard"), Usual, Bad, Missing, TooLarge),
    security(("token" = ["reader"])),
)]
pub(crate) async fn post(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    PathOf(session): PathOf<String>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let room = app.sessions.find(&session, &identity.id)?;
    let limit = app.settings.live.client_frame.as_usize();
    let (_, bytes, _reserved) = body(request, &app, limit).await?;
    let frames: Vec<&RawValue> = serde_json::from_slice(&bytes)
        .map_err(|error| Problem::bad_request(format!("the body is no array: {error}")))?;
    let frames = frames
        .into_iter()
        .map(|frame| bytes.slice_ref(frame.get().as_bytes()))
        .collect();
    if room.post(frames) {
        Ok(StatusCode::ACCEPTED)
    } else {
        let detail = "the session has not yet heard what was posted before; read it, and try again";
        Err(Problem::busy(detail))
    }
}

/// Read a live session as server-sent events
///
/// One frame per event; ids count frames from 1. With `Last-Event-ID` what comes after that frame,
/// as long as it is kept.
#[utoipa::path(
    get, path = "/v1/live/sessions/{session}/events", tag = "live", operation_id = "session_events",
    params(
        ("session" = String, Path, description = "The session"),
        ("Last-Event-ID" = Option<u64>, Header, description = "The id of the last event seen"),
    ),
    responses(
        (status = 200, description = "Frames", body = String, content_type = "text/event-stream"),
        Usual, Bad, Missing, Conflicting,
    ),
    security(("token" = ["reader"])),
)]
pub(crate) async fn events(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    PathOf(session): PathOf<String>,
    headers: HeaderMap,
    connection: Option<Extension<Arc<Connection>>>,
) -> Result<Response, Problem> {
    let room = app.sessions.find(&session, &identity.id)?;
    let at = match headers.get(LAST_EVENT_ID) {
        None => 0,
        Some(id) => id
            .to_str()
            .ok()
            .and_then(|id| id.parse().ok())
            .ok_or_else(|| Problem::bad_request("Last-Event-ID: give back an id as it came"))?,
    };
    let reader = room.read(Way::Stream);
    if !reader.holds(at) {
        return Err(lost());
    }
    let link = connection.map(|Extension(connection)| Arc::clone(&connection.link));
    let frames = futures::stream::unfold(Stream::new(reader, at, link), Stream::next);
    let headers = [
        (header::CONTENT_TYPE, sse::CONTENT_TYPE),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies that buffer would make it anything but live.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(frames)).into_response())
}

fn lost() -> Problem {
    let detail = "the session does not hold what comes after that frame any more: open a new one \
                  and resume";
    Problem::new(ProblemKind::Conflict, detail)
}

/// Read a live session by long-poll
///
/// Waits until there is a frame after `after`. The same `after` again gives the same frames again;
/// a greater one says that the client has what was before.
#[utoipa::path(
    get, path = "/v1/live/sessions/{session}/poll", tag = "live", operation_id = "poll_session",
    params(("session" = String, Path, description = "The session"), PollQuery),
    responses(
        (status = 200, description = "Frames; none if none came in time", body = FramesPage),
        Usual, Bad, Missing, Conflicting,
    ),
    security(("token" = ["reader"])),
)]
pub(crate) async fn poll(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    PathOf(session): PathOf<String>,
    QueryOf(query): QueryOf<PollQuery>,
) -> Result<Response, Problem> {
    let room = app.sessions.find(&session, &identity.id)?;
    let after = query.after.unwrap_or(0);
    let asked = query.timeout_ms.map_or(POLL, Duration::from_millis);
    let whole: Duration = app.settings.request_timeout.into();
    let patience = asked.min(POLL).min(whole * 2 / 3);
    let mut reader = room.read(Way::Polls);
    reader.acknowledge(after);
    let (frames, next) = match tokio::time::timeout(patience, reader.after(after)).await {
        Ok(Read::Frames(frames, last)) => (frames, last),
        Err(_) => (Vec::new(), after),
        Ok(Read::Over) => return Err(Problem::not_found("the session is over")),
        Ok(Read::TakenOver) => {
            let detail = "another request reads this session now";
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        Ok(Read::Lost) => return Err(lost()),
    };
    let mut page = format!("{{\"next\":{next},\"frames\":[").into_bytes();
    page.extend_from_slice(&frames.join(&b','));
    page.extend_from_slice(b"]}");
    reader.answer(next, page.len());
    let headers = [(header::CONTENT_TYPE, "application/json")];
    Ok((headers, page).into_response())
}

/// End a live session
#[utoipa::path(
    delete, path = "/v1/live/sessions/{session}", tag = "live", operation_id = "end_session",
    params(("session" = String, Path, description = "The session")),
    responses((status = 204, description = "It has ended"), Usual, Missing),
    security(("token" = ["reader"])),
)]
pub(crate) async fn end(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    PathOf(session): PathOf<String>,
) -> Result<StatusCode, Problem> {
    app.sessions.find(&session, &identity.id)?.leave();
    Ok(StatusCode::NO_CONTENT)
}
