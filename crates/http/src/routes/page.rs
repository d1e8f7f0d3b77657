//! `/` and `/console/…`: the console, which people use in a browser.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::extract::PathOf;
use crate::openapi::{Missing, Refused};
use crate::problem::Problem;

/// The page is asked for each time, and sent again only if it has changed.
const ALWAYS_ASK: &str = "no-cache";
/// A file below its version never changes.
const KEEP: &str = "public, max-age=31536000, immutable";

/// The console
///
/// It asks for a token, unless the node is open, and keeps it for the browser tab unless told otherwise.
#[utoipa::path(
    get, path = "/", tag = "health", operation_id = "page",
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
    security(()),
)]
pub(crate) async fn page(headers: HeaderMap) -> Response {
    let page = spica_console::page();
    let mut response = file(&headers, page.html.as_bytes(), page.etag, ALWAYS_ASK);
    let more = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, page.policy),
    ];
    for (name, value) in more {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A file of the console
///
/// The version is a hash of all files; the page names the one that is served.
#[utoipa::path(
    get, path = "/console/{version}/{*path}", tag = "health", operation_id = "console_file",
    params(
        ("version" = String, Path, description = "Which console"),
        ("path" = String, Path, description = "Which file"),
    ),
    responses((status = 200, description = "The file", body = String, content_type = "*/*"), Refused, Missing),
    security(()),
)]
pub(crate) async fn asset(
    PathOf((version, path)): PathOf<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = spica_console::asset(&path).filter(|_| version == spica_console::version());
    let found = found.ok_or_else(|| {
        Problem::not_found(
            "the console has no such file; if it had, it was another version: load it again",
        )
    })?;
    let mut response = file(&headers, found.bytes, found.etag, KEEP);
    let content_type = HeaderValue::from_static(found.content_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, content_type);
    Ok(response)
}

/// The bytes, or 304 to a browser that has them.
fn file(
    headers: &HeaderMap,
    bytes: &'static [u8],
    etag: &'static str,
    caching: &'static str,
) -> Response {
    let about = [(header::ETAG, etag), (header::CACHE_CONTROL, caching)];
    if has(headers, etag) {
        return (StatusCode::NOT_MODIFIED, about).into_response();
    }
    (about, Body::from(bytes)).into_response()
}

/// Whether `If-None-Match` names the tag. A proxy may have made it a weak one.
fn has(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).into_iter();
    given
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/"))
        .any(|tag| tag == etag || tag == "*")
}
