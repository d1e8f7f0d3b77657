//! Reading requests, with refusals as problems.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header;
use axum::http::request::Parts as Head;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use crate::buffers::Reserved;
use crate::problem::{Problem, ProblemKind};
use crate::state::App;

/// The query of a request.
pub(crate) struct QueryOf<T>(pub(crate) T);

/// The variable parts of a request's path.
pub(crate) struct PathOf<T>(pub(crate) T);

/// A JSON body of an operator: small, and checked.
pub(crate) struct Json<T>(pub(crate) T);

/// What is read from a JSON body.
pub(crate) trait FromBody: Sized {
    /// Reads and checks.
    ///
    /// # Errors
    /// 400 that says what is wrong.
    fn from_body(bytes: &[u8]) -> Result<Self, Problem>;
}

/// Largest JSON body but for batches, in bytes.
pub(crate) const JSON_BYTES: usize = 64 << 10;

impl<T: DeserializeOwned> FromRequestParts<App> for QueryOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(head, app).await;
        read.map(|query| Self(query.0))
            .map_err(|error: QueryRejection| {
                Problem::bad_request(
                    error
                        .body_text()
                        .replace("Failed to deserialize query string: ", "query: "),
                )
            })
    }
}

impl<T: DeserializeOwned + Send> FromRequestParts<App> for PathOf<T> {
    type Rejection = Problem;

    async fn from_request_parts(head: &mut Head, app: &App) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(head, app).await;
        read.map(|path| Self(path.0))
            .map_err(|error: PathRejection| Problem::bad_request(error.body_text()))
    }
}

impl<T: FromBody> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (_, bytes, _reserved) = body(request, app, JSON_BYTES).await?;
        T::from_body(&bytes).map(Self)
    }
}

/// Reads a JSON object.
///
/// # Errors
/// 400 that says where it is not what is expected.
pub(crate) fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // serde would take an array for a struct, its fields in order: nobody means that.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::bad_request(
            "the body is not the expected JSON: no object",
        ));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::bad_request(format!("the body is not the expected JSON: {error}"))
    })
}

/// Reads a whole body of at most `limit` bytes, within the time a body may take; the memory is
/// reserved before the first byte and given back with what is returned.
///
/// # Errors
/// 413 if it is longer, 408 if it is too slow, 503 if there is no memory for it, 400 if the
/// connection breaks.
pub(crate) async fn body(
    request: Request,
    app: &App,
    limit: usize,
) -> Result<(Head, Bytes, Reserved), Problem> {
    let (head, body) = request.into_parts();
    let announced = announced(&head);
    let too_large = || {
        Problem::new(
            ProblemKind::TooLarge,
            format!("the body has more than {limit} bytes, the limit here"),
        )
    };
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(too_large());
    }
    let reserved = app
        .buffers
        .reserve(announced.unwrap_or(limit))
        .inspect_err(|_| {
            app.parts.metrics.refused("bodies");
        })?;
    let patience = app.settings.body_timeout.into();
    match tokio::time::timeout(patience, collect(body, limit)).await {
        Ok(Ok(bytes)) => Ok((head, bytes, reserved)),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::bad_request(format!("the body broke off: {error}"))),
        Err(_) => Err(Problem::new(
            ProblemKind::TooSlow,
            format!("the body was not there after {patience:?} (http.body_timeout)"),
        )),
    }
}

fn announced(head: &Head) -> Option<usize> {
    head.headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn collect(
    body: Body,
    limit: usize,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Limited::new(body, limit).collect().await?.to_bytes())
}

/// The media type of a request's body, without parameters, in lower case.
pub(crate) fn media_type(head: &Head) -> String {
    let value = head
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    essence.trim().to_ascii_lowercase()
}
