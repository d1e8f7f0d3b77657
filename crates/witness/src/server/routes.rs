//! The two requests, and who may make them.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State as Shared};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, ETAG, IF_MATCH, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};
use spica_settings::Secret;
use subtle::ConstantTimeEq;

use super::store::{Condition, Put, Store, tag};
use crate::name::KEY_BYTES;
use crate::value::VALUE_BYTES;

/// What all requests share.
#[derive(Debug)]
pub(super) struct State {
    pub(super) store: Store,
    /// SHA-256 of the token: comparing it tells nothing about the token's length.
    token: [u8; 32],
}

impl State {
    pub(super) fn new(store: Store, token: &Secret) -> Self {
        let token = Sha256::digest(token.expose()).into();
        Self { store, token }
    }
}

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/v1/witness/{key}", get(read).put(write))
        .layer(middleware::from_fn_with_state(state.clone(), guard))
        .with_state(state)
}

/// Lets in who has the token.
async fn guard(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let authorization = request.headers().get(AUTHORIZATION);
    let said = authorization.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let hash: [u8; 32] = Sha256::digest(said.unwrap_or_default()).into();
    if said.is_none() || !bool::from(hash.ct_eq(&state.token)) {
        return (StatusCode::UNAUTHORIZED, "a bearer token is needed\n").into_response();
    }
    next.run(request).await
}

async fn read(Shared(state): Shared<Arc<State>>, Path(key): Path<String>) -> Response {
    match state.store.get(&key) {
        None => StatusCode::NOT_FOUND.into_response(),
        Some(value) => {
            let headers = [(ETAG, tag(&value)), (CACHE_CONTROL, "no-store".to_owned())];
            (headers, value).into_response()
        }
    }
}

async fn write(
    Shared(state): Shared<Arc<State>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(condition) = condition(&headers) else {
        let said = "either If-Match with one ETag or If-None-Match: * is needed\n";
        return (StatusCode::PRECONDITION_REQUIRED, said).into_response();
    };
    if !is_key(&key) {
        let said = "a key has 1 to 200 letters, digits and any of - _ . =\n";
        return (StatusCode::BAD_REQUEST, said).into_response();
    }
    let Ok(body) = to_bytes(body, VALUE_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let Ok(value) = String::from_utf8(body.into()) else {
        return (StatusCode::BAD_REQUEST, "a value is UTF-8\n").into_response();
    };
    match state.store.put(key, value, condition).await {
        Put::Done(tag) => (StatusCode::NO_CONTENT, [(ETAG, tag)]).into_response(),
        Put::Unmet => StatusCode::PRECONDITION_FAILED.into_response(),
        Put::Full => (StatusCode::INSUFFICIENT_STORAGE, "too many keys\n").into_response(),
        Put::Failed(said) => (StatusCode::INTERNAL_SERVER_ERROR, said).into_response(),
    }
}

/// The one condition of a write; none if there is none, or more than one.
fn condition(headers: &HeaderMap) -> Option<Condition> {
    let one = |name| {
        let mut values = headers.get_all(name).iter();
        let first = values.next().map(|value| value.to_str().ok());
        (first, values.next().is_none())
    };
    match (one(IF_MATCH), one(IF_NONE_MATCH)) {
        ((Some(Some(tag)), true), (None, _)) => Some(Condition::Tag(tag.to_owned())),
        ((None, _), (Some(Some("*")), true)) => Some(Condition::Absent),
        _ => None,
    }
}

fn is_key(key: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte);
    !key.is_empty() && key.len() <= KEY_BYTES && key.bytes().all(fits)
}
