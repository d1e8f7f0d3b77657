//! Calls: requests to this interface over a session, with the session's rights.
//!
//! A call goes the way of every request, from the guard on, so that there is one code path for what
//! is done; what is different is where it comes from and where its answer goes.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::Value;
use spica_live_proto::{Call, Encoding, ServerFrame, encode};
use tower::ServiceExt;

use crate::auth::Peer;
use crate::buffers::Reserved;
use crate::problem::{Problem, ProblemKind};
use crate::state::App;

/// The header that makes a repetition harmless.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Methods of calls.
const METHODS: [Method; 5] = [
    Method::GET,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];

/// From where calls of a session are made.
#[derive(Clone)]
pub(crate) struct Inside {
    /// The whole interface.
    pub(crate) router: Router,
    /// The address of the client.
    pub(crate) peer: SocketAddr,
}

/// An encoded answer, and the memory it takes until it is written.
struct Held {
    bytes: Vec<u8>,
    _reserved: Option<Reserved>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Carries out a call: its `result` frame, encoded.
pub(crate) async fn carry_out(
    app: App,
    inside: Inside,
    call: Call,
    authorization: Option<HeaderValue>,
    encoding: Encoding,
) -> Bytes {
    app.parts.metrics.sessions.calls.inc();
    let id = call.id;
    let response = match request(call, authorization, inside.peer) {
        Ok(request) => match inside.router.oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        Err(problem) => problem.into_response(),
    };
    let (status, body, reserved) = match read(&app, response).await {
        Ok(read) => read,
        // Of a refusal only the words can be too many, and they are not.
        Err(problem) => read(&app, problem.into_response()).await.unwrap_or((
            ProblemKind::Busy.status().as_u16(),
            None,
            None,
        )),
    };
    let frame = ServerFrame::Result { id, status, body };
    let mut bytes = Vec::new();
    encode(encoding, &frame, &mut bytes);
    Bytes::from_owner(Held {
        bytes,
        _reserved: reserved,
    })
}

fn request(
    call: Call,
    authorization: Option<HeaderValue>,
    peer: SocketAddr,
) -> Result<Request, Problem> {
    let method = METHODS.iter().find(|method| method.as_str() == call.method);
    let Some(method) = method else {
        return Err(Problem::bad_request(
            "a call's method is GET, POST, PUT, PATCH or DELETE",
        ));
    };
    check_path(&call.path)?;
    let mut request = Request::builder()
        .method(method)
        .uri(call.path)
        .header(header::ACCEPT, "application/json");
    if let Some(authorization) = authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    if let Some(key) = call.key {
        request = request.header(IDEMPOTENCY_KEY, key);
    }
    let body = match call.body {
        Some(body) => {
            request = request.header(header::CONTENT_TYPE, "application/json");
            Body::from(body.to_string())
        }
        None => Body::empty(),
    };
    request
        .extension(Peer(peer))
        .body(body)
        .map_err(|error| Problem::bad_request(format!("this call is no request: {error}")))
}

/// Calls are for what is below `/v1/`, but for sessions and streams.
fn check_path(path: &str) -> Result<(), Problem> {
    let live = path
        .strip_prefix("/v1/live")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
    if path.starts_with("/v1/") && !live {
        return Ok(());
    }
    Err(Problem::forbidden(
        "calls are for paths below /v1/, but not for /v1/live",
    ))
}

/// Status and JSON body of an answer, and the memory it takes.
async fn read(
    app: &App,
    response: Response,
) -> Result<(u16, Option<Value>, Option<Reserved>), Problem> {
    let status = response.status().as_u16();
    let limit = app.settings.live.call_answer.as_usize();
    let is_json = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| {
            let kind = kind.to_str().unwrap_or_default();
            kind.starts_with("application/json") || kind.starts_with("application/problem+json")
        });
    let patience = app.settings.request_timeout.into();
    let body = Limited::new(response.into_body(), limit).collect();
    let bytes = match tokio::time::timeout(patience, body).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            let detail = format!(
                "the answer has more than {limit} bytes (http.live.call_answer); ask for less, or \
                 over HTTP"
            );
            return Err(Problem::new(ProblemKind::TooLarge, detail));
        }
        Ok(Err(error)) => {
            let detail = format!("the answer broke off: {error}");
            return Err(Problem::new(ProblemKind::Internal, detail));
        }
        Err(_) => {
            let detail = "the answer did not end (http.request_timeout)";
            return Err(Problem::new(ProblemKind::TimedOut, detail));
        }
    };
    if bytes.is_empty() {
        return Ok((status, None, None));
    }
    if !is_json {
        let detail = "the answer is no JSON: ask for it over HTTP";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let reserved = app.buffers.reserve(bytes.len())?;
    let body = serde_json::from_slice(&bytes)
        .map_err(|error| Problem::new(ProblemKind::Internal, error.to_string()))?;
    Ok((status, Some(body), Some(reserved)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_reach_what_is_below_v1_but_no_sessions() {
        for path in [
            "/v1/tree",
            "/v1/records?limit=1",
            "/v1/lively",
            "/v1/topics/a/live",
        ] {
            check_path(path).unwrap();
        }
        for path in [
            "",
            "/",
            "/metrics",
            "/v1",
            "v1/tree",
            "http://other/v1/tree",
        ] {
            check_path(path).unwrap_err();
        }
        for path in [
            "/v1/live",
            "/v1/live?topic=%23",
            "/v1/live/ws",
            "/v1/live/sessions",
        ] {
            check_path(path).unwrap_err();
        }
    }
}
