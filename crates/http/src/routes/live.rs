//! `/v1/live`: server-sent events.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use spica_model::TopicFilter;
use utoipa::IntoParams;

use crate::auth::{Caller, Reader};
use crate::buffers::hold;
use crate::extract::QueryOf;
use crate::live::{Live, Start};
use crate::openapi::{Bad, Usual};
use crate::place::Place;
use crate::problem::Problem;
use crate::schemas::{EventIdText, FilterText};
use crate::sse;
use crate::state::App;

/// The header with which a browser says where it was.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// What to see.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LiveQuery {
    /// A topic filter: `+` for one level, a final `#` for all below. Everything by default.
    #[param(value_type = Option<FilterText>)]
    topic: Option<String>,
    /// Whether a stream that does not resume begins with the state; true by default.
    snapshot: Option<bool>,
}

/// See records as they happen
///
/// Server-sent events. First a snapshot: one `record` per state topic that matches (not with
/// `snapshot=false`); then `ready`; then each `record`, with an id. With `Last-Event-ID` everything after that id instead of the
/// snapshot; a `gap` and a snapshot if that is too far back. `damaged` names records that cannot be
/// read. A comment every `http.heartbeat` says that the stream is alive.
#[utoipa::path(
    get, path = "/v1/live", tag = "records", operation_id = "live",
    params(
        LiveQuery,
        ("Last-Event-ID" = Option<EventIdText>, Header, description = "The id of the last event seen: `critical:<epoch>/<number>,normal:<epoch>/<number>`"),
    ),
    responses(
        (status = 200, description = "Events: record, ready, gap, damaged", body = String, content_type = "text/event-stream"),
        Usual, Bad,
    ),
    security(("token" = ["reader"])),
)]
pub(crate) async fn live(
    State(app): State<App>,
    Caller(identity, _): Caller<Reader>,
    headers: HeaderMap,
    QueryOf(query): QueryOf<LiveQuery>,
) -> Result<Response, Problem> {
    let filter = query.topic.unwrap_or_else(|| "#".to_owned());
    let filter = TopicFilter::new(filter)
        .map_err(|error| Problem::bad_request(format!("topic: {error}")))?;
    let resume = resume(&headers)?;
    let Ok(place) = Arc::clone(&app.streams).try_acquire_owned() else {
        app.parts.metrics.refused("streams");
        return Err(Problem::busy(
            "too many live streams are open (http.max_streams); try again later",
        ));
    };
    let start = match resume {
        Some(place) => Start::After(place),
        None if query.snapshot.unwrap_or(true) => Start::Snapshot,
        None => Start::Now,
    };
    let live = Live::new(app, identity, filter, start);
    let body = hold(Body::from_stream(live.into_stream()), place);
    let headers = [
        (header::CONTENT_TYPE, sse::CONTENT_TYPE),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies that buffer would make it anything but live.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body).into_response())
}

fn resume(headers: &HeaderMap) -> Result<Option<Place>, Problem> {
    let Some(id) = headers.get(LAST_EVENT_ID) else {
        return Ok(None);
    };
    let place: Option<Place> = id.to_str().ok().and_then(|id| id.parse().ok());
    place
        .map(Some)
        .ok_or_else(|| Problem::bad_request("Last-Event-ID: give back an id as it came"))
}
