//! What happens around every request: its id, its place, its time limit, its headers, its books.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use crate::auth::Peer;
use crate::buffers::hold;
use crate::metrics::Raised;
use crate::problem::{Problem, ProblemKind};
use crate::state::App;

/// The header that names a request in logs.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Runs a request.
pub(crate) async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = app.monotonic();
    let id = request_id(&app, request.headers());
    let method = request.method().clone();
    let route = route(&request);
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let mut response = admitted(&app, &route, request, next).await;
    finish(response.headers_mut(), &id);
    let took = app.monotonic().duration_since(begun);
    let status = response.status().as_u16();
    app.parts
        .metrics
        .answered(method.as_str(), &route, status, took);
    // The route, not the path or the query: a line of the log tells no topic and no secret.
    tracing::debug!(
        request = %id.to_str().unwrap_or_default(), %method, %route, status,
        took_us = took.as_micros(), peer = ?peer,
        "request"
    );
    response
}

/// Runs a request if there is a place for it. The place is given back when the answer is sent.
async fn admitted(app: &App, route: &str, request: Request, next: Next) -> Response {
    // Who asks whether the node is well gets an answer also when it is full.
    if route.starts_with("/health/") {
        return bounded(app, request, next).await;
    }
    let Ok(place) = Arc::clone(&app.requests).try_acquire_owned() else {
        app.parts.metrics.refused("requests");
        let detail = "too many requests are in hand (http.max_requests); try again later";
        return Problem::busy(detail).into_response();
    };
    let in_flight = Raised::new(&app.parts.metrics.in_flight);
    let response = bounded(app, request, next).await;
    response.map(|body| hold(body, (place, in_flight)))
}

/// Runs a request within its time, and survives its panic.
async fn bounded(app: &App, request: Request, next: Next) -> Response {
    let patience: Duration = app.settings.request_timeout.into();
    let run = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(patience, run).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            tracing::error!("a request panicked");
            Problem::new(ProblemKind::Internal, "the node's log says what").into_response()
        }
        Err(_) => {
            let detail = format!(
                "no outcome after {patience:?} (http.request_timeout). Whether a write took place is \
                 not known: repeat it with the same key"
            );
            Problem::new(ProblemKind::TimedOut, detail).into_response()
        }
    }
}

fn route(request: &Request) -> String {
    let matched = request
        .extensions()
        .get::<MatchedPath>()
        .map(MatchedPath::as_str);
    matched.unwrap_or("none").to_owned()
}

/// The client's own id, if it is a decent one, or a new one.
fn request_id(app: &App, headers: &HeaderMap) -> HeaderValue {
    let decent = |value: &&HeaderValue| {
        let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (1..=64).contains(&value.len()) && value.as_bytes().iter().all(plain)
    };
    let own = headers.get(REQUEST_ID).filter(decent).cloned();
    own.unwrap_or_else(|| app.request_ids.next())
}

/// Ids for requests: a random beginning per start, then a count. To find a line in a log, not to be
/// secret.
#[derive(Debug)]
pub(crate) struct RequestIds {
    begin: u32,
    count: AtomicU32,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        // Without random bytes two starts have the same ids: a nuisance, no danger.
        let begin = getrandom::u32().unwrap_or_default();
        Self {
            begin,
            count: AtomicU32::new(0),
        }
    }

    fn next(&self) -> HeaderValue {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let id = format!("{:08x}{count:08x}", self.begin);
        HeaderValue::from_str(&id).unwrap_or(HeaderValue::from_static("0"))
    }
}

/// Headers of every answer. A payload that someone published must not run as a page of this node.
fn finish(headers: &mut HeaderMap, id: &HeaderValue) {
    headers.insert(REQUEST_ID, id.clone());
    let always = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in always {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let usual = [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; sandbox",
        ),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in usual {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

/// For paths that are not there.
pub(crate) async fn no_such_path() -> Problem {
    Problem::not_found("no such path; /openapi.json lists all")
}

/// For methods that a path does not have.
pub(crate) async fn no_such_method() -> Problem {
    let detail = "this path has other methods (see Allow, and /openapi.json)";
    Problem::new(ProblemKind::MethodNotAllowed, detail)
}
