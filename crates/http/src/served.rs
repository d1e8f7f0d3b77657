//! Who serves a request: this node, or its partner.
//!
//! A request to a node of a pair that does not serve is a vote. If that makes the node active, it is
//! served; if not, the client is sent to the active with `307 Temporary Redirect`, or told to come
//! again. That comes before everything that looks at the request: a node that does not serve
//! checks no token, reads no body and shows no data.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use spica_role::Service;

use crate::problem::{Problem, ProblemKind};
use crate::state::App;

/// How long a request waits at most while a pair decides who serves it.
const VOTE_WAIT: Duration = Duration::from_secs(2);

/// Runs a request if the node serves, or if it is about the node itself.
pub(crate) async fn served(State(app): State<App>, request: Request, next: Next) -> Response {
    if is_about_the_node(request.uri().path()) {
        return next.run(request).await;
    }
    let role = &app.parts.role;
    if !role.serves() {
        let vote = tokio::time::timeout(VOTE_WAIT, role.request()).await;
        match vote {
            Ok(Service::Here) => {}
            Ok(Service::Elsewhere {
                active: Some(active),
            }) => return to(&active, request.uri()),
            Ok(Service::Elsewhere { active: None }) | Err(_) => return nobody(),
        }
    }
    tokio::select! {
        biased;
        response = next.run(request) => response,
        () = role.ended() => ended(),
    }
}

/// What every node answers for itself, active or not.
fn is_about_the_node(path: &str) -> bool {
    let below = |prefix| {
        path.strip_prefix(prefix)
            .is_some_and(|rest: &str| rest.is_empty() || rest.starts_with('/'))
    };
    below("/health") || below("/v1/pair") || matches!(path, "/metrics" | "/openapi.json")
}

/// The same path and query, on the active.
fn to(active: &str, uri: &Uri) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let location = format!("{}{path}", active.trim_end_matches('/'));
    match HeaderValue::try_from(location) {
        Ok(location) => (
            StatusCode::TEMPORARY_REDIRECT,
            [(header::LOCATION, location)],
        )
            .into_response(),
        // An address that is none: configuration has checked it.
        Err(_) => nobody(),
    }
}

fn nobody() -> Response {
    let detail = "this node is one of a pair and not the active one, and does not know who is; ask \
                  its partner, or again";
    Problem::new(ProblemKind::Passive, detail).into_response()
}

fn ended() -> Response {
    let detail = "the node ceased to be the active one of its pair meanwhile. Whether a write took \
                  place is not known: repeat it with the same key";
    Problem::new(ProblemKind::TimedOut, detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_node_says_of_itself_is_answered_by_either() {
        for path in [
            "/health/active",
            "/metrics",
            "/openapi.json",
            "/v1/pair",
            "/v1/pair/x",
        ] {
            assert!(is_about_the_node(path), "{path}");
        }
        for path in [
            "/",
            "/v1/tree",
            "/v1/pairs",
            "/metrics/x",
            "/healthy",
            "/v1/topics/v1/pair",
        ] {
            assert!(!is_about_the_node(path), "{path}");
        }
    }
}
